//! The law as it is written, without anything that makes it fast: each request looks at every limit.

use std::collections::BTreeMap;

use super::{
    bucket::{Bucket, Numbers, Paid},
    spec::{Kind, MODELS, Mode, Spec, Who},
};

/// All there is.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) clients: BTreeMap<String, Who>,
    /// Those of deleted clients too, whose counters go on.
    accounts: BTreeMap<String, Account>,
    /// By name.
    pub(crate) limits: BTreeMap<String, Rule>,
    /// What limits counted that are no more, by name: a counter does not go down.
    counted: BTreeMap<String, [u64; 3]>,
    stocks: BTreeMap<Key, [Option<Stock>; 2]>,
    /// The models that are on, and which one of its name each is.
    pub(crate) models: BTreeMap<&'static str, u32>,
    open: BTreeMap<(u128, u32), Open>,
    made: u32,
}

/// A limit, and how often it refused.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) spec: Spec,
    /// Of those of its name that count another thing, or share it otherwise, which one.
    number: u32,
    pub(crate) refused: u64,
    pub(crate) in_shadow: u64,
    pub(crate) on_trial: u64,
}

/// Where a bucket is: its limit, and the value of each thing of which the limit has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    limit: u32,
    client: Option<String>,
    group: Option<&'static str>,
    plan: Option<&'static str>,
    model: Option<(String, u32)>,
}

#[derive(Clone, Debug)]
enum Stock {
    Window(Bucket),
    Places { max: u64, taken: u64 },
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    own: [Option<Bucket>; 2],
    epoch: u32,
    by_limit: BTreeMap<u32, (u64, u64)>,
    admitted: u64,
    overcounted: u64,
    pub(crate) dropped: [u64; 3],
    pub(crate) in_shadow: [u64; 3],
    pub(crate) tokens_used: u64,
}

#[derive(Debug)]
struct Open {
    client: String,
    epoch: u32,
    reserved: u64,
    makes_tokens: bool,
    own: Vec<(usize, Paid)>,
    others: Vec<(Key, usize, Option<Paid>)>,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) id: (u128, u32),
    pub(crate) client: &'a str,
    pub(crate) estimate: Option<u64>,
    pub(crate) makes_tokens: bool,
    pub(crate) model: Option<&'a str>,
    pub(crate) in_shadow: bool,
}

/// A limit, and what is left of it: whole tokens, and what is beyond them.
pub(crate) type Least = (String, (i64, u32));

/// What it is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) reserved: u64,
    pub(crate) refusal: Option<Refused>,
    /// Of requests and of tokens: which limit is the tightest, and what is left of it.
    pub(crate) tightest: [Option<Least>; 2],
    /// Nothing is told of it where the request is refused.
    pub(crate) is_short: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) limit: String,
    pub(crate) kind: Kind,
    /// `None`: it never passes.
    pub(crate) wait_ms: Option<u64>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// It is over, and cost so many tokens.
    Cost(u64),
    Nothing,
    Unknown,
}

/// What a client is told of a limit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) name: String,
    pub(crate) remaining: u64,
    pub(crate) would_refuse: u64,
    pub(crate) refused: u64,
}

const OWN: [&str; 2] = ["rpm", "tpm"];

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

    /// The configured client, or the one that all others are.
    pub(crate) fn counts_as(&self, client: &str) -> String {
        if self.clients.contains_key(client) { client } else { "unknown" }.to_owned()
    }

    /// The limits that apply to a request, by name, each with its bucket.
    fn rules_for(&self, client: &str, raw: Option<&str>) -> Vec<(Spec, Key)> {
        let model = self.model(raw);
        let apply = self.limits.values().filter(|rule| {
            let is_model = rule.spec.model.is_none_or(|only| only == model.0);
            is_model && self.concerns(&rule.spec, client)
        });
        apply.map(|rule| (rule.spec.clone(), self.key(rule, client, Some(&model)))).collect()
    }

    fn concerns(&self, spec: &Spec, client: &str) -> bool {
        let who = &self.clients[client];
        let is_beneath = |above: &str| {
            who.group.is_some_and(|group| {
                let mut beneath = group.split('/');
                above.split('/').all(|part| beneath.next() == Some(part))
            })
        };
        spec.mode != Mode::Off
            && spec.client.is_none_or(|only| only == client)
            && spec.group.is_none_or(is_beneath)
            && spec.plan.is_none_or(|only| who.plan == Some(only))
            && (!spec.has_each("group") || who.group.is_some())
            && (!spec.has_each("plan") || who.plan.is_some())
    }

    fn key(&self, rule: &Rule, client: &str, model: Option<&(String, u32)>) -> Key {
        let (who, spec) = (&self.clients[client], &rule.spec);
        let by_client = spec.has_each("client");
        Key {
            limit: rule.number,
            client: by_client.then(|| client.to_owned()),
            // A client has one group and one plan, and what it spent goes with it to the next.
            group: who.group.filter(|_| spec.has_each("group") && !by_client),
            plan: who.plan.filter(|_| spec.has_each("plan") && !by_client),
            model: model.filter(|_| spec.has_each("model")).cloned(),
        }
    }

    /// What a request's model is called here.
    fn model(&self, raw: Option<&str>) -> (String, u32) {
        let raw = raw.unwrap_or_default().to_lowercase();
        let mut best: Option<(usize, &str)> = None;
        for (name, patterns) in MODELS {
            for pattern in patterns.iter().filter(|_| self.models.contains_key(name)) {
                let literals = match pattern.bytes().filter(|byte| *byte != b'*').count() {
                    literals if literals == pattern.len() => usize::MAX,
                    literals => literals,
                };
                let is_better = best.is_none_or(|(best, _)| literals > best);
                if is_better && matches(pattern.to_lowercase().as_bytes(), raw.as_bytes()) {
                    best = Some((literals, name));
                }
            }
        }
        best.map_or(("other".to_owned(), 0), |(_, name)| (name.to_owned(), self.models[name]))
    }

    /// What is left of a bucket by one of its numbers.
    fn stock(&self, spec: &Spec, key: &Key, part: usize, now: u64) -> Stock {
        let known = self.stocks.get(key).and_then(|both| both[part].clone());
        known.unwrap_or_else(|| {
            let numbers = numbers(spec, part).unwrap();
            match spec.kind {
                Kind::Concurrent => Stock::Places { max: numbers.amount, taken: 0 },
                Kind::Requests | Kind::Tokens => Stock::Window(Bucket::full(numbers, now)),
            }
        })
    }
}

impl Account {
    pub(crate) fn all_admitted(&self) -> u64 {
        self.admitted
    }

    /// One that went away is not counted twice, and not taken off.
    fn admitted(&mut self) {
        if self.overcounted > 0 {
            self.overcounted -= 1;
        } else {
            self.admitted += 1;
        }
    }
}

impl Stock {
    fn wait(&self, kind: Kind, tokens: u64, now: u64) -> Option<u64> {
        match self {
            Self::Window(bucket) => bucket.wait(cost(kind, tokens), now),
            Self::Places { max, taken } => (taken >= max).then_some(1_000),
        }
    }

    fn take(&mut self, kind: Kind, tokens: u64, now: u64) -> Option<Paid> {
        match self {
            Self::Window(bucket) => {
                bucket.advance(now);
                Some(bucket.take(cost(kind, tokens)))
            }
            Self::Places { taken, .. } => {
                *taken += 1;
                None
            }
        }
    }

    fn change(&mut self, numbers: Numbers, now: u64) {
        match self {
            Self::Window(bucket) => bucket.change(numbers, now),
            Self::Places { max, .. } => *max = numbers.amount,
        }
    }

    fn remaining(&self, now: u64) -> u64 {
        match self {
            Self::Window(bucket) => whole(bucket.left(now)),
            Self::Places { max, taken } => max.saturating_sub(*taken),
        }
    }
}

fn cost(kind: Kind, tokens: u64) -> u64 {
    if kind == Kind::Tokens { tokens } else { 1 }
}

fn whole((whole, _): (i64, u32)) -> u64 {
    whole.max(0).unsigned_abs()
}

fn reason(limit: &str) -> usize {
    OWN.iter().position(|own| *own == limit).unwrap_or(2)
}

fn a_minute(limit: u64) -> Numbers {
    Numbers { amount: limit, burst: limit, window_ms: 60_000 }
}

fn own_numbers(who: &Who) -> [Option<Numbers>; 2] {
    if who.is_disabled { [None, None] } else { [who.rpm.map(a_minute), who.tpm.map(a_minute)] }
}

/// By the first number, or by the one on trial.
fn numbers(spec: &Spec, part: usize) -> Option<Numbers> {
    let window_ms = u64::from(spec.per_s) * 1_000;
    if part == 0 {
        return Some(Numbers { amount: spec.amount, burst: spec.burst, window_ms });
    }
    let amount = spec.trial?;
    let burst = (u128::from(spec.burst) * u128::from(amount)).div_ceil(spec.amount.into());
    Some(Numbers { amount, burst: u64::try_from(burst).unwrap(), window_ms })
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|run| matches(rest, &name[run..])),
        Some((letter, rest)) => name.first() == Some(letter) && matches(rest, &name[1..]),
    }
}
