//! The description of the API, and the page that shows it: Swagger UI, of which all is in this program.
//! The page asks nobody else for anything, and its policy allows it nothing else.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use utoipa::openapi::OpenApi;

use super::describe;
use crate::http::JSON;

/// What a browser lets a page of this program do. Pictures in a style sheet are part of that; it calls this
/// API alone.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// A file of Swagger UI, as build.rs took it out.
macro_rules! swagger_ui {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui/", $name))
    };
}

/// The description as text, which is there once all routes are.
#[derive(Clone, Default)]
pub(super) struct Text(Arc<OnceLock<Bytes>>);

impl Text {
    /// Writes it down. What cannot be written is nothing that this program describes.
    pub(super) fn fill(&self, description: &OpenApi) {
        if let Ok(text) = description.to_pretty_json() {
            self.0.get_or_init(|| Bytes::from(text));
        }
    }
}

/// This description.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "service",
    operation_id = "getDescription",
    responses((status = 200, description = "OpenAPI 3.1.", body = describe::Description))
)]
pub(super) async fn description(State(text): State<Text>) -> Response {
    match text.0.get() {
        Some(text) => ([(header::CONTENT_TYPE, JSON)], text.clone()).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A page that shows the description.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "service",
    operation_id = "getDocs",
    responses((
        status = 200,
        description = "A page for a browser.",
        body = describe::Page,
        content_type = "text/html; charset=utf-8"
    ))
)]
pub(super) async fn page() -> Response {
    file(HTML, include_bytes!("docs/page.html"))
}

/// The page's own script.
#[utoipa::path(
    get,
    path = "/docs/page.js",
    tag = "service",
    operation_id = "getDocsPageScript",
    responses((
        status = 200,
        description = "A script.",
        body = describe::Page,
        content_type = "text/javascript; charset=utf-8"
    ))
)]
pub(super) async fn page_script() -> Response {
    file(SCRIPT, include_bytes!("docs/page.js"))
}

/// Swagger UI's script.
#[utoipa::path(
    get,
    path = "/docs/swagger-ui-bundle.js",
    tag = "service",
    operation_id = "getDocsScript",
    responses((
        status = 200,
        description = "A script.",
        body = describe::Page,
        content_type = "text/javascript; charset=utf-8"
    ))
)]
pub(super) async fn script() -> Response {
    file(SCRIPT, swagger_ui!("swagger-ui-bundle.js"))
}

/// Swagger UI's style sheet.
#[utoipa::path(
    get,
    path = "/docs/swagger-ui.css",
    tag = "service",
    operation_id = "getDocsStyle",
    responses((
        status = 200,
        description = "A style sheet.",
        body = describe::Page,
        content_type = "text/css; charset=utf-8"
    ))
)]
pub(super) async fn style() -> Response {
    file(STYLE, swagger_ui!("swagger-ui.css"))
}

/// Who wrote Swagger UI, as its licence wants it told.
#[utoipa::path(
    get,
    path = "/docs/NOTICE",
    tag = "service",
    operation_id = "getDocsNotice",
    responses((
        status = 200,
        description = "A text.",
        body = describe::Page,
        content_type = "text/plain; charset=utf-8"
    ))
)]
pub(super) async fn notice() -> Response {
    file(TEXT, swagger_ui!("NOTICE"))
}

fn file(content_type: &'static str, content: &'static [u8]) -> Response {
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, content_type), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, content).into_response()
}
