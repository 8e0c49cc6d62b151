//! What is seen of the response to a request that was forwarded.

use proto::decision::{Outcome, UsageSource};

use crate::{
    headers::{HeaderMap, Occurrence},
    request_kind::RequestKind,
    standing::Standing,
    usage::{self, Body, UsageReader},
};

/// From here on a status says that the upstream failed. Envoy's own answers for an upstream that
/// cannot be reached are among them.
const SERVER_ERRORS: u16 = 500;

/// From here on a status says that the upstream did not do what it was asked.
const REFUSALS: u16 = 300;

const GATEWAY_TIMEOUT: u16 = 504;

#[derive(Debug)]
pub(super) struct Response {
    kind: RequestKind,
    /// What the client is told of its limits; `None` when nothing is known of them.
    standing: Option<Standing>,
    settle_at_once: bool,
    answer: Answer,
    /// Bytes of its body that are still to come, where its headers say how many there are.
    left: Option<u64>,
    /// `None` before it begins, and when nothing that it tells counts.
    usage: Option<Box<UsageReader>>,
}

/// What the response's status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// None yet.
    Awaited,
    Done,
    Refused,
    Failed,
    TimedOut,
}

/// Whether the rest of a response has to be shown to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseBody {
    /// Each piece of it.
    Read,
    /// It tells nothing.
    Pass,
    /// It has told all that it tells. Its client may ask again before the upstream closes it.
    Over,
}

/// What a response told when it was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) outcome: Outcome,
    pub(super) usage: UsageSource,
    pub(super) used_tokens: Option<u64>,
    pub(super) observed_tokens: u64,
}

impl Response {
    /// The response that an admitted request will have, of a client in this standing.
    pub(super) fn awaited(kind: RequestKind, standing: Standing, settle_at_once: bool) -> Self {
        let standing = Some(standing);
        Self { standing, settle_at_once, ..Self::of_undecided(kind) }
    }

    /// The response to a request that passes without a verdict.
    pub(super) fn of_undecided(kind: RequestKind) -> Self {
        Self {
            kind,
            standing: None,
            settle_at_once: false,
            answer: Answer::Awaited,
            left: None,
            usage: None,
        }
    }

    pub(super) fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// Whether the client may need what its end gives back.
    pub(super) fn settle_at_once(&self) -> bool {
        self.settle_at_once
    }

    /// Its headers have arrived. `code_details` is Envoy's word for where they come from, asked
    /// only when it matters.
    pub(super) fn begin(
        &mut self,
        headers: &HeaderMap,
        code_details: impl FnOnce() -> Vec<u8>,
    ) -> ResponseBody {
        self.answer = match status(headers) {
            Some(GATEWAY_TIMEOUT) if is_envoys_timeout(&code_details()) => Answer::TimedOut,
            Some(SERVER_ERRORS..) => Answer::Failed,
            Some(REFUSALS..) => Answer::Refused,
            _ => Answer::Done,
        };
        self.left = content_length(headers);
        // A stored response tells again what was charged when it was made.
        if self.kind == RequestKind::Reads {
            return ResponseBody::Pass;
        }
        let reader = self.usage.insert(Box::new(UsageReader::of(headers)));
        if reader.body().is_readable() { ResponseBody::Read } else { ResponseBody::Pass }
    }

    /// A piece of its body is about to be sent.
    pub(super) fn read(&mut self, bytes: &[u8]) -> ResponseBody {
        if let Some(reader) = &mut self.usage {
            reader.read(bytes);
            if reader.has_ended() && reader.usage().is_some() {
                return ResponseBody::Over;
            }
        }
        self.pass(bytes.len())
    }

    /// So many bytes of its body are about to be sent.
    pub(super) fn pass(&mut self, bytes: usize) -> ResponseBody {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        match (self.left, &self.usage) {
            // The host tells the end apart from the last bytes, and after them.
            (Some(0), _) => ResponseBody::Over,
            (_, Some(reader)) if reader.body().is_readable() => ResponseBody::Read,
            _ => ResponseBody::Pass,
        }
    }

    /// What comes after a gap could be taken for something else: the model's text for usage.
    pub(super) fn stop_reading(&mut self) {
        self.usage = None;
    }

    /// It is over, `completed` as the upstream ended it.
    pub(super) fn end(&self, completed: bool) -> Report {
        let reader = self.usage.as_deref();
        // What comes after the content said its end is framing: who leaves then has it all.
        let completed = completed || reader.is_some_and(UsageReader::has_ended);
        let outcome = match self.answer {
            Answer::TimedOut => Outcome::TimedOut,
            Answer::Failed => Outcome::UpstreamFailed,
            Answer::Refused => Outcome::UpstreamRefused,
            Answer::Awaited | Answer::Done if completed => Outcome::Completed,
            Answer::Awaited | Answer::Done => Outcome::Aborted,
        };
        let observed_tokens = reader.map_or(0, UsageReader::observed_tokens);
        let (usage, used_tokens) = match (reader.and_then(UsageReader::usage), reader) {
            (Some(told), _) => (source(told.source), Some(told.tokens.get())),
            (None, Some(reader)) if reader.body() == Body::Encoded => (UsageSource::Encoded, None),
            (None, _) if observed_tokens > 0 => (UsageSource::Observed, None),
            (None, _) => (UsageSource::None, None),
        };
        Report { outcome, usage, used_tokens, observed_tokens }
    }
}

/// Envoy answers 504 when it gave up waiting, and passes on an upstream's own. Its word for the
/// latter is `via_upstream`, and all for its own limits of time say so.
fn is_envoys_timeout(code_details: &[u8]) -> bool {
    let says = |word: &[u8]| code_details.windows(word.len()).any(|part| part == word);
    says(b"timeout") || says(b"max_stream_duration")
}

fn source(source: usage::UsageSource) -> UsageSource {
    match source {
        usage::UsageSource::Completions => UsageSource::Completions,
        usage::UsageSource::Responses => UsageSource::Responses,
        usage::UsageSource::Anthropic => UsageSource::Anthropic,
        usage::UsageSource::Gemini => UsageSource::Gemini,
        usage::UsageSource::Bedrock => UsageSource::Bedrock,
        usage::UsageSource::Ollama => UsageSource::Ollama,
        usage::UsageSource::Cohere => UsageSource::Cohere,
        usage::UsageSource::WorkersAi => UsageSource::WorkersAi,
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    match Occurrence::of("content-length", headers) {
        Occurrence::One(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        Occurrence::None | Occurrence::Many => None,
    }
}

fn status(headers: &HeaderMap) -> Option<u16> {
    let (_, status) = headers.iter().find(|(name, _)| name == ":status")?;
    std::str::from_utf8(status).ok()?.parse().ok()
}
