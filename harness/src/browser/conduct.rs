//! What a browser did: what its console says, and whom it asked for something.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::session::Session;

/// A line of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether it is an error: an exception that nobody caught, an answer above 399, a breach of the policy.
    pub is_error: bool,
    /// Where it comes from, and what it says.
    pub text: String,
}

/// All that it did.
#[derive(Debug)]
pub(super) struct Conduct {
    /// Where its pages come from.
    origin: String,
    seen: Mutex<Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    console: Vec<Message>,
    requests: Vec<String>,
    expected: Vec<String>,
}

impl Conduct {
    pub(super) fn of(origin: &str) -> Self {
        Self { origin: origin.to_owned(), seen: Mutex::default() }
    }

    /// Errors that have this in them are none.
    pub(super) fn expect(&self, part: &str) {
        self.with(|seen| seen.expected.push(part.to_owned()));
    }

    pub(super) async fn console(&self, session: &Session) -> Vec<Message> {
        self.read(session).await.unwrap_or_else(|error| panic!("no log: {error}"));
        self.with(|seen| seen.console.clone())
    }

    pub(super) async fn requests(&self, session: &Session) -> Vec<String> {
        self.read(session).await.unwrap_or_else(|error| panic!("no log: {error}"));
        self.with(|seen| seen.requests.clone())
    }

    /// What is wrong with it, in a line each.
    pub(super) async fn problems(&self, session: &Session) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(error) = self.read(session).await {
            problems.push(format!("its log can't be read: {error}"));
        }
        let seen = self.with(|seen| seen.clone());
        for request in &seen.requests {
            if !self.is_allowed(request) {
                problems.push(format!("it asked another server: {request}"));
            }
        }
        for message in &seen.console {
            let is_breach = message.text.contains("Content Security Policy");
            let is_expected = seen.expected.iter().any(|part| message.text.contains(part));
            if is_breach {
                problems.push(format!("the page's policy was broken: {}", message.text));
            } else if message.is_error && !is_expected {
                problems.push(format!("an error in the console: {}", message.text));
            }
        }
        problems
    }

    /// Its own server is asked, and what is in the page itself, or in the browser, is nobody's.
    fn is_allowed(&self, request: &str) -> bool {
        let is_own = request.strip_prefix(&self.origin).is_some_and(|path| path.starts_with('/'));
        is_own || ["data:", "about:", "chrome:"].iter().any(|scheme| request.starts_with(scheme))
    }

    /// Adds what was logged since it was read last.
    async fn read(&self, session: &Session) -> Result<(), String> {
        let (console, requests) =
            (session.log("browser").await?, session.log("performance").await?);
        let console = console.iter().map(|entry| Message {
            is_error: entry["level"] == "SEVERE",
            text: entry["message"].as_str().unwrap_or_default().to_owned(),
        });
        let requests = requests.iter().filter_map(request);
        self.with(|seen| {
            seen.console.extend(console);
            seen.requests.extend(requests);
        });
        Ok(())
    }

    fn with<T>(&self, action: impl FnOnce(&mut Seen) -> T) -> T {
        action(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The address of a request that the log of the developer tools tells of.
fn request(entry: &Value) -> Option<String> {
    let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
    let (method, told) = (&event["message"]["method"], &event["message"]["params"]);
    let address = match method.as_str()? {
        "Network.requestWillBeSent" => &told["request"]["url"],
        "Network.webSocketCreated" | "Network.webTransportCreated" => &told["url"],
        _ => return None,
    };
    address.as_str().map(str::to_owned)
}
