//! Whether this process serves: one answer for `/health` on both ports and for grpc.health.v1.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// Ready from the start until [`Health::stop`]; clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct Health {
    stopping: CancellationToken,
}

impl Health {
    /// The health of a process that serves.
    pub fn ready() -> Self {
        Self::default()
    }

    /// From now on load balancers are told to go elsewhere; there is no way back.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Whether [`Health::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Waits for [`Health::stop`].
    pub async fn stopped(&self) {
        self.stopping.cancelled().await;
    }
}

/// `/health`.
pub(crate) fn router(health: Health) -> Router {
    Router::new().route("/health", get(answer)).with_state(health)
}

#[derive(Serialize)]
struct Body {
    status: &'static str,
    service: &'static str,
    version: &'static str,
}

async fn answer(State(health): State<Health>) -> Response {
    let (code, status) = if health.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else {
        (StatusCode::OK, "healthy")
    };
    let body = Body { status, service: "flowguard", version: env!("CARGO_PKG_VERSION") };
    (code, Json(body)).into_response()
}
