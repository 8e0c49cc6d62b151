//! What is seen of the response to a request that was forwarded.

use proto::decision::{Outcome, UsageSource};

use crate::{
    header_map::{HeaderMap, Occurrence},
    host::ResponseBody,
    request_kind::RequestKind,
    usage::{Api, Framing, UsageReader},
    verdict::Tightest,
};

/// From here on a status says that the upstream failed. Envoy's own answers for an upstream that
/// cannot be reached are among them.
const SERVER_ERRORS: u16 = 500;

/// From here on a status says that the upstream did not do what it was asked.
const REFUSALS: u16 = 300;

const GATEWAY_TIMEOUT: u16 = 504;

/// Envoy's word for a response that is the upstream's.
const VIA_UPSTREAM: &[u8] = b"via_upstream";

#[derive(Debug)]
pub(super) struct Response {
    kind: RequestKind,
    /// What the client is told of its limits; `None` when nothing is known of them.
    tightest: Option<Tightest>,
    settle_at_once: bool,
    status: Status,
    /// The same in figures, where the upstream said it.
    upstream_status: Option<u16>,
    /// Bytes of its body that are still to come, where its headers say how many there are.
    left: Option<u64>,
    /// `None` before it begins, and when nothing that it tells counts.
    reader: Option<Box<UsageReader>>,
}

/// What the response's status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// None yet.
    Awaited,
    Done,
    Refused,
    Failed,
    TimedOut,
}

/// What a response told when it was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) outcome: Outcome,
    pub(super) usage: UsageSource,
    pub(super) used_tokens: Option<u64>,
    pub(super) observed_tokens: u64,
    /// The status of the upstream's response, where it was the upstream that answered.
    pub(super) upstream_status: Option<u16>,
    /// It was aborted, and not by its client.
    pub(super) cut_by_upstream: bool,
}

impl Response {
    /// The response that an admitted request will have, where so little is left of its limits.
    pub(super) fn awaited(kind: RequestKind, tightest: Tightest, settle_at_once: bool) -> Self {
        let tightest = Some(tightest);
        Self { tightest, settle_at_once, ..Self::of_undecided(kind) }
    }

    /// The response to a request that passes without a verdict.
    pub(super) fn of_undecided(kind: RequestKind) -> Self {
        Self {
            kind,
            tightest: None,
            settle_at_once: false,
            status: Status::Awaited,
            upstream_status: None,
            left: None,
            reader: None,
        }
    }

    pub(super) fn tightest(&self) -> Option<&Tightest> {
        self.tightest.as_ref()
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
        let status = status(headers);
        // Envoy's own answers are refusals and failures: a success is taken to be the upstream's.
        let details = (status >= Some(REFUSALS)).then(code_details);
        let details = details.as_deref().unwrap_or(VIA_UPSTREAM);
        self.status = match status {
            Some(GATEWAY_TIMEOUT) if is_envoys_timeout(details) => Status::TimedOut,
            Some(SERVER_ERRORS..) => Status::Failed,
            Some(REFUSALS..) => Status::Refused,
            _ => Status::Done,
        };
        self.upstream_status = status.filter(|_| details == VIA_UPSTREAM);
        self.left = content_length(headers);
        // A stored response tells again what was charged when it was made.
        if self.kind == RequestKind::Reads {
            return ResponseBody::Pass;
        }
        let reader = self.reader.insert(Box::new(UsageReader::of(headers)));
        if reader.framing().is_readable() { ResponseBody::Read } else { ResponseBody::Pass }
    }

    /// A piece of its body is about to be sent.
    pub(super) fn read(&mut self, bytes: &[u8]) -> ResponseBody {
        if let Some(reader) = &mut self.reader {
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
        match (self.left, &self.reader) {
            // The host tells the end by itself, after the last bytes.
            (Some(0), _) => ResponseBody::Over,
            (_, Some(reader)) if reader.framing().is_readable() => ResponseBody::Read,
            _ => ResponseBody::Pass,
        }
    }

    /// What comes after a gap could be taken for something else: the model's text for usage.
    pub(super) fn stop_reading(&mut self) {
        self.reader = None;
    }

    /// It is over, `completed` as the upstream ended it. `code_details` is Envoy's word for how it
    /// ended, asked only when it did not end so.
    pub(super) fn end(&self, completed: bool, code_details: impl FnOnce() -> Vec<u8>) -> Report {
        let reader = self.reader.as_deref();
        // After the end of the content only framing follows: who leaves then has it all.
        let completed = completed || reader.is_some_and(UsageReader::has_ended);
        let outcome = match self.status {
            Status::TimedOut => Outcome::TimedOut,
            Status::Failed => Outcome::UpstreamFailed,
            Status::Refused => Outcome::UpstreamRefused,
            Status::Awaited | Status::Done if completed => Outcome::Completed,
            Status::Awaited | Status::Done => Outcome::Aborted,
        };
        let observed_tokens = reader.map_or(0, UsageReader::observed_tokens);
        let (usage, used_tokens) = match (reader.and_then(UsageReader::usage), reader) {
            (Some(told), _) => (source(told.api), Some(told.tokens.get())),
            (None, Some(reader)) if reader.framing() == Framing::Encoded => {
                (UsageSource::Encoded, None)
            }
            (None, _) if observed_tokens > 0 => (UsageSource::Observed, None),
            (None, _) => (UsageSource::None, None),
        };
        let cut_by_upstream = outcome == Outcome::Aborted && is_cut_by_upstream(&code_details());
        let upstream_status = self.upstream_status;
        Report { outcome, usage, used_tokens, observed_tokens, upstream_status, cut_by_upstream }
    }
}

/// Envoy answers 504 when it gave up waiting, and passes on an upstream's own. Its word for the
/// latter is `via_upstream`, and all for its own limits of time say so.
fn is_envoys_timeout(code_details: &[u8]) -> bool {
    says(code_details, b"timeout") || says(code_details, b"max_stream_duration")
}

/// A response that had begun was reset by the upstream, or fell silent until Envoy gave it up.
fn is_cut_by_upstream(code_details: &[u8]) -> bool {
    says(code_details, b"upstream_reset") || is_envoys_timeout(code_details)
}

fn says(code_details: &[u8], word: &[u8]) -> bool {
    code_details.windows(word.len()).any(|part| part == word)
}

fn source(api: Api) -> UsageSource {
    match api {
        Api::Completions => UsageSource::Completions,
        Api::Responses => UsageSource::Responses,
        Api::Anthropic => UsageSource::Anthropic,
        Api::Gemini => UsageSource::Gemini,
        Api::Bedrock => UsageSource::Bedrock,
        Api::Ollama => UsageSource::Ollama,
        Api::Cohere => UsageSource::Cohere,
        Api::WorkersAi => UsageSource::WorkersAi,
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    match headers.occurrence("content-length") {
        Occurrence::One(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        Occurrence::None | Occurrence::Many => None,
    }
}

fn status(headers: &HeaderMap) -> Option<u16> {
    std::str::from_utf8(headers.first(":status")?).ok()?.parse().ok()
}
