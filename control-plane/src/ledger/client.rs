//! One client: its limits, its account and its tally, under one lock.

use std::{borrow::Borrow, hash, mem, num::NonZeroU64, sync::Arc};

use limiter::{Account, Charge, ClientId, Decision, Dimension, Refusal, Tokens, Units, UnixMillis};
use parking_lot::Mutex;

use super::{Answer, ClientConfig, Histogram};

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
}

/// What happened, since the process started.
#[derive(Debug, Default)]
struct Tally {
    admitted: Count,
    rpm_dropped: u64,
    tpm_dropped: u64,
    tokens_used: Count,
    last_request: Option<NonZeroU64>,
    /// Only of clients whose requests ended: most of a large ledger never asks.
    durations: Option<Box<Histogram>>,
}

/// A counter whose last additions may turn out to be wrong, and that never goes down all the same:
/// it waits for as many further ones before it goes up again.
#[derive(Debug, Default)]
struct Count {
    shown: u64,
    overcounted: u64,
}

/// An admitted request: what it was charged, to whom. It is settled or released once.
#[derive(Debug)]
#[must_use]
pub struct Held {
    client: Arc<Client>,
    charge: Charge,
    tokens: Tokens,
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
    /// Their tokens.
    pub tokens_used: u64,
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
        Self::with_tally(config, Tally::default(), now)
    }

    /// A client that was deleted and is created again: full buckets, and the counters go on. What
    /// the deleted one's requests still hold is not this one's.
    pub(super) fn anew(&self, config: &ClientConfig, now: UnixMillis) -> Arc<Self> {
        let tally = mem::take(&mut self.state.lock().tally);
        Self::with_tally(config, tally, now)
    }

    fn with_tally(config: &ClientConfig, tally: Tally, now: UnixMillis) -> Arc<Self> {
        Arc::new(Self {
            id: config.id.clone(),
            state: Mutex::new(State {
                account: Account::full(&config.limits, now),
                tally,
                enabled: config.enabled,
            }),
        })
    }

    pub(super) fn id(&self) -> &ClientId {
        &self.id
    }

    pub(super) fn decide(self: &Arc<Self>, tokens: Tokens, now: UnixMillis) -> Answer {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.tally.last_request = NonZeroU64::new(now.0);
        let decision = if state.enabled {
            state.account.decide(tokens, now)
        } else {
            Decision::Admitted(Charge::NOTHING)
        };
        match decision {
            Decision::Admitted(charge) => {
                state.tally.admit(tokens);
                drop(guard);
                Answer::Admitted(Held { client: Arc::clone(self), charge, tokens })
            }
            Decision::Refused(refusal) => {
                state.tally.drop(refusal);
                Answer::Refused(refusal)
            }
        }
    }

    pub(super) fn configure(&self, config: &ClientConfig, now: UnixMillis) {
        let mut state = self.state.lock();
        state.account.change_limits(&config.limits, now);
        state.enabled = config.enabled;
    }

    pub(super) fn config(&self) -> ClientConfig {
        let state = self.state.lock();
        state.config(&self.id)
    }

    pub(super) fn snapshot(&self, now: UnixMillis) -> ClientSnapshot {
        let state = self.state.lock();
        let State { account, tally, .. } = &*state;
        ClientSnapshot {
            config: state.config(&self.id),
            admitted: tally.admitted.shown,
            rpm_dropped: tally.rpm_dropped,
            tpm_dropped: tally.tpm_dropped,
            tokens_used: tally.tokens_used.shown,
            last_request: tally.last_request.map(|at| UnixMillis(at.get())),
            durations: tally.durations.as_deref().cloned().unwrap_or_default(),
            requests_left: account.balance(Dimension::Rpm, now),
            tokens_left: account.balance(Dimension::Tpm, now),
        }
    }
}

impl Held {
    /// The request was forwarded and is over after `duration_us`, with a response or without; the
    /// charge stands.
    pub fn settle(self, duration_us: u64) {
        let mut state = self.client.state.lock();
        state.tally.durations.get_or_insert_default().record(duration_us);
    }

    /// The request was never forwarded: the whole charge is given back.
    pub fn release(self, now: UnixMillis) {
        let mut guard = self.client.state.lock();
        let state = &mut *guard;
        state.account.release(self.charge, now);
        state.tally.admitted.take_back(1);
        state.tally.tokens_used.take_back(self.tokens.get());
    }
}

impl State {
    fn config(&self, id: &ClientId) -> ClientConfig {
        ClientConfig { id: id.clone(), limits: self.account.limits(), enabled: self.enabled }
    }
}

impl Tally {
    fn admit(&mut self, tokens: Tokens) {
        self.admitted.add(1);
        self.tokens_used.add(tokens.get());
    }

    fn drop(&mut self, refusal: Refusal) {
        match refusal.limit() {
            Dimension::Rpm => self.rpm_dropped += 1,
            Dimension::Tpm => self.tpm_dropped += 1,
        }
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
