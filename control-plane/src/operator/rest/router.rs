//! Which call is at which path, and which web pages may make it.

use std::sync::Arc;

use axum::Router;
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    audit, clients, console, credentials, describe, docs, document,
    events::{self, Streams},
    explain, limits, past, preview, system,
};
use crate::{
    auth::Lock,
    health::{self, Health},
    http::{Access, CorsOrigins, fallback, method_not_allowed},
    operator::Operator,
};

/// The whole API, for the callers that `access` allows and `lock` lets in.
pub fn router(operator: Arc<Operator>, health: Health, access: &Access, lock: &Lock) -> Router {
    let text = docs::Text::default();
    let streams =
        Streams { operator: Arc::clone(&operator), health: health.clone(), lock: lock.clone() };
    let all =
        calls().with_state(operator).merge(streamed(streams)).merge(health::described(health));
    let (router, described) = all.merge(docs(text.clone())).merge(pages()).split_for_parts();
    text.fill(&describe::whole(described, lock.is_closed()));
    let router = router.fallback(fallback).method_not_allowed_fallback(method_not_allowed);
    // A browser asks without a token whether it may send one.
    let router = lock.guard(router);
    access.guard(match cors_layer(&access.origins) {
        Some(layer) => router.layer(layer),
        None => router,
    })
}

/// Each call, with its path and its description, which both stand at its handler.
fn calls() -> OpenApiRouter<Arc<Operator>> {
    OpenApiRouter::default()
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::show, clients::replace, clients::change, clients::remove))
        .routes(routes!(clients::reset))
        .routes(routes!(clients::stats))
        .routes(routes!(explain::explain))
        .routes(routes!(past::decisions))
        .routes(routes!(past::history))
        .routes(routes!(clients::all_stats))
        .routes(routes!(clients::backup))
        .routes(routes!(credentials::list_keys, credentials::create_key))
        .routes(routes!(credentials::show_key, credentials::remove_key))
        .routes(routes!(credentials::list_tokens, credentials::create_token))
        .routes(routes!(credentials::show_token, credentials::remove_token))
        .routes(routes!(limits::list))
        .routes(routes!(limits::show, limits::replace, limits::remove))
        .routes(routes!(limits::stats))
        .routes(routes!(limits::list_models))
        .routes(routes!(limits::show_model, limits::replace_model, limits::remove_model))
        .routes(routes!(document::show, document::replace))
        .routes(routes!(audit::list))
        .routes(routes!(preview::preview))
        .routes(routes!(system::show))
}

/// The call that does not end.
fn streamed(streams: Streams) -> OpenApiRouter {
    OpenApiRouter::default().routes(routes!(events::follow)).with_state(streams)
}

/// The description itself, and the page that shows it.
fn docs(text: docs::Text) -> OpenApiRouter {
    OpenApiRouter::default()
        .routes(routes!(docs::description))
        .routes(routes!(docs::page))
        .routes(routes!(docs::page_script))
        .routes(routes!(docs::script))
        .routes(routes!(docs::style))
        .routes(routes!(docs::notice))
        .with_state(text)
}

/// The console, which asks this API for all that it shows.
fn pages() -> OpenApiRouter {
    OpenApiRouter::default().routes(routes!(console::page)).routes(routes!(console::file))
}

fn cors_layer(origins: &CorsOrigins) -> Option<CorsLayer> {
    let origins = match origins {
        CorsOrigins::None => return None,
        CorsOrigins::Any => AllowOrigin::from(Any),
        CorsOrigins::List(origins) => AllowOrigin::list(
            origins.iter().filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok()),
        ),
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            header::IF_MATCH,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::ETAG]);
    Some(layer)
}
