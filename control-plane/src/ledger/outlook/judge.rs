//! A request is judged by limits as they were seen, and they are left as they are.

use limiter::{Tokens, UnixMillis, would_refuse};

use super::{Asker, LimitLeft, LimitOutlook, Outlook, Standing, Verdict};
use crate::{
    ledger::{Refusal, Shortage, keys::Part, stock::Stock},
    limits::{LimitKey, LimitMode, ModelName},
};

/// What was seen for a request: its limits in the order in which a refusal names them, each with what is
/// left of it where somebody keeps that.
#[derive(Debug)]
pub(in crate::ledger) struct Seen {
    pub(in crate::ledger) asker: Asker,
    pub(in crate::ledger) model: ModelName,
    pub(in crate::ledger) cost: Tokens,
    pub(in crate::ledger) limits: Vec<(Standing, Option<Stock>)>,
    pub(in crate::ledger) now: UnixMillis,
}

impl Seen {
    /// What would be decided.
    pub(in crate::ledger) fn judge(self) -> Outlook {
        let Self { asker, model, cost, mut limits, now } = self;
        let mut waits = vec![None; limits.len()];
        let mut places = Vec::with_capacity(limits.len());
        let mut demands = Vec::with_capacity(limits.len());
        for (place, (standing, stock)) in limits.iter_mut().enumerate() {
            if let Some(stock) = stock.as_mut().filter(|_| standing.mode != LimitMode::Off) {
                let demand = stock.demand(standing.measure, cost);
                demands.push(if standing.is_watched() { demand.watched() } else { demand });
                places.push(place);
            }
        }
        let refusal = would_refuse(&demands, now);
        for (place, demand) in places.iter().zip(&demands) {
            if let Some(wait) = waits.get_mut(*place) {
                *wait = demand.wait(now);
            }
        }
        drop(demands);

        let named = refusal.and_then(|refusal| {
            let place = places.get(refusal.named())?;
            let (standing, stock) = limits.get(*place)?;
            let limit = standing.limit.clone();
            let shortage = shortage(standing, stock.as_ref()?, now);
            Some(Refusal { limit, shortage, wait: refusal.wait() })
        });
        let limits = limits.into_iter().zip(waits).map(|((standing, stock), wait)| {
            let Standing { limit, measure, mode, part, applies } = standing;
            let left = stock.map(|stock| match stock {
                Stock::Window(bucket) => LimitLeft::Window(bucket.balance(now)),
                Stock::Places(places) => LimitLeft::Places(places),
            });
            let is_trial = part == Part::Trial;
            LimitOutlook { limit, measure, mode, is_trial, applies, left, wait }
        });
        Outlook {
            asker,
            model,
            reserves: Some(cost),
            verdict: named.map_or(Verdict::Passes, Verdict::Refused),
            limits: limits.collect(),
        }
    }

    /// Adds limits that are off, where their names have them.
    pub(in crate::ledger) fn with_off(mut self, off: impl Iterator<Item = Standing>) -> Self {
        self.limits.extend(off.map(|standing| (standing, None)));
        // What is there is in this order already.
        self.limits.sort_by(|(a, _), (b, _)| name(a).cmp(&name(b)));
        self
    }
}

/// A client's own limits come before the others by name.
fn name(standing: &Standing) -> Option<&str> {
    match &standing.limit {
        LimitKey::Own(_) => None,
        LimitKey::Named(name) => Some(name.as_str()),
    }
}

fn shortage(standing: &Standing, stock: &Stock, now: UnixMillis) -> Shortage {
    match stock.balance(now) {
        Some(balance) if standing.measure.is_tokens() => Shortage::Tokens(balance),
        Some(balance) => Shortage::Requests(balance),
        None => Shortage::Places(standing.measure.amount()),
    }
}
