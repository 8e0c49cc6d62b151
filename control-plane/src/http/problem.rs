//! The form of an error, once for every HTTP port: this server's own two fields, or a problem of RFC 9457
//! where a caller asks for that. What others refuse, as extractors do that come with the framework, gets
//! the same form here.

use std::borrow::Cow;

use axum::{
    body::{Body, to_bytes},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::{ApiError, ErrorCode, JSON, weight::weight};

/// Declares a problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// The longest text of somebody else's that is told: theirs are a line.
const FOREIGN_BYTES_MAX: usize = 4 * 1024;

/// How a caller reads errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorForm {
    /// As `{"error","message"}`.
    Own,
    /// As a problem, which has these two besides.
    Problem,
}

impl ErrorForm {
    /// What `Accept` asks for: a problem where it is named, and plain JSON is not liked better. How much
    /// this is liked is said by the most specific range that it is in (RFC 9110, section 12.5.1).
    pub(super) fn asked_for(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let ranges: Vec<_> = lines.flat_map(|line| line.split(',')).filter_map(range).collect();
        let liked = |wanted: &str| {
            let of_range = ranges.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            of_range.map(|(_, weight)| *weight).max()
        };
        let json = [JSON, "application/*", "*/*"].into_iter().find_map(liked).unwrap_or_default();
        match liked(PROBLEM_JSON) {
            Some(problem) if problem > 0 && problem >= json => Self::Problem,
            _ => Self::Own,
        }
    }

    /// Puts an error in this form; whatever is none stays what it is.
    pub(super) async fn put(self, response: Response) -> Response {
        let status = response.status();
        if !status.is_client_error() && !status.is_server_error() {
            return response;
        }
        let known = response.extensions().get::<ApiError>().cloned();
        match (self, known) {
            (Self::Problem, Some(error)) => problem(response, &error),
            (_, None) if is_foreign(&response) => {
                let (parts, body) = response.into_parts();
                let error = ApiError::new(code(status), message(status, body).await);
                let mut response = error.clone().into_response();
                for (name, value) in &parts.headers {
                    response.headers_mut().entry(name).or_insert_with(|| value.clone());
                }
                response.headers_mut().remove(header::CONTENT_LENGTH);
                if self == Self::Problem { problem(response, &error) } else { response }
            }
            _ => response,
        }
    }
}

/// A media range and how much it is liked; one whose weight is none is passed over.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';');
    let name = parts.next().unwrap_or_default().trim();
    weight(parts).map(|weight| (name, weight))
}

/// Whether nobody here wrote it: what is written here is JSON.
fn is_foreign(response: &Response) -> bool {
    let declared = response.headers().get(header::CONTENT_TYPE);
    declared.is_none_or(|value| value.as_bytes().starts_with(b"text/plain"))
}

fn code(status: StatusCode) -> ErrorCode {
    let name = match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        status if status.is_server_error() => "internal_error",
        _ => "invalid_request",
    };
    ErrorCode { name, status }
}

async fn message(status: StatusCode, body: Body) -> Cow<'static, str> {
    if status.is_server_error() {
        return "this should not happen: the log may tell more".into();
    }
    let told = to_bytes(body, FOREIGN_BYTES_MAX).await.unwrap_or_default();
    let told = String::from_utf8_lossy(&told).split_whitespace().collect::<Vec<_>>().join(" ");
    if told.is_empty() {
        return status.canonical_reason().unwrap_or("the request is not understood").into();
    }
    told.into()
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    error: &'a str,
    message: &'a str,
}

/// `response` with a problem for its body.
fn problem(response: Response, error: &ApiError) -> Response {
    let ErrorCode { name, status } = error.code();
    let message = error.message();
    let problem = Problem {
        r#type: format!("urn:flowguard:error:{name}"),
        title: name.replace('_', " "),
        status: status.as_u16(),
        detail: message,
        error: name,
        message,
    };
    let Ok(json) = serde_json::to_vec(&problem) else { return response };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    Response::from_parts(parts, Body::from(json))
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, extract::Path, routing::get};
    use http::Request;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;

    fn form(accept: &[&'static str]) -> ErrorForm {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(line));
        }
        ErrorForm::asked_for(&headers)
    }

    #[test]
    fn a_problem_is_for_those_who_name_it() {
        for accept in [
            &["application/problem+json"][..],
            &["application/json, application/problem+json"],
            &["application/json", "Application/Problem+JSON;q=1"],
            &["application/json;q=0.5, application/problem+json;q=0.8"],
            // What is said of a type itself is said of no range that it is in.
            &["application/json;q=0.1, application/problem+json;q=0.5, */*"],
            &["application/*;q=0.1, application/problem+json;q=0.5, */*"],
            &["application/json;q=0, application/problem+json;q=0.001, application/*"],
            &["*/*, application/problem+json"],
            &["application/json;q=2, application/problem+json;q=0.5"],
        ] {
            assert_eq!(form(accept), ErrorForm::Problem, "{accept:?}");
        }
        for accept in [
            &[][..],
            &["*/*"],
            &["application/*"],
            &["application/json"],
            &["application/problem+json;q=0"],
            &["application/problem+json;q=none"],
            &["application/json, application/problem+json;q=0.9"],
            &["application/problem+xml"],
            &["application/problem+json;q=0.1, */*;q=0.9"],
            &["application/problem+json;q=0.5, application/*;q=0.8"],
            &["application/problem+json;q=0, */*"],
            &["application/problem+json;q=2"],
            &["application/problem+json;q=\"1\""],
        ] {
            assert_eq!(form(accept), ErrorForm::Own, "{accept:?}");
        }
    }

    async fn answer(form: ErrorForm, path: &str) -> (StatusCode, String, Value) {
        let refused = || async { ApiError::new(code(StatusCode::NOT_FOUND), "no such thing") };
        let router = Router::new()
            .route("/number/{n}", get(|Path(_): Path<u8>| async {}))
            .route("/body", get(|_: Json<Value>| async {}))
            .route("/own", get(refused))
            .route("/bare", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .route("/health", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, Json(json!({}))) }));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = form.put(router.oneshot(request).await.unwrap()).await;
        let declared = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let (status, body) = (response.status(), response.into_body());
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (status, declared, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn what_the_framework_refuses_has_the_form_of_every_error() {
        for (path, status, name) in [
            ("/number/abc", StatusCode::BAD_REQUEST, "invalid_request"),
            ("/number/%ff", StatusCode::BAD_REQUEST, "invalid_request"),
            ("/body", StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
        ] {
            let (found, declared, body) = answer(ErrorForm::Own, path).await;
            assert_eq!((found, &*declared), (status, JSON), "{path}: {body}");
            assert_eq!(body["error"], name, "{path}");
            assert!(body["message"].as_str().is_some_and(|text| text.len() > 10), "{path}: {body}");
            let (found, declared, problem) = answer(ErrorForm::Problem, path).await;
            assert_eq!((found, &*declared), (status, PROBLEM_JSON), "{path}");
            assert_eq!(problem["detail"], body["message"], "{path}");
        }
        let (status, _, body) = answer(ErrorForm::Own, "/bare").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body["error"], "internal_error");
    }

    #[tokio::test]
    async fn a_problem_has_the_two_fields_of_every_error_besides() {
        let own = json!({ "error": "not_found", "message": "no such thing" });
        let (_, declared, body) = answer(ErrorForm::Own, "/own").await;
        assert_eq!((&*declared, body), (JSON, own));
        let problem = json!({
            "type": "urn:flowguard:error:not_found",
            "title": "not found",
            "status": 404,
            "detail": "no such thing",
            "error": "not_found",
            "message": "no such thing",
        });
        let (_, declared, body) = answer(ErrorForm::Problem, "/own").await;
        assert_eq!((&*declared, body), (PROBLEM_JSON, problem));
    }

    #[tokio::test]
    async fn what_is_no_error_of_this_form_stays_what_it_is() {
        let (status, declared, body) = answer(ErrorForm::Problem, "/health").await;
        assert_eq!((status, &*declared), (StatusCode::SERVICE_UNAVAILABLE, JSON));
        assert_eq!(body, json!({}));
    }
}
