//! The oracle: what has to be decided, charged and given back, by the README and by nothing of the
//! code that does it. It is naive, exact, and can be copied at any moment.

mod ask;
mod beside;
mod bucket;
mod client;
mod come_and_go;
mod configured;
pub(crate) mod cost;
mod judge;
mod rules;
mod worker;

use std::collections::BTreeMap;

pub(crate) use ask::{Answer, Ask, End, Ended, Judged, Left, Shortage};
use beside::Beside;
pub(crate) use beside::Tally;
pub(crate) use bucket::{Balance, Numbers};
use client::Client;
pub(crate) use client::{Decision, Limit, Standing, Wanted};
pub(crate) use rules::{Each, Measure, Mode, OTHER, Rule, Rules, Subject, Word};
pub(crate) use worker::Name;
use worker::{Held, Worker};

use crate::plan::Waits;

/// All that a control plane has to know.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    clients: BTreeMap<String, Client>,
    unknown: Client,
    beside: Beside,
    workers: BTreeMap<Name, Worker>,
    lives: u64,
    resume_timeout_ms: u64,
    /// What those who wait are told.
    pub(crate) waits: Waits,
}

/// The client that stands for all that are not configured.
const UNKNOWN: Word = "unknown";

impl Oracle {
    /// A control plane without clients; all that are unknown share `unknown`.
    pub(crate) fn new(unknown: Wanted, resume_timeout_ms: u64, waits: Waits) -> Self {
        Self {
            clients: BTreeMap::new(),
            unknown: Client::new(unknown, 0),
            beside: Beside::default(),
            workers: BTreeMap::new(),
            lives: 0,
            resume_timeout_ms,
            waits,
        }
    }

    /// A client as a request of this id counts.
    pub(crate) fn client_of(&mut self, id: &str) -> &mut Client {
        self.clients.get_mut(id).unwrap_or(&mut self.unknown)
    }

    /// Every configured client.
    pub(crate) fn clients(&self) -> impl Iterator<Item = (&String, &Client)> {
        self.clients.iter()
    }

    /// The client of all others.
    pub(crate) fn unknown(&self) -> &Client {
        &self.unknown
    }

    /// How many requests hold something.
    pub(crate) fn held(&self) -> usize {
        self.workers.values().map(|worker| worker.held.len()).sum()
    }

    /// Whether this ask was answered before, and its request is still under way.
    pub(crate) fn is_known(&self, worker: Name, id: u32) -> bool {
        self.workers.get(&worker).is_some_and(|worker| {
            worker.held.contains_key(&id) || worker.to_repeat.iter().any(|(known, _)| *known == id)
        })
    }

    /// A frame of asks begins: its worker was told what came before.
    pub(crate) fn begin_frame(&mut self, worker: Name) {
        self.workers.entry(worker).or_default().untold.clear();
    }

    /// Decides over an ask.
    pub(crate) fn decide(&mut self, worker: Name, ask: &Ask, now: u64) -> Answer {
        if let Some(answer) = self.decided(worker, ask) {
            self.workers.entry(worker).or_default().untold.push((ask.id, answer.clone()));
            return answer;
        }
        let reserved = self.reserves(ask);
        let Judged { mut decision, refusing, .. } = self.judge(ask, reserved, now);
        let subject = self.subject(ask);
        for limit in &refusing {
            if let Limit::Named(limit) = limit {
                self.beside.refused(subject.client, limit, 1);
            }
        }
        // A moment of its own is worth nothing where others draw on the same bucket.
        let all_are_own = refusing.iter().all(|limit| !matches!(limit, Limit::Named(_)));
        let is_spread = self.waits == Waits::Spread && all_are_own;
        match (&mut decision, self.clients.get_mut(&ask.client)) {
            (Decision::Admitted, _) => self.charge(worker, ask, reserved, now),
            (Decision::Refused(_, Some(wait)), Some(client)) if is_spread => {
                *wait = client.line_up(reserved, *wait, now);
            }
            (Decision::Refused(..), _) => {}
        }
        let left = Some(self.left(ask, decision, reserved, now));
        let answer = Answer { decision, reserved, left };
        self.workers.entry(worker).or_default().untold.push((ask.id, answer.clone()));
        answer
    }

    fn decided(&mut self, worker: Name, ask: &Ask) -> Option<Answer> {
        let worker = self.workers.entry(worker).or_default();
        match worker.held.get(&ask.id) {
            Some(Held { reserved, .. }) => {
                let decision = Decision::Admitted;
                Some(Answer { decision, reserved: *reserved, left: None })
            }
            None => worker.repeat(ask.id),
        }
    }

    /// Charges an ask that was admitted, whatever is left.
    pub(crate) fn charge(&mut self, worker: Name, ask: &Ask, reserved: u64, now: u64) {
        let is_configured = self.clients.contains_key(&ask.client);
        let demands = self.demands(ask, reserved, now);
        let beside = self.beside.pay(self.subject(ask).client, &demands, now);
        let client = self.client_of(&ask.client);
        let held = Held {
            beside,
            life: client.life,
            kind: ask.kind,
            paid: client.pay(reserved, now),
            reserved,
            client: is_configured.then(|| ask.client.clone()),
        };
        self.workers.entry(worker).or_default().held.insert(ask.id, held);
    }

    /// A request ends; what it held, `None` when it held nothing.
    pub(crate) fn end(&mut self, worker: Name, id: u32, end: End, now: u64) -> Option<Ended> {
        let held = self.workers.get_mut(&worker)?.held.remove(&id)?;
        let cost = match end {
            End::Settled(truth) => Some(cost::tokens(held.kind, held.reserved, truth)),
            End::Canceled => None,
            // What was paid stands.
            End::Lost => return Some(Ended { worker, id, end }),
        };
        let client = match &held.client {
            Some(client) => self.clients.get_mut(client),
            None => Some(&mut self.unknown),
        };
        let client = client.filter(|client| client.life == held.life);
        let owns = client.is_some();
        if let Some(client) = client {
            client.correct(held.paid, cost, now);
        }
        self.beside.correct(&held.beside, cost, owns, now);
        Some(Ended { worker, id, end })
    }

    /// What is left of a limit beside a client's own two, and how often it refused that client; `None`:
    /// it is not for this client.
    pub(crate) fn beside(&self, client: &str, limit: Word, now: u64) -> Option<(u64, Tally)> {
        let subject = self.subject_of(client);
        let rule = self.beside.rules.limits.get(limit)?;
        if !rule.concerns(subject) {
            return None;
        }
        let held: Vec<_> = self.all_held().collect();
        let remaining = self.beside.remaining(limit, subject, &held, now)?;
        Some((remaining, self.beside.tally(subject.client, limit)))
    }

    /// What is left of one bucket; `None`: nothing was ever taken.
    pub(crate) fn balance_of(
        &self,
        limit: &str,
        of: Subject,
        is_trial: bool,
        now: u64,
    ) -> Option<Balance> {
        self.beside.balance_of(limit, of, is_trial, now)
    }

    /// The configured model of this name.
    pub(crate) fn model(&self, name: &str) -> Option<Word> {
        self.beside.rules.models.keys().find(|model| **model == name).copied()
    }

    /// All limits and models that are wanted.
    pub(crate) fn rules(&self) -> &Rules {
        &self.beside.rules
    }

    /// How often a limit refused in this process: itself, in shadow, by its number on trial.
    pub(crate) fn counted(&self, limit: Word) -> [u64; 3] {
        self.beside.counted(limit)
    }

    /// A worker refused requests by itself, for a limit beside their client's own two.
    pub(crate) fn dropped(&mut self, client: &str, limit: &str, requests: u64) {
        let client = self.subject_of(client).client;
        let limit = self.beside.rules.limits.keys().find(|name| **name == limit).copied();
        if let Some(limit) = limit {
            self.beside.refused(client, limit, requests);
        }
    }

    /// Another process goes on, after one that said something last at `last`, with what is configured
    /// by then.
    pub(crate) fn go_on(
        &mut self,
        last: Option<u64>,
        now: u64,
        (configured, rules): (&BTreeMap<String, Wanted>, &Rules),
    ) {
        let gone: Vec<_> =
            self.clients.keys().filter(|id| !configured.contains_key(*id)).cloned().collect();
        for id in &gone {
            self.remove(id);
        }
        let clients = self.clients.values_mut().chain([&mut self.unknown]);
        clients.for_each(|client| client.go_on(last.unwrap_or(now), now));
        self.beside.go_on(rules, last.unwrap_or(now), now);
        self.beside.forget_tallies(|client| client == UNKNOWN || self.clients.contains_key(client));
        for (id, wanted) in configured {
            self.configure(id, *wanted, now);
        }
        self.forget_empty();
        for worker in self.workers.values_mut() {
            worker.untold.clear();
            worker.to_repeat.clear();
            worker.away_since = Some(now);
            worker.newest_stream = 0;
        }
        self.workers.retain(|_, worker| !worker.held.is_empty());
    }

    /// The requests that hold something, by worker.
    pub(crate) fn held_by_worker(&self) -> impl Iterator<Item = (Name, u32)> {
        self.workers.iter().flat_map(|(name, worker)| worker.held.keys().map(|id| (*name, *id)))
    }
}
