//! What is seen of the response to a request that was forwarded.

use proto::decision::{Outcome, UsageSource};

use crate::{
    headers::HeaderMap,
    standing::Standing,
    usage::{self, Body, UsageReader},
};

/// From here on a status says that the upstream failed. Envoy's own answers for an upstream that
/// cannot be reached are among them.
const SERVER_ERRORS: u16 = 500;

#[derive(Debug, Default)]
pub(super) struct Response {
    /// What the client is told of its limits; `None` when nothing is known of them.
    standing: Option<Standing>,
    failed: bool,
    /// Its usage, if it tells one, was charged with another request.
    is_of_old: bool,
    usage: Usage,
}

#[derive(Debug, Default)]
enum Usage {
    /// There is no body, or nothing in it that could be read.
    #[default]
    None,
    Encoded,
    Read(Box<UsageReader>),
}

/// Whether the rest of a response has to be shown to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseBody {
    /// Each piece of it.
    Read,
    /// It tells nothing.
    Pass,
}

/// What a response told when it was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) outcome: Outcome,
    pub(super) usage: UsageSource,
    pub(super) used_tokens: u64,
}

impl Response {
    /// The response that a request of a client in this standing will have.
    pub(super) fn awaited(standing: Standing) -> Self {
        Self { standing: Some(standing), ..Self::default() }
    }

    /// The response to a request that makes nothing new.
    pub(super) fn of_what_was_used_before(self) -> Self {
        Self { is_of_old: true, ..self }
    }

    pub(super) fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// Its headers have arrived.
    pub(super) fn begin(&mut self, headers: &HeaderMap) -> ResponseBody {
        self.failed = status(headers).is_some_and(|status| status >= SERVER_ERRORS);
        self.usage = match Body::of(headers) {
            _ if self.is_of_old => Usage::None,
            Body::Readable => Usage::Read(Box::default()),
            Body::Encoded => Usage::Encoded,
            Body::Other => Usage::None,
        };
        match self.usage {
            Usage::Read(_) => ResponseBody::Read,
            Usage::Encoded | Usage::None => ResponseBody::Pass,
        }
    }

    /// A piece of its body has arrived.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        if let Usage::Read(reader) = &mut self.usage {
            reader.read(bytes);
        }
    }

    /// What comes after a gap could be taken for something else: the model's text for usage.
    pub(super) fn stop_reading(&mut self) {
        self.usage = Usage::None;
    }

    /// It is over, `completed` as the upstream ended it.
    pub(super) fn end(&self, completed: bool) -> Report {
        let outcome = match (self.failed, completed) {
            (true, _) => Outcome::UpstreamFailed,
            (false, true) => Outcome::Completed,
            (false, false) => Outcome::Aborted,
        };
        let (usage, used_tokens) = match &self.usage {
            Usage::None => (UsageSource::None, 0),
            Usage::Encoded => (UsageSource::Encoded, 0),
            Usage::Read(reader) => reader
                .usage()
                .map_or((UsageSource::None, 0), |usage| (source(usage.source), usage.tokens.get())),
        };
        Report { outcome, usage, used_tokens }
    }
}

fn source(source: usage::UsageSource) -> UsageSource {
    match source {
        usage::UsageSource::Completions => UsageSource::Completions,
        usage::UsageSource::Responses => UsageSource::Responses,
        usage::UsageSource::Anthropic => UsageSource::Anthropic,
        usage::UsageSource::Gemini => UsageSource::Gemini,
    }
}

fn status(headers: &HeaderMap) -> Option<u16> {
    let (_, status) = headers.iter().find(|(name, _)| name == ":status")?;
    std::str::from_utf8(status).ok()?.parse().ok()
}
