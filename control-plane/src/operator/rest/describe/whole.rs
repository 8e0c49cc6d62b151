//! The description as a whole: what every call has in common stands here once, and what each requires of
//! its caller comes from the table by which the lock judges.

use http::Method;
use utoipa::openapi::{
    ComponentsBuilder, Info, License, OpenApi,
    path::{Operation, PathItem},
    security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

use super::{
    audit, clients, credentials, document,
    errors::{self, ERRORS, OfStatus},
    limits,
};
use crate::auth::{Requirement, routes};

/// How the description calls the lock.
const TOKEN: &str = "token";

const ABOUT: &str = "What an operator may do: clients and their limits, limits beside them, models, keys \
                     and tokens, all of it as one document, and what was made of it. Every path answers \
                     another method with 405, and an unknown path is 404. Errors are an object of `error` \
                     and `message`; with `Accept: application/problem+json` they are a problem of RFC 9457 \
                     that has these two besides.";

/// The description of calls that are described one by one. `is_locked`: callers have to show a token.
pub(in crate::operator::rest) fn whole(calls: OpenApi, is_locked: bool) -> OpenApi {
    let mut api = calls;
    let mut info = Info::new("FlowGuard", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new("Apache-2.0"));
    api.info = info;
    let components = api.components.take().unwrap_or_default();
    api.components = Some(with_all(components.into()).build());
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            complete(path, &method, operation, is_locked);
        }
    }
    // What a router calls all that is left of a path is no name.
    let named = std::mem::take(&mut api.paths.paths).into_iter();
    api.paths.paths = named.map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    api
}

/// Everything that something else refers to.
fn with_all(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut token = Http::new(HttpAuthScheme::Bearer);
    token.description = Some("A token with the scope that the call names.".to_owned());
    let components = components
        .security_scheme(TOKEN, SecurityScheme::Http(token))
        .schema_from::<clients::Client>()
        .schema_from::<clients::Stats>()
        .schema_from::<limits::Limit>()
        .schema_from::<limits::LimitEntry>()
        .schema_from::<limits::YamlLimitEntry>()
        .schema_from::<limits::Model>()
        .schema_from::<credentials::Key>()
        .schema_from::<credentials::KeyEntry>()
        .schema_from::<credentials::YamlKeyEntry>()
        .schema_from::<credentials::Token>()
        .schema_from::<credentials::TokenEntry>()
        .schema_from::<credentials::YamlTokenEntry>()
        .schema_from::<document::ClientEntry>()
        .schema_from::<document::YamlClientEntry>()
        .schema_from::<audit::Description>();
    ERRORS
        .iter()
        .fold(components, |components, of: &OfStatus| components.response(of.name, of.response()))
}

/// Adds what a call has since every call has it, or since its caller has to be known.
fn complete(path: &str, method: &Method, operation: &mut Operation, is_locked: bool) {
    let requirement = routes().find(|(listed, of, _)| *listed == path && *of == method);
    let requirement = requirement.map_or(Requirement::Anybody, |(.., requirement)| requirement);
    let mut statuses = vec![403, 408];
    // Health is asked for by whatever name.
    if !matches!(path, "/health" | "/ready") {
        statuses.push(421);
    }
    if let Requirement::Scope(scope) = requirement {
        statuses.extend([401, 503]);
        let takes = format!("Takes a token with the scope `{scope}`.");
        let description = operation.description.take();
        let told = description.into_iter().chain([takes]).collect::<Vec<_>>().join("\n\n");
        operation.description = Some(told);
        let token = SecurityRequirement::new::<_, [&str; 0], &str>(TOKEN, []);
        // Where nobody has to show one, nothing is an alternative.
        let nothing = (!is_locked).then(SecurityRequirement::default);
        operation.security = Some([token].into_iter().chain(nothing).collect());
    }
    for (status, response) in errors::of(&statuses) {
        operation.responses.responses.entry(status).or_insert(response);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
