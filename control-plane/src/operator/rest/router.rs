//! Which call is at which path, and which web pages may make it.

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::{clients, credentials, document, limits};
use crate::{
    health::{self, Health},
    http::{Access, CorsOrigins, fallback, method_not_allowed},
    operator::Operator,
};

/// The whole API, for the callers that `access` allows.
pub fn router(operator: Arc<Operator>, health: Health, access: &Access) -> Router {
    let router = Router::new()
        .route("/api/v1/clients", get(clients::list).merge(post(clients::create)))
        .route(
            "/api/v1/clients/{id}",
            get(clients::show).put(clients::replace).patch(clients::change).delete(clients::remove),
        )
        .route("/api/v1/clients/{id}/reset", post(clients::reset))
        .route("/api/v1/clients/{id}/stats", get(clients::stats))
        .route(
            "/api/v1/clients/{id}/keys",
            get(credentials::list_keys).post(credentials::create_key),
        )
        .route(
            "/api/v1/clients/{id}/keys/{part}",
            get(credentials::show_key).delete(credentials::remove_key),
        )
        .route("/api/v1/tokens", get(credentials::list_tokens).post(credentials::create_token))
        .route(
            "/api/v1/tokens/{part}",
            get(credentials::show_token).delete(credentials::remove_token),
        )
        .route("/api/v1/stats", get(clients::all_stats))
        .route("/api/v1/limits", get(limits::list))
        .route(
            "/api/v1/limits/{name}",
            get(limits::show).put(limits::replace).delete(limits::remove),
        )
        .route("/api/v1/limits/{name}/stats", get(limits::stats))
        .route("/api/v1/models", get(limits::list_models))
        .route(
            "/api/v1/models/{name}",
            get(limits::show_model).put(limits::replace_model).delete(limits::remove_model),
        )
        .route("/api/v1/config", get(document::show).put(document::replace))
        .route("/api/v1/backup", get(clients::backup))
        .with_state(operator)
        .merge(health::router(health))
        .fallback(fallback)
        .method_not_allowed_fallback(method_not_allowed);
    access.guard(match cors_layer(&access.origins) {
        Some(layer) => router.layer(layer),
        None => router,
    })
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
