//! The console: a page for operators, of which all is in this program. Whoever reaches the port gets it, and it
//! tells nothing by itself: what it shows it asks of this API, which has its lock.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;

use super::{describe, docs::POLICY};
use crate::http::{ApiError, fallback, weight};

/// A file of the console.
struct File {
    /// Its path in the folder.
    path: &'static str,
    content_type: &'static str,
    /// The smallest first; the last one is the file as it is.
    forms: &'static [Form],
}

/// What is sent of a file.
struct Form {
    /// How it is compressed, as `Content-Encoding` says it, or nothing.
    coding: &'static str,
    etag: &'static str,
    content: &'static [u8],
}

/// The folder `console`, as build.rs found it.
static FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// Every file has a path of its own only as long as its content is the same, so a browser asks each time whether
/// it is.
const CACHING: &str = "no-cache";

/// The console, a page for operators.
#[utoipa::path(
    get,
    path = "/",
    tag = "service",
    operation_id = "getConsole",
    params(describe::Cached),
    responses(
        (
            status = 200,
            description = "A page for a browser.",
            body = describe::Page,
            content_type = "text/html; charset=utf-8",
            headers(("etag" = String, description = "The tag of what is sent."))
        ),
        (status = 304, description = "The caller has it.")
    )
)]
pub(super) async fn page(headers: HeaderMap) -> Result<Response, ApiError> {
    found("index.html", &headers).await
}

/// What the console's page is made of.
#[utoipa::path(
    get,
    path = "/console/{*path}",
    tag = "service",
    operation_id = "getConsoleFile",
    params(describe::FileInPath, describe::Cached),
    responses(
        (
            status = 200,
            description = "A script, a style sheet or a picture.",
            content(
                (describe::Page = "text/html; charset=utf-8"),
                (describe::Page = "text/css; charset=utf-8"),
                (describe::Page = "text/javascript; charset=utf-8"),
                (describe::Page = "image/svg+xml; charset=utf-8")
            ),
            headers(("etag" = String, description = "The tag of what is sent."))
        ),
        (status = 304, description = "The caller has it."),
        describe::NotThere
    )
)]
pub(super) async fn file(uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    let path = uri.path().strip_prefix("/console/").unwrap_or_default();
    found(&percent_decode_str(path).decode_utf8_lossy(), &headers).await
}

async fn found(path: &str, headers: &HeaderMap) -> Result<Response, ApiError> {
    let file = FILES.iter().find(|file| file.path == path);
    match file.and_then(|file| answer(file, headers)) {
        Some(answer) => Ok(answer),
        None => Err(fallback().await),
    }
}

fn answer(file: &'static File, asked: &HeaderMap) -> Option<Response> {
    let mut forms = file.forms.iter();
    let form = forms.find(|form| form.coding.is_empty() || takes(asked, form.coding))?;
    let mut response = if has_already(file, asked) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = form.content.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
        if !form.coding.is_empty() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(form.coding));
        }
        response
    };
    for (name, value) in [
        (header::ETAG, form.etag),
        (header::CACHE_CONTROL, CACHING),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Whether one of the tags is the file's, in whichever form it was sent.
fn has_already(file: &File, asked: &HeaderMap) -> bool {
    members(asked, &header::IF_NONE_MATCH).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || file.forms.iter().any(|form| form.etag == tag)
    })
}

/// Whether the caller can read what is compressed in this way.
fn takes(asked: &HeaderMap, wanted: &str) -> bool {
    let mut takes_any = false;
    for member in members(asked, &header::ACCEPT_ENCODING) {
        let mut parts = member.split(';');
        let coding = parts.next().unwrap_or_default();
        let is_taken = weight(parts).is_some_and(|weight| weight > 0);
        match coding.trim() {
            coding if coding.eq_ignore_ascii_case(wanted) => return is_taken,
            "*" => takes_any = is_taken,
            _ => {}
        }
    }
    takes_any
}

/// What stands between the commas of a header.
fn members<'a>(
    headers: &'a HeaderMap,
    name: &http::HeaderName,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}
