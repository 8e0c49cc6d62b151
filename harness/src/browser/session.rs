//! `WebDriver`, as W3C has it, and what chromedriver adds: a call is a JSON over HTTP.
//!
//! The libraries for it would cost more than these calls: one comes with a licence that is not passed on here,
//! the other turns on a feature of `serde_json` by which programs under test would not be those that are shipped.

use std::net::SocketAddr;

use http::Method;
use serde_json::{Value, json};

use crate::http_client::HttpClient;

/// A browser that somebody drives.
#[derive(Debug)]
pub(super) struct Session {
    http: HttpClient,
    path: String,
}

impl Session {
    /// Starts a browser.
    pub(super) async fn start(driver: SocketAddr, capabilities: &Value) -> Self {
        // At the end it is called from another runtime, in which no connection of this one works.
        let http = HttpClient::one_connection_each(driver);
        let body = json!({ "capabilities": capabilities });
        let started = call(&http, Method::POST, "/session", Some(&body)).await;
        let started = started.unwrap_or_else(|error| panic!("no browser: {error}"));
        let id = started["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {started}"));
        Self { path: format!("/session/{id}"), http }
    }

    /// What something is.
    pub(super) async fn get(&self, path: &str) -> Result<Value, String> {
        call(&self.http, Method::GET, &format!("{}{path}", self.path), None).await
    }

    /// Does something.
    pub(super) async fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        call(&self.http, Method::POST, &format!("{}{path}", self.path), Some(body)).await
    }

    /// The same, which cannot fail.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).await.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    /// Runs the body of a function.
    pub(super) async fn script(&self, script: &str, arguments: &[Value]) -> Result<Value, String> {
        self.try_post("/execute/sync", &json!({ "script": script, "args": arguments })).await
    }

    /// A command of Chromium's developer tools.
    pub(super) async fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// What was logged of this kind since it was asked last.
    pub(super) async fn log(&self, kind: &str) -> Result<Vec<Value>, String> {
        let entries = self.try_post("/se/log", &json!({ "type": kind })).await?;
        Ok(entries.as_array().cloned().unwrap_or_default())
    }

    /// Ends the browser.
    pub(super) async fn end(&self) -> Result<(), String> {
        call(&self.http, Method::DELETE, &self.path, None).await.map(drop)
    }
}

/// The value of an answer, or its error in a line.
async fn call(
    http: &HttpClient,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, String> {
    let mut request = http.request(method, path);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.try_send().await?;
    let mut answered = answer.json();
    let value = answered["value"].take();
    if answer.status.is_success() {
        return Ok(value);
    }
    let message = value["message"].as_str().unwrap_or_default();
    let line = message.lines().next().unwrap_or_default();
    Err(format!("{}: {line}", value["error"].as_str().unwrap_or("no error of WebDriver")))
}
