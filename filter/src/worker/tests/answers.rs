//! Who is answered how: exempt requests not at all, the others in a form that they can read.

use super::*;
use crate::{header_map::headers, host::ResponseBody, reply::Reply};

const AUTO: &str = r#"{"error_format":"auto"}"#;

/// A request of a client that shows whose library it is.
fn ask(bench: &mut Bench, id: RequestId, further: &[(&str, &str)]) -> Next {
    let pairs = [("x-client-id", "client"), ("x-token-estimate", "10")];
    let headers = headers(&[&pairs[..], further].concat());
    bench.worker.on_request(&mut bench.host, id, &headers, true, bench.now_us)
}

fn error_type(reply: &Reply) -> String {
    let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    body["error"]["type"].as_str().or(body["error"].as_str()).unwrap().to_owned()
}

#[test]
fn an_exempt_request_passes_without_a_client_and_without_an_ask() {
    for mode in ["enforce", "shadow", "off"] {
        let config =
            format!(r#"{{"mode":"{mode}","exempt_paths":["/health"],"exempt_preflight":true}}"#);
        let mut bench = Bench::new(&config);
        let health = headers(&[(":method", "GET"), (":path", "/health?a")]);
        let next = bench.worker.on_request(&mut bench.host, 1, &health, false, bench.now_us);
        assert_eq!(next, Next::Continue, "{mode}");
        let response = [(":status", "200"), ("x-ratelimit-limit-tokens", "7")];
        assert_eq!(bench.respond(1, &response, "{}"), ResponseBody::Pass);
        bench.end(1, true);
        bench.tick(20);
        assert_eq!(bench.count("flowguard_decisions.outcome=exempt"), 1);
        assert!(bench.host.frames.is_empty() && bench.host.open.is_empty(), "{mode}");
        assert!(bench.host.edits.is_empty() && bench.host.fates.is_empty(), "{mode}");
        // The same with a body is like any other request.
        bench.worker.on_request(&mut bench.host, 2, &health, true, bench.now_us);
        assert_eq!(bench.count("flowguard_decisions.outcome=exempt"), 1);
        assert_eq!(bench.count("flowguard_decisions.outcome=invalid_headers"), 1);
    }
}

#[test]
fn each_request_that_waited_together_is_refused_in_its_own_form() {
    let mut bench = Bench::open(AUTO);
    ask(&mut bench, 1, &[("anthropic-version", "2023-06-01")]);
    ask(&mut bench, 2, &[("user-agent", "OpenAI/Python 3.54.0")]);
    ask(&mut bench, 3, &[(":path", "/test")]);
    ask(&mut bench, 4, &[(":path", "/v1/messages")]);
    bench.answer(&[(1, Decision::TpmExceeded, 1)]);
    bench.answer(&[
        (2, Decision::TpmExceeded, 1),
        (3, Decision::TpmExceeded, 1),
        (4, Decision::UnknownClient, 0),
    ]);
    let replies = &bench.host.replies;
    assert_eq!(error_type(&replies[&1]), "rate_limit_error");
    assert_eq!(error_type(&replies[&2]), "tokens");
    assert_eq!(error_type(&replies[&3]), "tpm_exceeded");
    assert_eq!(error_type(&replies[&4]), "permission_error");
}

#[test]
fn what_is_refused_without_a_verdict_has_its_own_form_too() {
    let mut bench = Bench::open(AUTO);
    let anthropics = [("anthropic-version", "2023-06-01")];
    let nobody = headers(&anthropics);
    bench.worker.on_request(&mut bench.host, 1, &nobody, true, bench.now_us);
    assert_eq!(error_type(&bench.host.replies[&1]), "invalid_request_error");
    ask(&mut bench, 2, &anthropics);
    ask(&mut bench, 3, &[(":path", "/v1/embeddings")]);
    bench.tick(250);
    assert_eq!(error_type(&bench.host.replies[&2]), "api_error");
    assert_eq!(error_type(&bench.host.replies[&3]), "server_error");
    for id in [2, 3] {
        let headers = &bench.host.replies[&id].headers;
        let retry_after = headers.iter().find(|(name, _)| *name == "retry-after");
        assert_eq!(retry_after.map(|(_, value)| value.as_str()), Some("1"));
    }
}
