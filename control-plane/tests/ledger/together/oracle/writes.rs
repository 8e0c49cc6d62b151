//! What an operator writes, and what goes on of what was spent.

use super::{
    Oracle, Rule,
    stock::{Stock, a_minute, numbers},
};
use crate::together::spec::{MODELS, Spec, Who};

impl Oracle {
    pub(crate) fn configure(&mut self, id: &str, who: &Who, now: u64) {
        let is_new = self.clients.insert(id.to_owned(), who.clone()).is_none();
        let account = self.accounts.entry(id.to_owned()).or_default();
        if is_new {
            self.begin_anew(id);
            return;
        }
        for (bucket, limit) in account.own.iter_mut().zip([who.rpm, who.tpm]) {
            if let (Some(bucket), Some(limit)) = (bucket, limit) {
                bucket.change(a_minute(limit), now);
            }
        }
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.clients.remove(id);
    }

    pub(crate) fn reset(&mut self, id: &str) {
        if self.clients.contains_key(id) {
            self.begin_anew(id);
        }
    }

    /// Full buckets of the client's own, but for places that are taken.
    fn begin_anew(&mut self, id: &str) {
        let account = self.accounts.entry(id.to_owned()).or_default();
        account.own = [None, None];
        account.epoch += 1;
        let own = self.stocks.iter_mut().filter(|(key, _)| key.client.as_deref() == Some(id));
        for (_, both) in own {
            for stock in both {
                stock.take_if(|stock| matches!(stock, Stock::Window(_)));
            }
        }
    }

    /// Puts other limits and models in force.
    pub(crate) fn put(&mut self, specs: &[Spec], are_on: [bool; 3], now: u64) {
        let on = MODELS.iter().zip(are_on).filter_map(|((name, _), is_on)| is_on.then_some(*name));
        let on: Vec<_> = on.collect();
        self.models.retain(|name, _| on.contains(name));
        for name in on {
            if !self.models.contains_key(name) {
                self.made += 1;
                self.models.insert(name, self.made);
            }
        }
        let mut before = std::mem::take(&mut self.limits);
        for (name, Rule { refused, in_shadow, on_trial, .. }) in &before {
            self.counted.insert(name.clone(), [*refused, *in_shadow, *on_trial]);
        }
        for spec in specs {
            let known = before.remove(&spec.name);
            let goes_on = known.filter(|known| {
                let of = |spec: &Spec| {
                    let mut each = spec.each.clone();
                    each.sort_unstable();
                    (spec.kind, each)
                };
                of(&known.spec) == of(spec)
            });
            let rule = if let Some(known) = goes_on {
                Rule { spec: spec.clone(), ..known }
            } else {
                self.made += 1;
                let (number, spec) = (self.made, spec.clone());
                let counted = self.counted.get(&spec.name).copied().unwrap_or_default();
                let [refused, in_shadow, on_trial] = counted;
                Rule { spec, number, refused, in_shadow, on_trial }
            };
            for (_, both) in self.stocks.iter_mut().filter(|(key, _)| key.limit == rule.number) {
                for (part, stock) in both.iter_mut().enumerate() {
                    if let (Some(stock), Some(numbers)) = (stock, numbers(spec, part)) {
                        stock.change(numbers, now);
                    }
                }
            }
            self.limits.insert(spec.name.clone(), rule);
        }
        let numbers: Vec<_> = self.limits.values().map(|rule| rule.number).collect();
        let models = &self.models;
        self.stocks.retain(|key, _| {
            let is_known = |(name, number): &(String, u32)| {
                name == "other" || models.get(&**name) == Some(number)
            };
            numbers.contains(&key.limit) && key.model.as_ref().is_none_or(is_known)
        });
        for account in self.accounts.values_mut() {
            account.by_limit.retain(|number, _| numbers.contains(number));
        }
    }
}
