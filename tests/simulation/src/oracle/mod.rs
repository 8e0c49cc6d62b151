//! The oracle: what has to be decided, charged and given back, by the README and by nothing of the
//! code that does it. It is naive, exact, and can be copied at any moment.

mod beside;
mod bucket;
mod client;
mod cost;
mod rules;
mod worker;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use beside::Tally;
use beside::{Beside, Demand, Pot};
pub(crate) use bucket::{Balance, Numbers};
use client::Client;
pub(crate) use client::{Decision, Limit, Standing, Wanted};
pub(crate) use rules::{Each, Measure, Mode, OTHER, Rule, Rules, Subject, Word};
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
    /// What it calls its model; empty: nothing.
    pub(crate) model: String,
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
    /// How little is left then; `None`: that is of no account, since it was decided before.
    pub(crate) left: Option<Left>,
}

/// How little is left of the limits that apply to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// The tightest limit of requests.
    pub(crate) requests: Option<(Limit, Balance)>,
    /// And of tokens.
    pub(crate) tokens: Option<(Limit, Balance)>,
    /// What the limit has that is named, which refuses the request.
    pub(crate) shortage: Option<Shortage>,
    /// Whether the same request again might have to wait for this one.
    pub(crate) is_short: bool,
}

/// What a limit has too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    Requests(Balance),
    Tokens(Balance),
    /// Of so many places.
    Places(u64),
}

/// What becomes of a request, and which limits refuse it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) decision: Decision,
    pub(crate) refusing: Vec<Limit>,
    /// How long it waits for windows alone, of which it is known when they let it pass.
    pub(crate) windows_ms: u64,
    /// Whether it waits for places.
    pub(crate) waits_for_places: bool,
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

    /// What a request of this ask reserves.
    pub(crate) fn reserves(&mut self, ask: &Ask) -> u64 {
        let wanted = self.client_of(&ask.client).wanted;
        let least = match (ask.kind, wanted.min_estimate) {
            (Kind::Generates, Some(least)) => {
                let least = least.min(wanted.tpm.unwrap_or(u64::MAX));
                let applying = self.applying(ask);
                let most = applying.filter_map(|rule| match (rule.mode, rule.measure) {
                    (Mode::Enforce, Measure::Tokens(numbers)) => Some(numbers.burst),
                    _ => None,
                });
                most.fold(least, u64::min)
            }
            _ => 0,
        };
        ask.estimate.max(least)
    }

    fn applying(&self, ask: &Ask) -> impl Iterator<Item = &Rule> {
        let subject = self.subject(ask);
        self.beside.rules.limits.values().filter(move |rule| rule.applies(subject))
    }

    /// What a request is known by.
    fn subject(&self, ask: &Ask) -> Subject {
        let model = self.beside.rules.model(&ask.model);
        Subject { model, ..self.subject_of(&ask.client) }
    }

    /// What a client is known by, whatever its model.
    fn subject_of(&self, client: &str) -> Subject {
        let (client, wanted) = match self.clients.get(client) {
            Some(known) => (crate::plan::client(client), known.wanted),
            None => (UNKNOWN, self.unknown.wanted),
        };
        Subject { client, group: wanted.group, plan: wanted.plan, model: OTHER }
    }

    fn all_held(&self) -> impl Iterator<Item = &Held> {
        self.workers.values().flat_map(|worker| worker.held.values())
    }

    /// How many open requests hold a place there.
    fn places(&self, pot: Pot) -> u64 {
        let places = self.all_held().flat_map(|held| &held.beside.places);
        u64::try_from(places.filter(|taken| **taken == pot).count()).unwrap_or(u64::MAX)
    }

    fn demands(&self, ask: &Ask, reserved: u64, now: u64) -> Vec<Demand> {
        self.beside.demands(self.subject(ask), reserved, &|pot| self.places(pot), now)
    }

    /// Whether a request passes, without taking anything.
    pub(crate) fn judge(&self, ask: &Ask, reserved: u64, now: u64) -> Judged {
        let demands = self.demands(ask, reserved, now);
        let client = self.clients.get(&ask.client).unwrap_or(&self.unknown);
        let mut waits = client.waits(reserved, now);
        let beside = demands.iter().filter(|demand| demand.is_enforced);
        waits.extend(beside.clone().map(|demand| (demand.limit(), demand.wait)));
        waits.retain(|(_, wait)| *wait != Some(0));
        let never = waits.iter().find(|(_, wait)| wait.is_none());
        let longest = waits.iter().filter_map(|(_, wait)| *wait).max();
        let decision = match (never, waits.first()) {
            (Some((limit, _)), _) => Decision::Refused(*limit, None),
            (None, Some((limit, _))) => Decision::Refused(*limit, longest),
            (None, None) => Decision::Admitted,
        };
        let is_place = |limit: &Limit| {
            beside.clone().any(|demand| {
                demand.limit() == *limit && matches!(demand.measure, Measure::Concurrent(_))
            })
        };
        let of_windows = waits.iter().filter(|(limit, _)| !is_place(limit));
        Judged {
            decision,
            windows_ms: of_windows.clone().filter_map(|(_, wait)| *wait).max().unwrap_or(0),
            waits_for_places: of_windows.count() < waits.len(),
            refusing: waits.into_iter().map(|(limit, _)| limit).collect(),
        }
    }

    /// How little is left of what applies to a request that was decided so.
    fn left(&self, ask: &Ask, decision: Decision, reserved: u64, now: u64) -> Left {
        let client = self.clients.get(&ask.client).unwrap_or(&self.unknown);
        let own = client.standing(now);
        let mut left = Left {
            requests: own.requests.map(|balance| (Limit::Rpm, balance)),
            tokens: own.tokens.map(|balance| (Limit::Tpm, balance)),
            shortage: match decision {
                Decision::Refused(Limit::Rpm, _) => own.requests.map(Shortage::Requests),
                Decision::Refused(Limit::Tpm, _) => own.tokens.map(Shortage::Tokens),
                _ => None,
            },
            is_short: own.tokens.is_some_and(|tokens| tokens.remaining() < reserved),
        };
        let tightness = |balance: &Balance| (balance.remaining(), balance.numbers.window_ms);
        for demand in self.demands(ask, reserved, now) {
            let is_named =
                matches!(decision, Decision::Refused(limit, _) if limit == demand.limit());
            let balance = self.beside.balance(&demand, now);
            if !demand.is_enforced {
                continue;
            }
            let (tightest, shortage) = match (demand.measure, balance) {
                (Measure::Requests(_), Some(balance)) => {
                    (&mut left.requests, Shortage::Requests(balance))
                }
                (Measure::Tokens(_), Some(balance)) => {
                    left.is_short |= balance.remaining() < reserved;
                    (&mut left.tokens, Shortage::Tokens(balance))
                }
                (measure, _) => {
                    left.is_short |= demand.wait != Some(0);
                    if is_named {
                        left.shortage = Some(Shortage::Places(measure.capacity()));
                    }
                    continue;
                }
            };
            if is_named {
                left.shortage = Some(shortage);
            }
            let (Shortage::Requests(balance) | Shortage::Tokens(balance)) = shortage else {
                continue;
            };
            let is_looser = |(_, than): &(Limit, Balance)| tightness(&balance) < tightness(than);
            if tightest.as_ref().is_none_or(is_looser) {
                *tightest = Some((demand.limit(), balance));
            }
        }
        left
    }

    /// How much more a request costs than there is of whichever limit, as a share of it, in parts of a
    /// million.
    pub(crate) fn deficit(&mut self, ask: &Ask, reserved: u64, now: u64) -> u64 {
        let demands = self.demands(ask, reserved, now);
        let beside = demands.iter().filter(|demand| demand.is_enforced).map(|demand| {
            let (missing, of) = self.beside.missing(demand, &|pot| self.places(pot), now);
            let share = (u128::from(missing) * 1_000_000).div_ceil(u128::from(of));
            u64::try_from(share).unwrap_or(u64::MAX)
        });
        let beside = beside.max().unwrap_or(0);
        self.client_of(&ask.client).deficit(reserved, now).max(beside)
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
            client.change(wanted, now);
        } else {
            self.lives += 1;
            self.clients.insert(id.to_owned(), Client::new(wanted, self.lives));
        }
    }

    /// An operator deletes a client.
    pub(crate) fn remove(&mut self, id: &str) {
        self.clients.remove(id);
        self.beside.forget_client(crate::plan::client(id));
    }

    /// An operator fills a client's buckets.
    pub(crate) fn reset(&mut self, id: &str) {
        self.lives += 1;
        if let Some(client) = self.clients.get_mut(id) {
            client.begin_anew(self.lives);
            self.beside.forget_client(crate::plan::client(id));
        }
    }

    /// An operator wants other limits and models beside clients' own limits.
    pub(crate) fn change_rules(&mut self, rules: &Rules, now: u64) {
        self.beside.change(rules, now);
        self.forget_empty();
    }

    fn forget_empty(&mut self) {
        let clients = self.clients.values().map(|client| client.wanted);
        let of: BTreeSet<_> = clients.map(|wanted| (wanted.group, wanted.plan)).collect();
        let workers = self.workers.values_mut();
        let held = workers.flat_map(|worker| worker.held.values_mut());
        self.beside.forget_empty(&of, held.map(|held| &mut held.beside));
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
