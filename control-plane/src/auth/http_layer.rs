//! The lock before the routes of an HTTP port.

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};

use super::{
    Lock, Requirement,
    policy::{self, Route},
};
use crate::http::{fallback, method_not_allowed};

impl Lock {
    /// Puts this lock before everything that `router` serves.
    pub(crate) fn guard(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), answer))
    }
}

async fn answer(State(lock): State<Lock>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map(|path| policy::route(path.as_str(), request.method()));
    let requirement = match &route {
        Some(Route::Listed(requirement) | Route::OtherMethod(_, requirement)) => *requirement,
        Some(Route::Unlisted) | None => Requirement::Anybody,
    };
    // Of a path that is none of ours nothing is written down: its caller chose it.
    let path = path.map_or("*", MatchedPath::as_str);
    let call = format!("{} {path}", request.method());
    let (mut parts, body) = request.into_parts();
    if let Err(refusal) = lock.admit(requirement, &call, &parts.headers, &mut parts.extensions) {
        return refusal.into_response();
    }
    match route {
        Some(Route::Listed(_)) => next.run(Request::from_parts(parts, body)).await,
        Some(Route::OtherMethod(allowed, _)) => {
            let mut response = method_not_allowed().await.into_response();
            if let Ok(allowed) = HeaderValue::try_from(allowed) {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
            response
        }
        Some(Route::Unlisted) | None => fallback().await.into_response(),
    }
}
