//! Requests are asked for, and end.

use super::{
    Ending, Key, OWN, Open, Oracle, Refused, Request, Told,
    stock::{Stock, own_numbers},
};
use crate::together::{
    bucket::{Bucket, Numbers},
    spec::{Kind, Mode, Spec},
};

impl Oracle {
    pub(crate) fn ask(&mut self, request: Request<'_>, now: u64) -> Told {
        let client = self.counts_as(request.client);
        let who = self.clients[&client].clone();
        let rules = self.rules_for(&client, request.model);
        let cap = |tokens: u64| {
            let at_once = rules
                .iter()
                .filter(|(spec, _)| spec.kind == Kind::Tokens && spec.mode == Mode::Enforce);
            let beside = at_once.map(|(spec, _)| spec.burst);
            who.tpm.into_iter().chain(beside).fold(tokens, u64::min)
        };
        let reserved = request.estimate.unwrap_or_else(|| cap(1_000));

        // A look at its own two is a visit, and a refusal is nothing to all others.
        let own = own_numbers(&who);
        let account = self.accounts.entry(client.clone()).or_default();
        let mut refusing: Vec<(String, Kind, u64)> = Vec::new();
        for (at, kind, cost) in [(0, Kind::Requests, 1), (1, Kind::Tokens, reserved)] {
            let Some(numbers) = own[at] else { continue };
            let bucket = account.own[at].get_or_insert_with(|| Bucket::full(numbers, now));
            bucket.advance(now);
            if let Some(wait) = bucket.wait(cost, now) {
                refusing.push((OWN[at].to_owned(), kind, wait));
            }
        }
        for (spec, key) in &rules {
            if spec.mode == Mode::Enforce
                && let Some(wait) = self.stock(spec, key, 0, now).wait(spec.kind, reserved, now)
            {
                refusing.push((spec.name.clone(), spec.kind, wait));
            }
        }

        if refusing.is_empty() {
            self.admit(request, &client, (&rules, own), reserved, now);
        } else {
            self.refuse(&client, &refusing, request.in_shadow);
        }
        let refusal = refusing.iter().map(|(.., wait)| *wait).max().map(|longest| {
            let never = refusing.iter().find(|(.., wait)| *wait == u64::MAX);
            let (limit, kind, _) = never.unwrap_or(&refusing[0]).clone();
            Refused { limit, kind, wait_ms: (longest != u64::MAX).then_some(longest) }
        });
        let (tightest, is_short) = self.tightest(&client, request.model, reserved, now);
        let is_short = refusal.is_none().then_some(is_short);
        Told { reserved, refusal, tightest, is_short }
    }

    fn admit(
        &mut self,
        request: Request<'_>,
        client: &str,
        (rules, own): (&[(Spec, Key)], [Option<Numbers>; 2]),
        reserved: u64,
        now: u64,
    ) {
        let mut others = Vec::new();
        for (spec, key) in rules {
            let parts = if spec.trial.is_some() { 2 } else { 1 };
            let mut would_refuse = false;
            for part in 0..parts {
                let mut stock = self.stock(spec, key, part, now);
                if stock.wait(spec.kind, reserved, now).is_some() {
                    let rule = self.limits.get_mut(&spec.name).unwrap();
                    *[&mut rule.in_shadow, &mut rule.on_trial][part] += 1;
                    would_refuse = true;
                } else {
                    let paid = stock.take(spec.kind, reserved, now);
                    others.push((key.clone(), part, paid));
                }
                if let Stock::Window(bucket) = &mut stock {
                    bucket.advance(now);
                }
                if let Stock::Places { max, taken } = stock {
                    let is_enforced = spec.mode == Mode::Enforce && part == 0;
                    assert!(!is_enforced || taken <= max, "{taken} of {max} places");
                }
                self.stocks.entry(key.clone()).or_default()[part] = Some(stock);
            }
            if would_refuse {
                self.accounts.get_mut(client).unwrap().by_limit.entry(key.limit).or_default().1 +=
                    1;
            }
        }
        let account = self.accounts.get_mut(client).unwrap();
        let costs = [1, reserved];
        let own = (0..2).filter(|at| own[*at].is_some());
        let own = own.map(|at| (at, account.own[at].as_mut().unwrap().take(costs[at]))).collect();
        account.admitted();
        let open = Open {
            client: client.to_owned(),
            epoch: account.epoch,
            reserved,
            makes_tokens: request.makes_tokens,
            own,
            others,
        };
        assert!(self.open.insert(request.id, open).is_none());
    }

    fn refuse(&mut self, client: &str, refusing: &[(String, Kind, u64)], in_shadow: bool) {
        let account = self.accounts.get_mut(client).unwrap();
        for (limit, ..) in refusing {
            let Some(rule) = self.limits.get_mut(limit) else { continue };
            let (refused, would_refuse) = account.by_limit.entry(rule.number).or_default();
            if in_shadow {
                (rule.in_shadow, *would_refuse) = (rule.in_shadow + 1, *would_refuse + 1);
            } else {
                (rule.refused, *refused) = (rule.refused + 1, *refused + 1);
            }
        }
        let never = refusing.iter().find(|(.., wait)| *wait == u64::MAX);
        let reason = reason(&never.unwrap_or(&refusing[0]).0);
        if in_shadow {
            account.admitted();
            account.in_shadow[reason] += 1;
        } else {
            account.dropped[reason] += 1;
        }
    }

    /// Requests that were refused where they arrived.
    pub(crate) fn drop(&mut self, client: &str, limit: &str, requests: u64) {
        let client = self.counts_as(client);
        let account = self.accounts.entry(client).or_default();
        account.dropped[reason(limit)] += requests;
        if let Some(rule) = self.limits.get_mut(limit) {
            rule.refused += requests;
            account.by_limit.entry(rule.number).or_default().0 += requests;
        }
    }

    pub(crate) fn end(&mut self, id: (u128, u32), ending: Ending, now: u64) {
        let open = self.open.remove(&id).unwrap();
        let account = self.accounts.get_mut(&open.client).unwrap();
        let is_same = account.epoch == open.epoch;
        let used = |kind: Kind| match (kind, ending) {
            (_, Ending::Unknown) | (Kind::Requests, Ending::Cost(_)) => None,
            (_, Ending::Nothing) => Some(0),
            (_, Ending::Cost(tokens)) => Some(tokens),
        };
        for (at, paid) in open.own {
            if let Some(used) = used([Kind::Requests, Kind::Tokens][at])
                && is_same
            {
                account.own[at].as_mut().unwrap().settle(paid, used, now);
            }
        }
        for (key, part, paid) in open.others {
            let is_others = key.client.is_none();
            // What is no more takes nothing back.
            let Some(stock) = self.stocks.get_mut(&key).and_then(|both| both[part].as_mut()) else {
                continue;
            };
            let rule = self.limits.values().find(|rule| rule.number == key.limit).unwrap();
            match (stock, paid) {
                (Stock::Places { taken, .. }, None) => *taken -= 1,
                (Stock::Window(bucket), Some(paid)) if is_others || is_same => {
                    if let Some(used) = used(rule.spec.kind) {
                        bucket.settle(paid, used, now);
                    }
                }
                _ => {}
            }
        }
        match ending {
            Ending::Cost(tokens) => account.tokens_used += tokens,
            Ending::Nothing => account.overcounted += 1,
            Ending::Unknown => account.tokens_used += open.reserved,
        }
    }

    /// What a request that is under way had reserved, and whether it may make tokens.
    pub(crate) fn reserved(&self, id: (u128, u32)) -> (u64, bool) {
        let open = &self.open[&id];
        (open.reserved, open.makes_tokens)
    }

    pub(crate) fn held(&self) -> usize {
        self.open.len()
    }
}

fn reason(limit: &str) -> usize {
    OWN.iter().position(|own| *own == limit).unwrap_or(2)
}
