//! What the files of the state hold: records, each of which says how one thing stands now.
//!
//! A record replaces the one before it of the same thing, so that reading one twice is as good as
//! once, and the last one counts. Buckets have names of their own, since one client has several and
//! one bucket may be of many clients. Their form in a file is postcard's; in a backup it is JSON, in which
//! a name that is not known is an error.

use serde::{Deserialize, Serialize};

use crate::limits::LimitKind;

/// How one thing stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record<'a> {
    /// What is left of a limit.
    Bucket(#[serde(borrow)] BucketRecord<'a>),
    /// What a client's requests came to.
    Tallies(#[serde(borrow)] TalliesRecord<'a>),
    /// What a client's requests usually use.
    Learned(#[serde(borrow)] LearnedRecord<'a>),
    /// A request was admitted, and holds what it was charged until it ends.
    Opened(#[serde(borrow)] OpenedRecord<'a>),
    /// It holds nothing any more.
    Ended(EndedRecord),
    /// A client is no more: neither its own buckets nor its tallies.
    Forgotten(#[serde(borrow)] ForgottenRecord<'a>),
    /// How often limits beside its own two refused a client.
    LimitTallies(#[serde(borrow)] LimitTalliesRecord<'a>),
    /// A limit is no more, or counts from anew: none of its buckets.
    LimitForgotten(#[serde(borrow)] LimitForgottenRecord<'a>),
    /// A model is no more: none of the buckets that limits have for it.
    ModelForgotten(#[serde(borrow)] ModelForgottenRecord<'a>),
}

/// What is left of a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketRecord<'a> {
    /// Which one.
    #[serde(borrow)]
    pub bucket: BucketName<'a>,
    /// Counts how often it was thrown away and begun anew.
    pub epoch: u32,
    /// `None`: full.
    pub level: Option<BucketLevel>,
}

/// The name of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BucketName<'a> {
    /// That of a client's own requests per minute.
    Rpm(&'a str),
    /// That of a client's own tokens per minute.
    Tpm(&'a str),
    /// That of another limit. Where it has places these are only in what a request was charged, since
    /// that is all that there is to say of them.
    Limit(#[serde(borrow)] LimitBucketName<'a>),
}

/// A limit, by its name and its kind: one that counts something else from now on is another one,
/// which has nothing of what is written down of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitId<'a> {
    /// The limit's name.
    pub name: &'a str,
    /// What it counts.
    pub kind: LimitKind,
}

/// The name of a limit's bucket: the limit, and the value of each thing of which the limit has a bucket
/// for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitBucketName<'a> {
    /// The limit.
    #[serde(borrow)]
    pub limit: LimitId<'a>,
    /// The client's id.
    #[serde(borrow, default)]
    pub client: Option<&'a str>,
    /// The group.
    #[serde(borrow, default)]
    pub group: Option<&'a str>,
    /// The plan.
    #[serde(borrow, default)]
    pub plan: Option<&'a str>,
    /// The model, or `other`.
    #[serde(borrow, default)]
    pub model: Option<&'a str>,
    /// Whether it is that of the number on trial.
    pub trial: bool,
}

/// What is in a bucket, and of which quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketLevel {
    /// Tokens a window.
    pub amount: u64,
    /// Tokens that it holds at most.
    pub burst: u64,
    /// The window, in seconds.
    pub window_s: u32,
    /// Raised with each change of the quota.
    pub revision: u32,
    /// Whole tokens, rounded down; below 0 in debt.
    pub whole: i64,
    /// What is left beyond them, in parts of a token, of which it has as many as its window has
    /// milliseconds.
    pub rest: u32,
    /// Up to when it was refilled, in milliseconds since 1970.
    pub refilled_at: u64,
}

/// What a client's requests came to, over all processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TalliesRecord<'a> {
    /// Whose; `unknown` is the client of all that are not configured.
    #[serde(borrow)]
    pub client: &'a str,
    /// The figures.
    pub tallies: Tallies,
}

/// A client's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tallies {
    /// Requests that were admitted, but for those that went away before they were forwarded.
    pub admitted: u64,
    /// Of these, the ones that went away after they were counted: as many further ones do not count.
    pub overcounted: u64,
    /// Requests that RPM refused.
    pub rpm_dropped: u64,
    /// Requests that TPM refused.
    pub tpm_dropped: u64,
    /// Tokens of the requests that ended, as they were charged in the end.
    pub tokens_used: u64,
    /// When it last asked, in milliseconds since 1970; 0: never.
    pub last_request: u64,
    /// How many requests' durations are known.
    pub durations: u64,
    /// Their sum, in microseconds.
    pub durations_us: u64,
}

impl Tallies {
    /// The requests' mean duration in milliseconds, 0 when none is known.
    #[expect(clippy::cast_precision_loss, reason = "exact to the microsecond for 285 years")]
    pub fn mean_ms(&self) -> f64 {
        match self.durations {
            0 => 0.0,
            durations => self.durations_us as f64 / 1_000.0 / durations as f64,
        }
    }

    /// These and those that were counted later.
    #[must_use]
    pub fn and(&self, later: &Self) -> Self {
        Self {
            admitted: self.admitted.saturating_add(later.admitted),
            overcounted: later.overcounted,
            rpm_dropped: self.rpm_dropped.saturating_add(later.rpm_dropped),
            tpm_dropped: self.tpm_dropped.saturating_add(later.tpm_dropped),
            tokens_used: self.tokens_used.saturating_add(later.tokens_used),
            last_request: self.last_request.max(later.last_request),
            durations: self.durations.saturating_add(later.durations),
            durations_us: self.durations_us.saturating_add(later.durations_us),
        }
    }
}

/// What a client's requests usually use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedRecord<'a> {
    /// Whose.
    #[serde(borrow)]
    pub client: &'a str,
    /// The tokens of its latest requests, the oldest first.
    pub used: Vec<u64>,
    /// When the last of them ended, in milliseconds since 1970.
    pub learned_at: u64,
}

/// A request was admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedRecord<'a> {
    /// The worker that will tell its end.
    pub worker: u128,
    /// Its number among those of its worker.
    pub id: u32,
    /// Whose statistics it counts in.
    #[serde(borrow)]
    pub client: &'a str,
    /// What it is for.
    pub kind: OpenedKind,
    /// The tokens that it reserved.
    pub reserved: u64,
    /// What each bucket was charged.
    pub charges: Vec<ChargeRecord<'a>>,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenedKind {
    /// It may use tokens.
    Generates,
    /// It reads, lists or deletes what is there.
    Reads,
    /// It counts the tokens that another request would use.
    Counts,
}

/// What one bucket was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeRecord<'a> {
    /// Which one.
    #[serde(borrow)]
    pub bucket: BucketName<'a>,
    /// The bucket's epoch when it was charged.
    pub epoch: u32,
    /// The tokens.
    pub tokens: u64,
    /// The bucket's burst when it was charged.
    pub burst: u64,
    /// The bucket's revision when it was charged.
    pub revision: u32,
}

/// A request holds nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRecord {
    /// Its worker.
    pub worker: u128,
    /// Its number among those of its worker.
    pub id: u32,
}

/// A client is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgottenRecord<'a> {
    /// Which one.
    pub client: &'a str,
}

/// How often limits beside its own two refused a client, over all processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitTalliesRecord<'a> {
    /// Whose; `unknown` is the client of all that are not configured.
    pub client: &'a str,
    /// Requests that were refused, each counted once.
    pub dropped: u64,
    /// The same by limit, each request at each limit that refused it.
    #[serde(borrow)]
    pub limits: Vec<LimitTally<'a>>,
}

/// How often a limit refused a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitTally<'a> {
    /// The limit.
    #[serde(borrow)]
    pub limit: LimitId<'a>,
    /// Requests that it refused.
    pub refused: u64,
    /// Requests that it would have refused.
    pub would_refuse: u64,
}

/// A limit is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitForgottenRecord<'a> {
    /// Which one.
    #[serde(borrow)]
    pub limit: LimitId<'a>,
}

/// A model is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelForgottenRecord<'a> {
    /// Which one.
    pub model: &'a str,
}
