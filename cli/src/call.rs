//! One call of the REST API.

use http::Method;

/// What cannot be the name of anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" names nothing")]
pub(crate) struct NamesNothing(String);

/// What is called, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path, a segment each.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Body>,
    /// When it is written.
    pub(crate) condition: Option<Condition>,
    /// The event behind which a stream of events goes on.
    pub(crate) last_event_id: Option<String>,
}

/// When something is written, and refused otherwise.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// While it has this tag.
    HasTag(String),
    /// While it is not there.
    IsAbsent,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Call {
    /// A call of `/api/v1/…`. What is a name comes from an operator and may hold anything.
    pub(crate) fn new(method: Method, path: &[&str]) -> Result<Self, NamesNothing> {
        // A URL has no segments of these names: it would be another path.
        if let Some(name) = path.iter().find(|name| matches!(**name, "" | "." | "..")) {
            return Err(NamesNothing((*name).to_owned()));
        }
        let path = ["api", "v1"].iter().chain(path).map(|name| (*name).to_owned()).collect();
        Ok(Self {
            method,
            path,
            query: Vec::new(),
            body: None,
            condition: None,
            last_event_id: None,
        })
    }

    pub(crate) fn get(path: &[&str]) -> Result<Self, NamesNothing> {
        Self::new(Method::GET, path)
    }

    pub(crate) fn delete(path: &[&str]) -> Result<Self, NamesNothing> {
        Self::new(Method::DELETE, path)
    }

    /// With a parameter, where it is given.
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub(crate) fn behind(mut self, last_event_id: Option<String>) -> Self {
        self.last_event_id = last_event_id;
        self
    }

    pub(crate) fn json(self, body: &serde_json::Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    pub(crate) fn body(mut self, media_type: &'static str, bytes: Vec<u8>) -> Self {
        self.body = Some(Body { media_type, bytes });
        self
    }

    /// Only what has this tag is written.
    pub(crate) fn if_match(mut self, tag: Option<String>) -> Self {
        self.condition = tag.map(Condition::HasTag);
        self
    }

    /// It is written only while it is not there.
    pub(crate) fn if_absent(mut self) -> Self {
        self.condition = Some(Condition::IsAbsent);
        self
    }
}
