//! A fresh ledger that is asked and told the same, and from some moment on under what is supposed.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};

use flowguard::{
    ledger::{
        ClientPreview, EstimateSource, FirstRefusal, Outcome, PREVIEWED_MAX, Refusals, Response,
    },
    limits::ModelName,
};

use super::*;

/// What a preview is to tell of each client.
pub(super) fn expected(
    story: &Story,
    preview: &Preview,
    supposed: &Supposed,
) -> BTreeMap<String, ClientPreview> {
    let mut reference = Reference::new(story, supposed);
    reference.go_through(preview);
    reference.clients.into_iter().map(|(id, client)| (id.to_owned(), client)).collect()
}

struct Reference<'a> {
    story: &'a Story,
    supposed: &'a Supposed,
    ledger: Ledger,
    clock: ManualClock,
    /// Whether what is supposed is in force.
    is_other: bool,
    /// Requests that were refused then and pass here, which end some time later.
    unended: BinaryHeap<Reverse<(u64, usize)>>,
    /// Since when those are under way that pass here.
    held: HashMap<usize, u64>,
    took: BTreeMap<&'a str, (u64, u64)>,
    clients: BTreeMap<&'a str, ClientPreview>,
}

impl<'a> Reference<'a> {
    fn new(story: &'a Story, supposed: &'a Supposed) -> Self {
        let clock = ManualClock::at(NOW);
        // It reserves what was reserved.
        let mut policy = story.given.policy;
        policy.estimate.source = EstimateSource::Header;
        policy.estimate.min = Tokens::ZERO;
        let ledger = Ledger::new(policy, clock.clone());
        story.begins.iter().for_each(|write| assert!(write.put(&ledger)));
        Self {
            story,
            supposed,
            ledger,
            clock,
            is_other: false,
            unended: BinaryHeap::new(),
            held: HashMap::new(),
            took: BTreeMap::new(),
            clients: BTreeMap::new(),
        }
    }

    fn go_through(&mut self, preview: &Preview) {
        let Some((from, _)) = preview.over else { return };
        let kept = usize::try_from(preview.decisions).unwrap();
        let first = self.story.asked.len() - kept;
        let mut seen = 0;
        for (at, done) in &self.story.list {
            self.end_unended(*at);
            if !self.is_other && seen >= first && *at == from.0 {
                self.is_other = true;
                self.put_other();
            }
            match done {
                Done::Asked(place) => {
                    self.ask(*place);
                    seen += 1;
                }
                Done::Ended(place, end) => self.end(*place, *end, *at),
                Done::Wrote(write) => self.write(write),
            }
        }
        assert!(self.is_other, "nothing happened at {from:?}");
    }

    fn put_other(&self) {
        match self.supposed {
            Supposed::Nothing => {}
            Supposed::Client(config) => {
                self.ledger.configure(config);
            }
            Supposed::Limit(..) => self.put_rules(self.ledger.limits(), &self.ledger.models()),
            Supposed::Everything { limits, models, clients } => {
                self.ledger.put_rules(limits.clone(), models.clone());
                for id in &IDS[..3] {
                    match clients.get(id) {
                        Some(config) => {
                            self.ledger.configure(config);
                        }
                        None => {
                            self.ledger.remove(id);
                        }
                    }
                }
            }
        }
    }

    /// What was written, as far as what is supposed is not in its place.
    fn write(&self, write: &Write) {
        match (write, self.supposed) {
            _ if !self.is_other => {
                write.put(&self.ledger);
            }
            (Write::Configured(ClientConfig { id, .. }), Supposed::Client(config))
                if *id == config.id => {}
            (Write::Removed(id), Supposed::Client(config)) if *id == config.id.as_str() => {}
            (
                Write::Configured(_) | Write::Removed(_) | Write::Rules(..),
                Supposed::Everything { .. },
            ) => {}
            (Write::Rules(limits, models), Supposed::Limit(..)) => {
                self.put_rules(limits.clone(), models);
            }
            _ => {
                write.put(&self.ledger);
            }
        }
    }

    /// These limits and models, with the one that is supposed.
    fn put_rules(&self, limits: Vec<Limit>, models: &Models) {
        let Supposed::Limit(supposed, patterns) = self.supposed else { return };
        let others = limits.into_iter().filter(|limit| limit.name != supposed.name);
        let limits = others.chain([supposed.clone()]).collect();
        let mut models = models.to_map();
        if let (Some(ModelName::Named(name)), Some(patterns)) = (&supposed.matches.model, patterns)
        {
            models.entry(name.clone()).or_insert_with(|| patterns.clone());
        }
        self.ledger.put_rules(limits, Models::new(models).unwrap());
    }

    fn ask(&mut self, place: usize) {
        let asked = &self.story.asked[place];
        // Who was not configured then is unknown, whoever is supposed to be configured.
        let stranger = format!("{}.stranger", asked.client);
        let client = if asked.is_configured { &asked.client } else { &stranger };
        let Asked { id, kind, model, .. } = *asked;
        let ask = Ask { id, client, estimate: Some(asked.reserved), kind, model };
        let worker = join(&self.ledger, asked.worker);
        let answers = self.ledger.decide(&worker, &[ask]).now_or_never();
        worker.told();
        let refusal = match answers.expect("local balances are ready at once").remove(0) {
            Answer::Admitted { reserved, .. } => {
                assert_eq!(reserved, asked.reserved);
                None
            }
            Answer::Refused { refusal, .. } => {
                Some((refusal.limit.as_str().to_owned(), refusal.wait))
            }
            Answer::UnknownClient => Some(("unknown_client".to_owned(), Wait::Never)),
            Answer::Unavailable => panic!("balances are here"),
        };
        if !self.is_other {
            return;
        }
        if refusal.is_none() {
            self.held.insert(place, asked.at);
            if asked.refusal.is_some() {
                let of_it = self.took.get(asked.whose()).filter(|(count, _)| *count > 0);
                let all = self.took.values().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
                let (count, sum) = of_it.copied().unwrap_or(all);
                self.unended.push(Reverse((asked.at + sum.checked_div(count).unwrap_or(0), place)));
            }
        }
        let client = self.clients.entry(asked.whose());
        client.or_insert_with(|| told_nothing(asked.whose())).count(asked, refusal);
    }

    fn end(&mut self, place: usize, end: End, now: u64) {
        let asked = &self.story.asked[place];
        if let Some(at) = self.held.remove(&place) {
            let (count, sum) = self.took.entry(asked.whose()).or_default();
            *count += 1;
            *sum += now - at;
        }
        let worker = join(&self.ledger, asked.worker);
        let ended = self.ledger.end(&worker, vec![(asked.id, end)]);
        ended.now_or_never().expect("local balances are ready at once");
    }

    fn end_unended(&mut self, now: u64) {
        while let Some(Reverse((at, place))) = self.unended.peek().copied()
            && at <= now
        {
            self.unended.pop();
            self.clock.set(UnixMillis(at));
            let asked = &self.story.asked[place];
            let response = Response {
                outcome: Outcome::Completed,
                told: Some(asked.reserved),
                observed: Tokens::ZERO,
                duration_us: None,
            };
            let worker = join(&self.ledger, asked.worker);
            let ended = self.ledger.end(&worker, vec![(asked.id, End::Settled(response))]);
            ended.now_or_never().expect("local balances are ready at once");
        }
        self.clock.set(UnixMillis(now));
    }
}

fn told_nothing(id: &str) -> ClientPreview {
    ClientPreview {
        client: ClientId::try_from(id).unwrap_or_else(|_| ClientId::unknown()),
        decisions: 0,
        then: Refusals::default(),
        now: Refusals::default(),
        newly_refused: 0,
        newly_admitted: 0,
        by_limit: Vec::new(),
        first: Vec::new(),
    }
}

/// Counts a decision as it was and as it would have been.
trait Count {
    fn count(&mut self, asked: &Asked, now: Option<(String, Wait)>);
}

impl Count for ClientPreview {
    fn count(&mut self, asked: &Asked, now: Option<(String, Wait)>) {
        self.decisions += 1;
        self.newly_refused += u64::from(asked.refusal.is_none() && now.is_some());
        self.newly_admitted += u64::from(asked.refusal.is_some() && now.is_none());
        let mut by_limit: BTreeMap<_, _> = std::mem::take(&mut self.by_limit)
            .into_iter()
            .map(|(limit, then, now)| (limit, (then, now)))
            .collect();
        if let Some((limit, wait)) = &asked.refusal {
            add(&mut self.then, *wait);
            by_limit.entry(limit.clone()).or_default().0 += 1;
        }
        if let Some((limit, wait)) = now {
            add(&mut self.now, wait);
            by_limit.entry(limit.clone()).or_default().1 += 1;
            if self.first.len() < PREVIEWED_MAX.1 {
                let (at, tokens) = (UnixMillis(asked.at), asked.reserved);
                let model = asked.model.map(str::to_owned);
                self.first.push(FirstRefusal { at, tokens, model, limit, wait });
            }
        }
        self.by_limit =
            by_limit.into_iter().map(|(limit, (then, now))| (limit, then, now)).collect();
    }
}

fn add(refusals: &mut Refusals, wait: Wait) {
    refusals.requests += 1;
    match wait {
        Wait::Never => refusals.never += 1,
        Wait::Millis(ms) => {
            refusals.longest_wait_ms = refusals.longest_wait_ms.max(ms);
            refusals.total_wait_ms += ms;
        }
    }
}
