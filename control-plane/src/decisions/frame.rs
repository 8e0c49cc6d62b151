//! A filter's frame, parsed whole before anything of it takes effect.

use limiter::{Dimension, PER_MINUTE_MAX, Tokens};
use proto::{
    ASKS_MAX, DROPPED_MAX, FIGURE_MAX, IDENTITY_BYTES_MAX, MODEL_NAME_BYTES_MAX, REPORTS_MAX,
    RESUMED_MAX,
    decision::{self, FilterFrame, UsageSource, ask},
    model_name,
    plugin_config::Identity,
};

use super::upstream::UpstreamAnswer;
use crate::{
    credentials::Digest,
    ledger::{Ask, Outcome, RequestKind, Response},
    limits::{LimitKey, LimitName},
};

/// A longer duration is no figure: no request takes a day.
const DURATION_US_MAX: u64 = 24 * 60 * 60 * 1_000_000;

/// What a frame says, but for its hello.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) resume: Option<Resume>,
    pub(super) reports: Reports,
    pub(super) asks: Vec<WorkerAsk>,
    /// Among the worker's frames with ends; 0 for any other.
    pub(super) number: u64,
}

/// A part of what a worker holds when it comes back.
#[derive(Debug)]
pub(super) struct Resume {
    pub(super) ids: Vec<u32>,
    /// The next frame has more.
    pub(super) more: bool,
}

/// What needs no answer.
#[derive(Debug)]
pub(super) struct Reports {
    pub(super) settles: Vec<Settle>,
    /// Ids of asks whose requests have gone.
    pub(super) cancels: Vec<u32>,
    pub(super) drops: Vec<Dropped>,
}

/// The end of a request that was forwarded.
#[derive(Debug)]
pub(super) struct Settle {
    pub(super) id: u32,
    pub(super) source: UsageSource,
    pub(super) answer: UpstreamAnswer,
    pub(super) response: Response,
}

/// Requests that the filter refused with their client's last refusal.
#[derive(Debug)]
pub(super) struct Dropped {
    pub(super) client_id: String,
    pub(super) limit: LimitKey,
    pub(super) requests: u64,
}

/// An ask, whoever it is by.
#[derive(Debug)]
pub(super) struct WorkerAsk {
    pub(super) id: u32,
    pub(super) who: Who,
    estimate: Option<Tokens>,
    kind: RequestKind,
    /// Empty: it names none.
    model: String,
}

/// Who asks.
#[derive(Debug)]
pub(super) enum Who {
    /// By this id, which nobody has verified.
    ClientId(String),
    /// By the key of this digest.
    Key(Digest),
    /// By a text that an Envoy has verified.
    Identity(String),
}

impl WorkerAsk {
    /// The same as the ledger is asked for this client.
    pub(super) fn of<'a>(&'a self, client: &'a str) -> Ask<'a> {
        let Self { id, who: _, estimate, kind, ref model } = *self;
        let model = Some(model.as_str()).filter(|model| !model.is_empty());
        Ask { id, client, estimate, kind, model }
    }
}

/// Why a frame is refused, with the stream that it came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a frame has at most {ASKS_MAX} asks, not {0}")]
    Asks(usize),
    #[error("a frame has at most {REPORTS_MAX} settles, cancels and drops, not {0}")]
    Reports(usize),
    #[error("a frame has at most {RESUMED_MAX} resumed ids, not {0}")]
    Resumed(usize),
    #[error("a worker that has a name says in its first frames what it holds")]
    NoResume,
    #[error(
        "what a worker holds is said once, in the first frames of a stream whose hello names it"
    )]
    LateResume,
    #[error("nothing is asked or reported before all is resumed")]
    BusyResume,
    #[error("ask {id}: tokens must be an integer from 0 to {PER_MINUTE_MAX}, got {tokens}")]
    Tokens { id: u32, tokens: u64 },
    #[error("ask {id}: a model has 1 to {MODEL_NAME_BYTES_MAX} of A-Z a-z 0-9 . _ : @ + = ~ / -")]
    Model { id: u32 },
    #[error(
        "ask {id}: it is by a client id, the 32 bytes of a key's digest, or an identity of at most \
         {IDENTITY_BYTES_MAX} bytes"
    )]
    Who { id: u32 },
    #[error(
        "ask {id}: it says who asks in another way than by {}, by which this control plane knows \
         clients (FLOWGUARD_IDENTITY)",
        ours.word()
    )]
    OtherIdentity { id: u32, ours: Identity },
    #[error("a drop is of 1 to {DROPPED_MAX} requests, for RPM, TPM or a limit that it names")]
    Drop,
    #[error("hello is said once, in the first frame of a stream")]
    SecondHello,
}

impl TryFrom<FilterFrame> for Frame {
    type Error = FrameError;

    fn try_from(frame: FilterFrame) -> Result<Self, FrameError> {
        if frame.asks.len() > ASKS_MAX {
            return Err(FrameError::Asks(frame.asks.len()));
        }
        let reports = reports(&frame);
        if reports > REPORTS_MAX {
            return Err(FrameError::Reports(reports));
        }
        let resumed = frame.resume.as_ref().map_or(0, |resume| resume.ids.len());
        if resumed > RESUMED_MAX {
            return Err(FrameError::Resumed(resumed));
        }
        let resume = frame.resume.map(|decision::Resume { ids, more }| Resume { ids, more });
        Ok(Self {
            resume,
            number: frame.number,
            reports: Reports {
                settles: frame.settles.iter().map(Settle::from).collect(),
                cancels: frame.cancels,
                drops: frame.drops.into_iter().map(Dropped::try_from).collect::<Result<_, _>>()?,
            },
            asks: frame.asks.into_iter().map(WorkerAsk::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl Frame {
    /// Refuses asks that say in another way who asks than this control plane knows clients: a worker could
    /// name whom it likes, whatever its hello said.
    pub(super) fn check_identity(&self, ours: Identity) -> Result<(), FrameError> {
        let other = self.asks.iter().find(|ask| !ask.who.is_known_by(ours));
        other.map_or(Ok(()), |ask| Err(FrameError::OtherIdentity { id: ask.id, ours }))
    }

    /// Whether it has nothing but a hello and what is resumed.
    pub(super) fn is_bare(&self) -> bool {
        let Reports { settles, cancels, drops } = &self.reports;
        self.asks.is_empty() && settles.is_empty() && cancels.is_empty() && drops.is_empty()
    }
}

/// How much of a frame needs no answer.
pub(super) fn reports(frame: &FilterFrame) -> usize {
    frame.settles.len() + frame.cancels.len() + frame.drops.len()
}

impl TryFrom<decision::Ask> for WorkerAsk {
    type Error = FrameError;

    fn try_from(ask: decision::Ask) -> Result<Self, FrameError> {
        let id = ask.id;
        let kind = match ask.kind() {
            decision::RequestKind::Generates => RequestKind::Generates,
            decision::RequestKind::Reads => RequestKind::Reads,
            decision::RequestKind::Counts => RequestKind::Counts,
        };
        let tokens = |tokens| Tokens::new(tokens).map_err(|_| FrameError::Tokens { id, tokens });
        let estimate = ask.tokens.map(tokens).transpose()?;
        if !ask.model.is_empty() && model_name(ask.model.as_bytes()).is_none() {
            return Err(FrameError::Model { id });
        }
        let who = ask.who.and_then(Who::read).ok_or(FrameError::Who { id })?;
        Ok(Self { id, who, estimate, kind, model: ask.model })
    }
}

impl Who {
    /// Whether a control plane of this identity takes it; one that believes everybody takes all.
    fn is_known_by(&self, ours: Identity) -> bool {
        match ours {
            Identity::Header => true,
            Identity::ApiKey => matches!(self, Self::Key(_)),
            Identity::Jwt | Identity::Mtls => matches!(self, Self::Identity(_)),
        }
    }

    fn read(who: ask::Who) -> Option<Self> {
        Some(match who {
            ask::Who::ClientId(id) => Self::ClientId(id),
            ask::Who::Key(digest) => Self::Key(Digest::try_from(digest.as_slice()).ok()?),
            ask::Who::Identity(text) if text.len() <= IDENTITY_BYTES_MAX => Self::Identity(text),
            ask::Who::Identity(_) => return None,
        })
    }
}

impl TryFrom<decision::Drop> for Dropped {
    type Error = FrameError;

    fn try_from(drop: decision::Drop) -> Result<Self, FrameError> {
        let limit = match drop.decision() {
            decision::Decision::RpmExceeded => LimitKey::Own(Dimension::Rpm),
            decision::Decision::TpmExceeded => LimitKey::Own(Dimension::Tpm),
            decision::Decision::LimitExceeded => {
                let name = LimitName::try_from(drop.limit.as_str());
                LimitKey::Named(name.map_err(|_| FrameError::Drop)?)
            }
            decision::Decision::Unspecified
            | decision::Decision::Admitted
            | decision::Decision::UnknownClient
            | decision::Decision::Unauthenticated
            | decision::Decision::InvalidIdentity => return Err(FrameError::Drop),
        };
        if !(1..=DROPPED_MAX).contains(&drop.requests) {
            return Err(FrameError::Drop);
        }
        Ok(Self { client_id: drop.client_id, limit, requests: drop.requests.into() })
    }
}

impl From<&decision::Settle> for Settle {
    fn from(settle: &decision::Settle) -> Self {
        let told = match settle.usage() {
            UsageSource::None | UsageSource::Encoded | UsageSource::Observed => None,
            UsageSource::Completions
            | UsageSource::Responses
            | UsageSource::Anthropic
            | UsageSource::Gemini
            | UsageSource::Bedrock
            | UsageSource::Ollama
            | UsageSource::Cohere
            | UsageSource::WorkersAi => settle.used_tokens.and_then(figure),
        };
        let outcome = match settle.outcome() {
            decision::Outcome::Completed => Outcome::Completed,
            decision::Outcome::Aborted | decision::Outcome::Unspecified => Outcome::Aborted,
            decision::Outcome::UpstreamRefused => Outcome::UpstreamRefused,
            decision::Outcome::UpstreamFailed => Outcome::UpstreamFailed,
            decision::Outcome::TimedOut => Outcome::TimedOut,
        };
        let answer = UpstreamAnswer::of(outcome, settle.upstream_status, settle.cut_by_upstream);
        let response = Response {
            outcome,
            told,
            observed: figure(settle.observed_tokens).unwrap_or(Tokens::ZERO),
            duration_us: Some(settle.duration_us).filter(|us| *us <= DURATION_US_MAX),
        };
        Self { id: settle.id, source: settle.usage(), answer, response }
    }
}

/// More than any response can use is no figure: counters would be spoiled for good.
fn figure(tokens: u64) -> Option<Tokens> {
    Some(tokens).filter(|tokens| *tokens <= FIGURE_MAX).and_then(|tokens| Tokens::new(tokens).ok())
}
