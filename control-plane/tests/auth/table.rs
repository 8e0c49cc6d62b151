//! One table: every route and every gRPC method, every scope, and whatever is no token.

use std::collections::BTreeSet;

use flowguard::{
    auth::{Requirement, methods, routes},
    credentials::{Scope, Secret},
};
use harness::http_client::HttpClient;
use http::{Method, StatusCode};
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::world::{World, log};

/// The one call of REST that goes on for ever.
const EVENTS: &str = "/api/v1/events";

/// Whoever may come.
struct Visitor {
    what: String,
    shows: Option<Secret>,
    /// What they may do, or by which error they are refused.
    may: Result<Scope, &'static str>,
}

/// What was made of a call.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    LetIn,
    Refused { error: String },
}

fn visitors(world: &World) -> Vec<Visitor> {
    let refused =
        |what: &str, shows, error| Visitor { what: what.to_owned(), shows, may: Err(error) };
    let mut visitors = vec![
        refused("nothing", None, "missing_token"),
        refused("a wrong token", Some(world.wrong_token()), "invalid_token"),
    ];
    for scope in Scope::ALL {
        let with = |what: &str| format!("{what} token for {scope}");
        visitors.push(Visitor {
            what: with("a"),
            shows: Some(world.token(scope.word(), &[scope])),
            may: Ok(scope),
        });
        let expired = Some(world.expired_token(&[scope]));
        visitors.push(refused(&with("an expired"), expired, "expired_token"));
        let revoked = Some(world.revoked_token(&[scope]));
        visitors.push(refused(&with("a revoked"), revoked, "invalid_token"));
    }
    visitors
}

fn expected(requirement: Requirement, visitor: &Visitor) -> Answer {
    let wanted = match requirement {
        Requirement::Nothing => return Answer::LetIn,
        Requirement::Anybody => None,
        Requirement::Scope(scope) => Some(scope),
    };
    match visitor.may {
        Err(error) => Answer::Refused { error: error.to_owned() },
        Ok(scope) if wanted.is_none_or(|wanted| wanted == scope) => Answer::LetIn,
        Ok(_) => Answer::Refused { error: "insufficient_scope".to_owned() },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_every_port_lets_in_who_has_its_scope_and_nobody_else() {
    let world = World::start().await;
    let visitors = visitors(&world);
    for visitor in &visitors {
        for (path, method, requirement) in routes() {
            let answer = call_route(&world, path, method, visitor).await;
            let expected = expected(requirement, visitor);
            assert_eq!(answer, expected, "{method} {path} with {}", visitor.what);
        }
        for (path, requirement) in methods() {
            let answer = call_method(&world, path, visitor).await;
            let expected = expected(requirement, visitor);
            assert_eq!(answer, expected, "{path} with {}", visitor.what);
        }
    }
    let metrics = world.token("prometheus", &[Scope::Metrics]);
    let page = HttpClient::http1(world.metrics).get("/metrics");
    let page = page.header("authorization", bearer(&metrics)).send().await;
    assert_eq!(page.status, StatusCode::OK);
    check_counters(&page.text(), &visitors);
    world.is_without_secrets(&page.text());
    world.is_without_secrets(&log());
}

async fn call_route(world: &World, path: &str, method: &Method, visitor: &Visitor) -> Answer {
    let port = if path == "/metrics" { world.metrics } else { world.rest };
    let path = path.replace("{id}", "a").replace("{name}", "a").replace("{*path}", "main.js");
    let mut request = HttpClient::http1(port).request(method.clone(), &path);
    if let Some(secret) = &visitor.shows {
        request = request.header("authorization", bearer(secret));
    }
    // Of who is let in to what goes on for ever the answer's head alone.
    if path == EVENTS && requirement_is_met(visitor) {
        let answer = request.open().await;
        assert_eq!(answer.status(), StatusCode::OK, "{method} {path}");
        return Answer::LetIn;
    }
    let answer = request.send().await;
    world.is_without_secrets(&answer.text());
    let challenge = answer.header("www-authenticate");
    if !matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        assert_eq!(challenge, None);
        let text = answer.text();
        assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert!(!text.contains("there is nothing at this path"), "{method} {path}: {text}");
        return Answer::LetIn;
    }
    assert!(challenge.is_some_and(|challenge| challenge.starts_with("Bearer ")), "{challenge:?}");
    let error = answer.json()["error"].as_str().expect("an error").to_owned();
    let status = if error == "insufficient_scope" { 403 } else { 401 };
    assert_eq!(answer.status.as_u16(), status, "{error}");
    Answer::Refused { error }
}

/// With one empty message, of which each method can be called.
async fn call_method(world: &World, path: &str, visitor: &Visitor) -> Answer {
    let port = if path.contains("decision") { world.decisions } else { world.grpc };
    let mut request = HttpClient::http2(port)
        .post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(vec![0; 5]);
    if let Some(secret) = &visitor.shows {
        request = request.header("authorization", bearer(secret));
    }
    // The answer's head alone: some calls go on for ever.
    let answer = request.open().await;
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let message = header("grpc-message").unwrap_or_default();
    world.is_without_secrets(message);
    let error = match header("grpc-status") {
        Some("7") => "insufficient_scope",
        Some("16") if message.contains("has%20expired") => "expired_token",
        Some("16") if message.contains("this%20takes") => "missing_token",
        Some("16") => "invalid_token",
        status => {
            assert_ne!(status, Some("12"), "{path} is not implemented");
            return Answer::LetIn;
        }
    };
    Answer::Refused { error: error.to_owned() }
}

/// Whether they may read, so that what they are let in to would go on for ever.
fn requirement_is_met(visitor: &Visitor) -> bool {
    visitor.may == Ok(Scope::Read)
}

fn bearer(secret: &Secret) -> String {
    format!("Bearer {}", secret.expose())
}

/// Every refusal was counted, at its port and by its reason.
fn check_counters(page: &str, visitors: &[Visitor]) {
    let on_rest = routes().filter(|(path, ..)| *path != "/metrics").map(|(.., needs)| needs);
    let on_metrics = routes().filter(|(path, ..)| *path == "/metrics").map(|(.., needs)| needs);
    let (on_decisions, on_grpc): (Vec<_>, Vec<_>) =
        methods().partition(|(path, _)| path.contains("decision"));
    let of = |methods: Vec<(_, Requirement)>| methods.into_iter().map(|(_, needs)| needs).collect();
    for (port, calls) in [
        ("rest", on_rest.collect::<Vec<_>>()),
        ("metrics", on_metrics.collect()),
        ("grpc", of(on_grpc)),
        ("decisions", of(on_decisions)),
    ] {
        for reason in ["missing_token", "invalid_token", "expired_token", "insufficient_scope"] {
            let refused = Answer::Refused { error: reason.to_owned() };
            let calls = calls.iter().flat_map(|call| visitors.iter().map(|by| expected(*call, by)));
            let count = calls.filter(|answer| *answer == refused).count();
            let line = format!(
                "flowguard_auth_refused_total{{port=\"{port}\",reason=\"{reason}\"}} {count}\n"
            );
            assert!(page.contains(&line), "{line}: {page}");
        }
    }
}

#[test]
fn every_method_of_every_service_stands_in_the_table() {
    let files = FileDescriptorSet::decode(proto::DESCRIPTORS).expect("descriptors").file;
    let mut served = BTreeSet::new();
    for file in &files {
        for service in &file.service {
            for method in &service.method {
                let (package, service) = (file.package(), service.name());
                served.insert(format!("/{package}.{service}/{}", method.name()));
            }
        }
    }
    let listed: BTreeSet<_> = methods().map(|(path, _)| path.to_owned()).collect();
    let missing: Vec<_> = served.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let others: Vec<_> =
        listed.difference(&served).filter(|path| !path.starts_with("/grpc.")).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// The router of REST is the description's, and another router cannot be asked for its routes: they are
/// read where they stand.
#[tokio::test(flavor = "multi_thread")]
async fn every_path_of_every_router_stands_in_the_table() {
    let world = World::start().await;
    let answer = HttpClient::http1(world.rest).get("/api/v1/openapi.json").send().await;
    let description = answer.json();
    let described = description["paths"].as_object().expect("paths").keys().cloned();
    let page = include_str!("../../src/metrics/page.rs");
    let served: BTreeSet<_> = page
        .split(".route(")
        .skip(1)
        .filter_map(|rest| rest.split('"').nth(1).map(str::to_owned))
        .chain(described)
        .collect();
    // As a router has it, and as the description has it.
    let listed: BTreeSet<_> = routes().map(|(path, ..)| path.replace("{*", "{")).collect();
    assert_eq!(served, listed);
}
