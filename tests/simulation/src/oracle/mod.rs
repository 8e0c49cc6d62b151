//! The oracle: what has to be decided, charged and given back, by the README and by nothing of the
//! code that does it. It is naive, exact, and can be copied at any moment.

mod bucket;
mod client;
mod cost;
mod worker;

use std::collections::BTreeMap;

pub(crate) use bucket::Balance;
use client::Client;
pub(crate) use client::{Decision, Limit, Standing, Wanted};
pub(crate) use worker::Name;
use worker::{Held, Worker};

use crate::{
    plan::Waits,
    upstream::{Kind, Truth},
};

/// A request that asks.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// Its number among those of its worker.
    pub(crate) id: u32,
    /// Its client.
    pub(crate) client: String,
    /// Its estimate.
    pub(crate) estimate: u64,
    /// What it is for.
    pub(crate) kind: Kind,
}

/// What it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether it passes.
    pub(crate) decision: Decision,
    /// The tokens that it reserves, or would.
    pub(crate) reserved: u64,
    /// Where its client then stands; `None`: that is of no account, since it was decided before.
    pub(crate) standing: Option<Standing>,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was forwarded and came to this.
    Settled(Truth),
    /// It was never forwarded.
    Canceled,
    /// Nobody will know.
    Lost,
}

/// A request that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its worker.
    pub(crate) worker: Name,
    /// Its number.
    pub(crate) id: u32,
    /// How.
    pub(crate) end: End,
}

/// All that a control plane has to know.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    clients: BTreeMap<String, Client>,
    unknown: Client,
    workers: BTreeMap<Name, Worker>,
    lives: u64,
    /// Requests of deleted clients that may still be held somewhere.
    ghosts: Vec<(Name, u32)>,
    resume_timeout_ms: u64,
    /// What those who wait are told.
    pub(crate) waits: Waits,
}

/// Whether the client that paid was deleted since.
fn is_orphan(clients: &BTreeMap<String, Client>, held: &Held) -> bool {
    let is_another = |id: &String| clients.get(id).is_none_or(|client| client.birth != held.birth);
    held.client.as_ref().is_some_and(is_another)
}

impl Oracle {
    /// A control plane without clients; all that are unknown share `unknown`.
    pub(crate) fn new(unknown: Wanted, resume_timeout_ms: u64, waits: Waits) -> Self {
        Self {
            clients: BTreeMap::new(),
            unknown: Client::new(unknown, 0),
            workers: BTreeMap::new(),
            lives: 0,
            ghosts: Vec::new(),
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

    /// What a request of this ask reserves.
    pub(crate) fn reserves(&mut self, ask: &Ask) -> u64 {
        let wanted = self.client_of(&ask.client).wanted;
        let least = match (ask.kind, wanted.min_estimate) {
            (Kind::Generates, Some(least)) => least.min(wanted.tpm.unwrap_or(u64::MAX)),
            _ => 0,
        };
        ask.estimate.max(least)
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
        let mut decision = self.client_of(&ask.client).judge(reserved, now);
        match (&mut decision, self.clients.get_mut(&ask.client)) {
            (Decision::Admitted, _) => self.charge(worker, ask, reserved, now),
            (Decision::Refused(_, Some(wait)), Some(client)) if self.waits == Waits::Spread => {
                *wait = client.line_up(reserved, *wait, now);
            }
            (Decision::Refused(..), _) => {}
        }
        let standing = Some(self.client_of(&ask.client).standing(now));
        let answer = Answer { decision, reserved, standing };
        self.workers.entry(worker).or_default().untold.push((ask.id, answer.clone()));
        answer
    }

    fn decided(&mut self, worker: Name, ask: &Ask) -> Option<Answer> {
        let worker = self.workers.entry(worker).or_default();
        match worker.held.get(&ask.id) {
            Some(Held { reserved, .. }) => {
                let decision = Decision::Admitted;
                Some(Answer { decision, reserved: *reserved, standing: None })
            }
            None => worker.repeat(ask.id),
        }
    }

    /// Charges an ask that was admitted, whatever is left.
    pub(crate) fn charge(&mut self, worker: Name, ask: &Ask, reserved: u64, now: u64) {
        let is_configured = self.clients.contains_key(&ask.client);
        let client = self.client_of(&ask.client);
        let held = Held {
            life: client.life,
            birth: client.birth,
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
        let client = match &held.client {
            Some(client) => self.clients.get_mut(client),
            None => Some(&mut self.unknown),
        };
        if let Some(client) = client.filter(|client| client.life == held.life) {
            match end {
                End::Settled(truth) => {
                    let tokens = cost::tokens(held.kind, held.reserved, truth);
                    client.correct(held.paid, Some(tokens), now);
                }
                End::Canceled => client.correct(held.paid, None, now),
                End::Lost => {}
            }
        }
        Some(Ended { worker, id, end })
    }

    /// A worker says hello on its stream of this number; whether that is not overtaken.
    pub(crate) fn hello(&mut self, worker: Name, stream: u64) -> bool {
        let worker = self.workers.entry(worker).or_default();
        let is_newest = stream >= worker.newest_stream;
        worker.newest_stream = worker.newest_stream.max(stream);
        is_newest
    }

    /// A worker has a stream.
    pub(crate) fn join(&mut self, worker: Name) {
        self.workers.entry(worker).or_default().away_since = None;
    }

    /// It has none any more.
    pub(crate) fn leave(&mut self, worker: Name, now: u64) {
        let is_needless = |worker: &Worker| {
            worker.held.is_empty() && worker.untold.is_empty() && worker.newest_stream <= 1
        };
        if self.workers.get(&worker).is_some_and(is_needless) {
            self.workers.remove(&worker);
        } else if let Some(worker) = self.workers.get_mut(&worker) {
            worker.away_since = Some(now);
        }
    }

    /// What was decided is on its way to the worker.
    pub(crate) fn told(&mut self, worker: Name) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.untold.clear();
        }
    }

    /// A worker has come back, and says all that it holds.
    pub(crate) fn resume(&mut self, worker: Name, ids: &[u32], now: u64) -> Vec<Ended> {
        let known = self.workers.entry(worker).or_default();
        let unnamed: Vec<_> = known.held.keys().filter(|id| !ids.contains(id)).copied().collect();
        let was_told = |id: &u32| !known.untold.iter().any(|(untold, _)| untold == id);
        let ends: Vec<_> = unnamed
            .into_iter()
            .map(|id| (id, if was_told(&id) { End::Lost } else { End::Canceled }))
            .collect();
        let untold = known.untold.drain(..);
        known.to_repeat.extend(untold.filter(|(_, answer)| answer.decision != Decision::Admitted));
        ends.into_iter().filter_map(|(id, end)| self.end(worker, id, end, now)).collect()
    }

    /// Gives up on workers that have been away for too long.
    pub(crate) fn give_up(&mut self, now: u64) -> Vec<Ended> {
        let timeout_ms = self.resume_timeout_ms;
        let is_gone = |worker: &Worker| {
            worker.away_since.is_some_and(|since| now.saturating_sub(since) >= timeout_ms)
        };
        let gone = self.workers.iter().filter(|(_, worker)| is_gone(worker));
        let gone: Vec<_> = gone.map(|(name, _)| *name).collect();
        let mut ended = Vec::new();
        for name in gone {
            let ids: Vec<_> = self.workers[&name].held.keys().copied().collect();
            ended.extend(ids.into_iter().filter_map(|id| self.end(name, id, End::Lost, now)));
            self.workers.remove(&name);
        }
        ended
    }

    /// An operator configures a client.
    pub(crate) fn configure(&mut self, id: &str, wanted: Wanted, now: u64) {
        if let Some(client) = self.clients.get_mut(id) {
            return client.change(wanted, now);
        }
        self.lives += 1;
        self.clients.insert(id.to_owned(), Client::new(wanted, self.lives));
    }

    /// An operator deletes a client.
    pub(crate) fn remove(&mut self, id: &str) {
        self.clients.remove(id);
    }

    /// An operator fills a client's buckets.
    pub(crate) fn reset(&mut self, id: &str) {
        self.lives += 1;
        if let Some(client) = self.clients.get_mut(id) {
            client.begin_anew(self.lives);
        }
    }

    /// Another process goes on, after one that said something last at `last`, with what is configured
    /// by then.
    pub(crate) fn go_on(
        &mut self,
        last: Option<u64>,
        now: u64,
        configured: &BTreeMap<String, Wanted>,
    ) {
        self.clients.retain(|id, _| configured.contains_key(id));
        let clients = self.clients.values_mut().chain([&mut self.unknown]);
        clients.for_each(|client| client.go_on(last.unwrap_or(now), now));
        for (id, wanted) in configured {
            self.configure(id, *wanted, now);
        }
        let clients = &self.clients;
        for (name, worker) in &mut self.workers {
            worker.untold.clear();
            worker.to_repeat.clear();
            worker.away_since = Some(now);
            worker.newest_stream = 0;
            let orphans = worker.held.extract_if(.., |_, held| is_orphan(clients, held));
            self.ghosts.extend(orphans.map(|(id, _)| (*name, id)));
        }
        self.workers.retain(|_, worker| !worker.held.is_empty());
    }

    /// Requests of deleted clients that were under way when a process ended: their ends change nothing.
    pub(crate) fn ghosts(&self) -> &[(Name, u32)] {
        &self.ghosts
    }

    /// The requests that hold something, by worker.
    pub(crate) fn held_by_worker(&self) -> impl Iterator<Item = (Name, u32)> {
        self.workers.iter().flat_map(|(name, worker)| worker.held.keys().map(|id| (*name, *id)))
    }

    /// How many requests hold something: at least and at most so many. What those of a deleted client
    /// hold is nobody's, and may outlive a process or not.
    pub(crate) fn held_between(&self) -> (usize, usize) {
        let held = self.workers.values().flat_map(|worker| worker.held.values());
        let orphans = held.filter(|held| is_orphan(&self.clients, held)).count();
        (self.held() - orphans, self.held() + self.ghosts.len())
    }
}
