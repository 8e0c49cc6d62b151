//! The REST API: section 3 of the external contract.

mod body;
mod clients;
mod list;
mod path;
mod shapes;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use http::{HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::{
    admin::{Admin, AdminError, FieldError, FieldErrors},
    health::{self, Health},
    http_server::{ApiError, ErrorCode, fallback, method_not_allowed},
    settings::CorsOrigins,
};

/// The whole API; a browser may call it from `cors` alone.
pub fn router(admin: Arc<Admin>, health: Health, cors: &CorsOrigins) -> Router {
    let router = Router::new()
        .route("/api/v1/clients", get(clients::list).merge(post(clients::create)))
        .route(
            "/api/v1/clients/{id}",
            get(clients::show).put(clients::replace).delete(clients::remove),
        )
        .route("/api/v1/clients/{id}/stats", get(clients::stats))
        .route("/api/v1/stats", get(clients::all_stats))
        .with_state(admin)
        .merge(health::router(health))
        .fallback(fallback)
        .method_not_allowed_fallback(method_not_allowed);
    match cors_layer(cors) {
        Some(layer) => router.layer(layer),
        None => router,
    }
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
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::CONTENT_TYPE]);
    Some(layer)
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        let code = match &error {
            AdminError::Invalid(errors) => field_code(errors),
            AdminError::ClientNotFound => ErrorCode::ClientNotFound,
            AdminError::TooManyClients { .. } => ErrorCode::TooManyClients,
            AdminError::Store(_) => ErrorCode::StoreUnavailable,
            AdminError::Stopping => ErrorCode::Stopping,
        };
        Self::new(code, error.to_string())
    }
}

/// One answer tells all errors but has one code: the first one's.
fn field_code(errors: &FieldErrors) -> ErrorCode {
    match errors.first() {
        Some(FieldError::Missing { .. }) => ErrorCode::MissingField,
        _ => ErrorCode::InvalidField,
    }
}
