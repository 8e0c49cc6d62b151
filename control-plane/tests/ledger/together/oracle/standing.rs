//! How clients and limits stand.

use super::{
    Account, Key, Least, OWN, Oracle, Rule, Standing,
    stock::{Stock, a_minute, whole},
};
use crate::together::{
    bucket::Bucket,
    spec::{Kind, Mode},
};

impl Oracle {
    pub(crate) fn account(&self, client: &str) -> Option<&Account> {
        self.accounts.get(client)
    }

    /// What is left of a client's own two.
    pub(crate) fn own_left(&self, client: &str, now: u64) -> [Option<(i64, u32)>; 2] {
        let who = &self.clients[client];
        let account = self.accounts.get(client);
        let left = |at: usize, limit: Option<u64>| {
            let bucket = account.and_then(|account| account.own[at].clone());
            limit
                .map(|limit| bucket.unwrap_or_else(|| Bucket::full(a_minute(limit), now)).left(now))
        };
        [left(0, who.rpm), left(1, who.tpm)]
    }

    /// The limits that concern a client, by name.
    pub(crate) fn standings(&self, client: &str, now: u64) -> Vec<Standing> {
        let concern = self.limits.values().filter(|rule| self.concerns(&rule.spec, client));
        let standing = |rule: &Rule| {
            let mut key = self.key(rule, client, None);
            let models = self.models.iter().map(|(name, number)| ((*name).to_owned(), *number));
            let every = models.chain([("other".to_owned(), 0)]).map(|model| {
                if rule.spec.has_each("model") {
                    key.model = Some(model);
                }
                self.stock(&rule.spec, &key, 0, now).remaining(now)
            });
            let remaining = every.min().unwrap();
            let counted = self.accounts.get(client).and_then(|a| a.by_limit.get(&rule.number));
            let (refused, would_refuse) = counted.copied().unwrap_or_default();
            Standing { name: rule.spec.name.clone(), remaining, would_refuse, refused }
        };
        concern.map(standing).collect()
    }

    /// What is left of a limit with one bucket.
    pub(crate) fn remaining(&self, limit: &str, now: u64) -> Option<u64> {
        let rule = &self.limits[limit];
        let is_one = rule.spec.each.is_empty() && rule.spec.mode != Mode::Off;
        let (client, group, plan, model) = (None, None, None, None);
        let key = Key { limit: rule.number, client, group, plan, model };
        is_one.then(|| self.stock(&rule.spec, &key, 0, now).remaining(now))
    }

    /// The tightest limits of a request, and whether as many tokens again are not there.
    pub(crate) fn tightest(
        &self,
        client: &str,
        model: Option<&str>,
        cost: u64,
        now: u64,
    ) -> ([Option<Least>; 2], bool) {
        let who = &self.clients[client];
        let left = self.own_left(client, now);
        let mut all = Vec::new();
        let mut is_short = false;
        for at in 0..2 {
            if let (Some(left), false) = (left[at], who.is_disabled) {
                all.push((at, whole(left), 60_000, OWN[at].to_owned(), left));
                is_short |= at == 1 && whole(left) < cost;
            }
        }
        for (spec, key) in self.rules_for(client, model) {
            if spec.mode != Mode::Enforce {
                continue;
            }
            match self.stock(&spec, &key, 0, now) {
                Stock::Window(bucket) => {
                    let (at, left) = (usize::from(spec.kind == Kind::Tokens), bucket.left(now));
                    is_short |= at == 1 && whole(left) < cost;
                    all.push((at, whole(left), bucket.numbers().window_ms, spec.name, left));
                }
                Stock::Places { max, taken } => is_short |= taken >= max,
            }
        }
        let tightest = [0, 1].map(|of| {
            let of = all.iter().filter(|(at, ..)| *at == of);
            let least = of.min_by_key(|(_, whole, window, ..)| (*whole, *window));
            least.map(|(.., name, left)| (name.clone(), *left))
        });
        (tightest, is_short)
    }
}
