//! Whether a request passes, and how little is left then.

use super::{
    Ask, Balance, Decision, Judged, Left, Limit, Measure, Mode, OTHER, Oracle, Rule, Shortage,
    Subject, UNKNOWN,
    beside::{Demand, Pot},
    worker::Held,
};
use crate::upstream::Kind;

impl Oracle {
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

    pub(super) fn applying(&self, ask: &Ask) -> impl Iterator<Item = &Rule> {
        let subject = self.subject(ask);
        self.beside.rules.limits.values().filter(move |rule| rule.applies(subject))
    }

    /// What a request is known by.
    pub(super) fn subject(&self, ask: &Ask) -> Subject {
        let model = self.beside.rules.model(&ask.model);
        Subject { model, ..self.subject_of(&ask.client) }
    }

    /// What a client is known by, whatever its model.
    pub(super) fn subject_of(&self, client: &str) -> Subject {
        let (client, wanted) = match self.clients.get(client) {
            Some(known) => (crate::plan::client(client), known.wanted),
            None => (UNKNOWN, self.unknown.wanted),
        };
        Subject { client, group: wanted.group, plan: wanted.plan, model: OTHER }
    }

    pub(super) fn all_held(&self) -> impl Iterator<Item = &Held> {
        self.workers.values().flat_map(|worker| worker.held.values())
    }

    /// How many open requests hold a place there.
    pub(super) fn places(&self, pot: Pot) -> u64 {
        let places = self.all_held().flat_map(|held| &held.beside.places);
        u64::try_from(places.filter(|taken| **taken == pot).count()).unwrap_or(u64::MAX)
    }

    pub(super) fn demands(&self, ask: &Ask, reserved: u64, now: u64) -> Vec<Demand> {
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
    pub(super) fn left(&self, ask: &Ask, decision: Decision, reserved: u64, now: u64) -> Left {
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
}
