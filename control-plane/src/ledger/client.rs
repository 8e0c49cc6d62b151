//! One client: its limits, its account and its tally, under one lock.

use std::{borrow::Borrow, cmp::Ordering, hash, num::NonZeroU64, sync::Arc};

use limiter::{
    Account, Charge, ClientId, Decision, Dimension, Limits, Standing, Tokens, Units, UnixMillis,
};
use parking_lot::Mutex;

use super::{
    Answer, Ask, ClientConfig, Histogram, RequestKind,
    end::{Cost, End, Outcome},
    learned::LearnedEstimate,
};
use crate::settings::{ChargePolicy, Estimate, EstimatePolicy};

/// A configured client, or the one that stands for all others.
#[derive(Debug)]
pub(super) struct Client {
    id: ClientId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    account: Account,
    tally: Tally,
    enabled: bool,
    /// Counts how often the buckets were thrown away and filled anew: the client was deleted and
    /// created again, or reset.
    epoch: u32,
    /// Only of clients that have one.
    min_estimate: Option<Box<Tokens>>,
}

/// What happened, since the process started.
#[derive(Debug, Default)]
struct Tally {
    admitted: Count,
    rpm_dropped: u64,
    tpm_dropped: u64,
    tokens_used: u64,
    last_request: Option<NonZeroU64>,
    /// Only of clients whose requests ended: most of a large ledger never asks.
    ended: Option<Box<Ended>>,
}

/// What is known of requests that have ended.
#[derive(Debug, Default)]
struct Ended {
    durations: Histogram,
    tokens_refunded: u64,
    tokens_owed: u64,
    /// Only where estimates are learned.
    learned: Option<Box<LearnedEstimate>>,
}

/// A counter whose last additions may turn out to be wrong, and that never goes down all the same:
/// it waits for as many further ones before it goes up again.
#[derive(Debug, Default)]
struct Count {
    shown: u64,
    overcounted: u64,
}

/// An admitted request: what it was charged, to whom. It ends once, in one of three ways.
#[derive(Debug)]
#[must_use]
pub struct Held {
    client: Arc<Client>,
    kind: RequestKind,
    charge: Charge,
    reserved: Tokens,
    /// The client's, when it was charged.
    epoch: u32,
}

/// A client as it stood at one moment.
#[derive(Clone, Debug)]
pub struct ClientSnapshot {
    /// Its configuration.
    pub config: ClientConfig,
    /// Requests that were admitted, but for those that went away before they were forwarded.
    pub admitted: u64,
    /// Requests that RPM refused.
    pub rpm_dropped: u64,
    /// Requests that TPM refused.
    pub tpm_dropped: u64,
    /// Tokens of the requests that ended, as they were charged in the end.
    pub tokens_used: u64,
    /// What was given back of their estimates.
    pub tokens_refunded: u64,
    /// What was charged beyond their estimates.
    pub tokens_owed: u64,
    /// What a request is taken to need at least; `None` when that is not learned, or not yet.
    pub learned_estimate: Option<Tokens>,
    /// When it last asked.
    pub last_request: Option<UnixMillis>,
    /// How long its requests took, from request to end of response.
    pub durations: Histogram,
    /// Requests left; `None` when RPM is not limited.
    pub requests_left: Option<Units>,
    /// Tokens left, negative when in debt; `None` when TPM is not limited.
    pub tokens_left: Option<Units>,
}

impl Client {
    pub(super) fn new(config: &ClientConfig, now: UnixMillis) -> Arc<Self> {
        Arc::new(Self {
            id: config.id.clone(),
            state: Mutex::new(State {
                account: Account::full(&config.limits, now),
                tally: Tally::default(),
                enabled: config.enabled,
                epoch: 0,
                min_estimate: config.min_estimate.map(Box::new),
            }),
        })
    }

    /// A client that was deleted is created again: full buckets, and the counters go on. What its
    /// requests of before still hold is not given back to these buckets.
    pub(super) fn revive(&self, config: &ClientConfig, now: UnixMillis) {
        let mut state = self.state.lock();
        state.refill(&config.limits, now);
        state.enabled = config.enabled;
        state.min_estimate = config.min_estimate.map(Box::new);
        if let Some(ended) = &mut state.tally.ended {
            ended.learned = None;
        }
    }

    /// Fills the buckets, whatever was spent or is owed. Requests that are under way settle with
    /// the statistics alone.
    pub(super) fn reset(&self, now: UnixMillis) {
        let mut state = self.state.lock();
        let limits = state.account.limits();
        state.refill(&limits, now);
    }

    pub(super) fn id(&self) -> &ClientId {
        &self.id
    }

    pub(super) fn decide(
        self: &Arc<Self>,
        ask: Ask,
        estimate: EstimatePolicy,
        now: UnixMillis,
    ) -> Answer {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.tally.last_request = NonZeroU64::new(now.0);
        let reserved = state.estimate(ask, estimate, now);
        let decision = if state.enabled {
            state.account.decide(reserved, now)
        } else {
            Decision::Admitted(Charge::NOTHING)
        };
        let standing =
            if state.enabled { state.account.standing(now) } else { Standing::default() };
        match decision {
            Decision::Admitted(charge) => {
                state.tally.admitted.add(1);
                let epoch = state.epoch;
                drop(guard);
                let client = Arc::clone(self);
                let held = Held { client, kind: ask.kind, charge, reserved, epoch };
                Answer::Admitted { held, standing }
            }
            Decision::Refused(refusal) => {
                state.tally.drop(refusal.limit(), 1);
                Answer::Refused { refusal, reserved, standing }
            }
        }
    }

    /// Requests were refused where they arrived, for a limit that had just refused others.
    pub(super) fn drop_requests(&self, limit: Dimension, requests: u64, now: UnixMillis) {
        let mut state = self.state.lock();
        state.tally.last_request = NonZeroU64::new(now.0);
        state.tally.drop(limit, requests);
    }

    pub(super) fn configure(&self, config: &ClientConfig, now: UnixMillis) {
        let mut state = self.state.lock();
        state.account.change_limits(&config.limits, now);
        state.enabled = config.enabled;
        state.min_estimate = config.min_estimate.map(Box::new);
    }

    pub(super) fn config(&self) -> ClientConfig {
        let state = self.state.lock();
        state.config(&self.id)
    }

    pub(super) fn snapshot(&self, now: UnixMillis) -> ClientSnapshot {
        let state = self.state.lock();
        let State { account, tally, .. } = &*state;
        let ended = tally.ended.as_deref();
        let left = account.standing(now);
        ClientSnapshot {
            config: state.config(&self.id),
            admitted: tally.admitted.shown,
            rpm_dropped: tally.rpm_dropped,
            tpm_dropped: tally.tpm_dropped,
            tokens_used: tally.tokens_used,
            tokens_refunded: ended.map_or(0, |ended| ended.tokens_refunded),
            tokens_owed: ended.map_or(0, |ended| ended.tokens_owed),
            learned_estimate: tally.learned_estimate(now),
            last_request: tally.last_request.map(|at| UnixMillis(at.get())),
            durations: ended.map(|ended| ended.durations.clone()).unwrap_or_default(),
            requests_left: left.requests.map(|balance| balance.left),
            tokens_left: left.tokens.map(|balance| balance.left),
        }
    }
}

impl Held {
    /// The tokens that were reserved.
    pub fn reserved(&self) -> Tokens {
        self.reserved
    }

    /// The request was forwarded and is over: its charge is corrected to what it costs by `policy`.
    pub(super) fn settle(
        self,
        end: &End,
        policy: &ChargePolicy,
        source: Estimate,
        now: UnixMillis,
    ) {
        let cost = end.cost(self.kind, self.reserved, policy);
        let mut guard = self.client.state.lock();
        let state = &mut *guard;
        // What was charged to buckets that have been thrown away is not settled with new ones.
        let charge = if self.epoch == state.epoch { self.charge } else { Charge::NOTHING };
        match cost {
            Cost::RequestAnd(tokens) => state.account.settle(charge, tokens, now),
            Cost::Nothing => state.account.release(charge, now),
        }
        let ended = state.tally.end(self.reserved, cost.tokens());
        if let Some(duration_us) = end.duration_us {
            ended.durations.record(duration_us);
        }
        // A response that was cut short used less than such requests do.
        if let (Estimate::Learned, Outcome::Completed, Some(used)) =
            (source, end.outcome, end.used(policy))
        {
            ended.learned.get_or_insert_default().learn(used, now);
        }
    }

    /// Nobody will know what became of the request: its charge stands.
    pub fn stand(self) {
        let mut state = self.client.state.lock();
        state.tally.tokens_used = state.tally.tokens_used.saturating_add(self.reserved.get());
    }

    /// The request was never forwarded: the whole charge is given back.
    pub fn release(self, now: UnixMillis) {
        let mut guard = self.client.state.lock();
        let state = &mut *guard;
        if self.epoch == state.epoch {
            state.account.release(self.charge, now);
        }
        state.tally.admitted.take_back(1);
    }
}

impl State {
    fn config(&self, id: &ClientId) -> ClientConfig {
        ClientConfig {
            id: id.clone(),
            limits: self.account.limits(),
            enabled: self.enabled,
            min_estimate: self.min_estimate.as_deref().copied(),
        }
    }

    fn refill(&mut self, limits: &Limits, now: UnixMillis) {
        self.account = Account::full(limits, now);
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// How many tokens a request reserves.
    ///
    /// What its client did not say itself counts up to what a full bucket holds: a client whose
    /// usual request is larger than its limit waits for the full bucket, and is not locked out
    /// for ever.
    fn estimate(&self, ask: Ask, policy: EstimatePolicy, now: UnixMillis) -> Tokens {
        let within_limit = |tokens: Tokens| match self.account.limits().tpm {
            Some(limit) => tokens.min(limit.into()),
            None => tokens,
        };
        let learned = match policy.source {
            Estimate::Header => None,
            Estimate::Learned => self.tally.learned_estimate(now).map(within_limit),
        };
        let estimate = ask.estimate.max(learned).unwrap_or_else(|| within_limit(policy.default));
        match ask.kind {
            RequestKind::Generates => {
                let min = self.min_estimate.as_deref().copied().unwrap_or(policy.min);
                estimate.max(within_limit(min))
            }
            RequestKind::Reads | RequestKind::Counts => estimate,
        }
    }
}

impl Tally {
    fn drop(&mut self, limit: Dimension, requests: u64) {
        let dropped = match limit {
            Dimension::Rpm => &mut self.rpm_dropped,
            Dimension::Tpm => &mut self.tpm_dropped,
        };
        *dropped = dropped.saturating_add(requests);
    }

    /// Counts a request that was charged `used` in the end.
    fn end(&mut self, reserved: Tokens, used: Tokens) -> &mut Ended {
        let (reserved, used) = (reserved.get(), used.get());
        self.tokens_used = self.tokens_used.saturating_add(used);
        let ended = self.ended.get_or_insert_default();
        let refunded = reserved.saturating_sub(used);
        ended.tokens_refunded = ended.tokens_refunded.saturating_add(refunded);
        ended.tokens_owed = ended.tokens_owed.saturating_add(used.saturating_sub(reserved));
        ended
    }

    fn learned_estimate(&self, now: UnixMillis) -> Option<Tokens> {
        self.ended.as_deref()?.learned.as_deref()?.estimate(now)
    }
}

impl Count {
    fn add(&mut self, number: u64) {
        let already_shown = number.min(self.overcounted);
        self.overcounted -= already_shown;
        self.shown = self.shown.saturating_add(number - already_shown);
    }

    fn take_back(&mut self, number: u64) {
        self.overcounted = self.overcounted.saturating_add(number);
    }
}

/// A client as the ledger's key, found by its id: the id is in memory once.
#[derive(Debug)]
pub(super) struct ById(pub(super) Arc<Client>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        self.0.id.as_str()
    }
}

impl hash::Hash for ById {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.id.as_str().hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id.cmp(&other.0.id)
    }
}
