//! What was decided of late, decided again: with the limits of then every verdict is repeated, and with
//! others it is what a ledger decides that is asked and told the same.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};

use flowguard::ledger::{EstimateSource, Policy, Preview, Supposed};
use limiter::ClientId;

use super::{
    spec::models,
    steps::{end, spec, who},
    *,
};

/// So few that a short history wraps the ring: a segment is a decision, and 64 are kept.
const FEW: [u64; 4] = [1, 65, 200, 5_000];

fn check_repeated(ledger: &Ledger) -> Result<Preview, TestCaseError> {
    let preview = ledger.preview(&Supposed::Nothing).expect("decisions are kept");
    prop_assert_eq!((preview.newly_refused, preview.newly_admitted), (0, 0), "{:?}", preview);
    // Each wait that was told is told again.
    prop_assert_eq!(preview.then, preview.now);
    for client in &preview.clients {
        prop_assert_eq!(client.then, client.now);
        prop_assert!(client.by_limit.iter().all(|(_, then, now)| then == now), "{:?}", client);
    }
    Ok(preview)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn with_the_limits_of_then_every_verdict_is_repeated(
        given in specs(),
        kept in prop::sample::select(FEW.to_vec()),
        steps in vec(step(), 100..500),
    ) {
        let mut both = Both::keeping(given, DecisionsKept { max: kept });
        for (n, step) in steps.iter().enumerate() {
            both.step(step)?;
            if n % 50 == 49 {
                check_repeated(&both.ledger)?;
            }
        }
        let preview = check_repeated(&both.ledger)?;
        // 64 segments, and the one that is open.
        prop_assert!(preview.decisions <= kept.div_ceil(64) * 65);
    }
}

/// What happens in a history in which no operator writes.
#[derive(Clone, Debug)]
enum Event {
    Ask { worker: u128, client: usize, tokens: u64, kind: RequestKind, model: usize },
    End { which: usize, end: End },
    Wait { ms: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let kind = prop::sample::select(vec![RequestKind::Generates, RequestKind::Reads]);
    let asks = (0..3_u128, 0..IDS.len(), 0..150_u64, kind, 0..RAW_MODELS.len());
    prop_oneof![
        6 => asks.prop_map(|(worker, client, tokens, kind, model)| {
            Event::Ask { worker, client, tokens, kind, model }
        }),
        3 => (0..8_usize, end()).prop_map(|(which, end)| Event::End { which, end }),
        2 => (1..20_000_u64).prop_map(|ms| Event::Wait { ms }),
    ]
}

/// What is other than it was.
#[derive(Clone, Debug)]
enum Other {
    Client(usize, Who),
    Limit(usize, Spec),
    /// All limits and models, and one client; the other one is gone.
    Everything(Vec<Spec>, [bool; 3], Who),
}

fn other() -> impl Strategy<Value = Other> {
    prop_oneof![
        (0..2_usize, who()).prop_map(|(client, who)| Other::Client(client, who)),
        (0..LIMITS_MAX, spec()).prop_map(|(limit, spec)| Other::Limit(limit, spec)),
        (specs(), any::<[bool; 3]>(), who())
            .prop_map(|(specs, are_on, who)| Other::Everything(specs, are_on, who)),
    ]
}

/// A request as it was asked, and what was decided over it.
#[derive(Clone, Debug)]
struct Recorded {
    at: u64,
    asked: Asked,
    was_admitted: bool,
}

/// What was done, in its order: a request by its place among those that asked.
#[derive(Clone, Debug)]
enum Done {
    Asked(usize),
    Ended(usize, End, u64),
}

/// A history on a ledger that keeps some of it.
fn history(both: &mut Both, events: &[Event]) -> (Vec<Recorded>, Vec<Done>) {
    let (mut recorded, mut done, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for event in events.iter().cloned() {
        match event {
            Event::Ask { worker, client, tokens, kind, model } => {
                both.asked += 1;
                let (id, is_of_another) = (both.asked, false);
                let mut asked =
                    Asked { worker, id, client, kind, model, reserved: 0, is_of_another };
                let answer = both.decide(&asked, Some(tokens));
                let (Answer::Admitted { reserved, .. } | Answer::Refused { reserved, .. }) = answer
                else {
                    panic!("nobody is denied: {answer:?}")
                };
                asked.reserved = reserved.get();
                let was_admitted = matches!(answer, Answer::Admitted { .. });
                if was_admitted {
                    open.push(recorded.len());
                }
                done.push(Done::Asked(recorded.len()));
                recorded.push(Recorded { at: both.now, asked, was_admitted });
            }
            Event::End { which, end } => {
                if open.is_empty() {
                    continue;
                }
                let of = open.remove(which % open.len());
                let Asked { worker, id, .. } = recorded[of].asked;
                let worker = both.worker(worker);
                let ended = both.ledger.end(&worker, vec![(id, end)]).now_or_never();
                assert_eq!(ended.map(|ended| ended.len()), Some(1));
                done.push(Done::Ended(of, end, both.now));
            }
            Event::Wait { ms } => both.set_clock(both.now + ms),
        }
    }
    (recorded, done)
}

/// Who a request is counted as: who is not configured is `unknown`.
fn counted_as(client: usize) -> &'static str {
    if client < 2 { IDS[client] } else { "unknown" }
}

/// A ledger that is asked and told the same, and from some moment on under other limits.
struct Reference {
    both: Both,
    /// Requests that were refused then and pass here, which end some time later.
    unended: BinaryHeap<Reverse<(u64, usize)>>,
    held: HashMap<usize, u64>,
    took: BTreeMap<&'static str, (u64, u64)>,
    refused: BTreeMap<&'static str, (u64, u64, u64)>,
    by_limit: BTreeMap<(&'static str, String), u64>,
}

impl Reference {
    /// In the same state as the one that keeps decisions before it was asked anything.
    fn new(given: Vec<Spec>) -> Self {
        let mut both = Both::new(given.clone());
        let mut exact: Policy = policy();
        exact.estimate.source = EstimateSource::Header;
        exact.estimate.min = Tokens::ZERO;
        both.ledger = Ledger::new(exact, both.clock.clone());
        for (id, who) in always() {
            both.ledger.configure(&who.to_config(&id));
        }
        let who = |rpm, tpm, group| Who { rpm, tpm, group, plan: Some("p"), ..Who::default() };
        both.ledger.configure(&who(Some(10), Some(500), Some("a/b")).to_config("one"));
        both.ledger.configure(&who(None, Some(300), Some("a")).to_config("two"));
        let limits = RuleSet::of(given).in_force().iter().map(Spec::to_limit).collect();
        both.ledger.put_rules(limits, models([true; 3]));
        Self {
            both,
            unended: BinaryHeap::new(),
            held: HashMap::new(),
            took: BTreeMap::new(),
            refused: BTreeMap::new(),
            by_limit: BTreeMap::new(),
        }
    }

    fn put(&self, supposed: &Supposed) {
        let ledger = &self.both.ledger;
        match supposed {
            Supposed::Nothing => {}
            Supposed::Client(config) => {
                ledger.configure(config);
            }
            Supposed::Limit(limit, _) => {
                let others = ledger.limits().into_iter().filter(|of| of.name != limit.name);
                let limits = others.chain([limit.clone()]).collect();
                ledger.put_rules(limits, ledger.models());
            }
            Supposed::Everything { limits, models, clients } => {
                ledger.put_rules(limits.clone(), models.clone());
                for (id, config) in clients {
                    match config {
                        Some(config) => {
                            ledger.configure(config);
                        }
                        None => {
                            ledger.remove(id.as_str());
                        }
                    }
                }
            }
        }
    }

    fn ask(&mut self, number: usize, recorded: &Recorded, is_counted: bool) {
        let asked = &recorded.asked;
        let answer = self.both.decide(asked, Some(asked.reserved));
        let whose = counted_as(asked.client);
        match answer {
            Answer::Admitted { reserved, .. } => {
                assert_eq!(reserved.get(), asked.reserved);
                if is_counted {
                    self.held.insert(number, recorded.at);
                }
                if is_counted && !recorded.was_admitted {
                    let of = self.took.get(whose).filter(|(count, _)| *count > 0);
                    let all = self.took.values().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
                    let (count, sum) = of.copied().unwrap_or(all);
                    let took = sum.checked_div(count).unwrap_or(0);
                    self.unended.push(Reverse((recorded.at + took, number)));
                }
            }
            Answer::Refused { refusal, .. } if is_counted => {
                let (requests, total, never) = self.refused.entry(whose).or_default();
                *requests += 1;
                match refusal.wait {
                    Wait::Millis(ms) => *total += ms,
                    Wait::Never => *never += 1,
                }
                let limit = refusal.limit.as_str().to_owned();
                *self.by_limit.entry((whose, limit)).or_default() += 1;
            }
            _ => {}
        }
    }

    fn end(&mut self, asked: &Asked, end: End) {
        let worker = self.both.worker(asked.worker);
        let ended = self.both.ledger.end(&worker, vec![(asked.id, end)]);
        ended.now_or_never().expect("local balances are ready at once");
    }

    fn end_unended(&mut self, recorded: &[Recorded], now: u64) {
        while let Some(Reverse((at, number))) = self.unended.peek().copied()
            && at <= now
        {
            self.unended.pop();
            let asked = recorded[number].asked;
            self.both.set_clock(at);
            let told = Tokens::new(asked.reserved).ok();
            let response = Response {
                outcome: Outcome::Completed,
                told,
                observed: Tokens::ZERO,
                duration_us: None,
            };
            self.end(&asked, End::Settled(response));
        }
        self.both.set_clock(now);
    }

    /// All of a history, of whose last requests `kept` are under what is supposed.
    fn go_through(&mut self, recorded: &[Recorded], done: &[Done], kept: usize, other: &Supposed) {
        let first = recorded.len() - kept;
        let mut is_other = false;
        for done in done {
            let (number, now) = match done {
                Done::Asked(number) => (*number, recorded[*number].at),
                Done::Ended(number, _, now) => (*number, *now),
            };
            self.end_unended(recorded, now);
            let asked = recorded.iter().take_while(|of| of.asked.id <= self.both.asked).count();
            if !is_other && asked >= first {
                self.put(other);
                is_other = true;
            }
            match done {
                Done::Asked(_) => {
                    self.ask(number, &recorded[number], is_other);
                    self.both.asked = recorded[number].asked.id;
                }
                Done::Ended(_, end, _) => {
                    if let Some(at) = self.held.remove(&number) {
                        let whose = counted_as(recorded[number].asked.client);
                        let (count, sum) = self.took.entry(whose).or_default();
                        *count += 1;
                        *sum += now - at;
                    }
                    self.end(&recorded[number].asked, *end);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn with_other_limits_it_is_what_a_ledger_decides_that_is_asked_and_told_the_same(
        given in specs(),
        events in vec(event(), 1..300),
        kept in prop::sample::select(FEW.to_vec()),
        other in other(),
    ) {
        let mut both = Both::keeping(given.clone(), DecisionsKept { max: kept });
        let (recorded, done) = history(&mut both, &events);
        let supposed = match other {
            Other::Client(client, who) => Supposed::Client(who.to_config(IDS[client])),
            Other::Limit(limit, mut spec) => {
                spec.name = format!("l{limit}");
                Supposed::Limit(spec.to_limit(), None)
            }
            Other::Everything(specs, are_on, who) => {
                let mut rules = RuleSet::of(specs);
                rules.are_on = are_on;
                let id = |id: &str| ClientId::try_from(id).unwrap();
                Supposed::Everything {
                    limits: rules.in_force().iter().map(Spec::to_limit).collect(),
                    models: models(are_on),
                    clients: [(id("one"), Some(who.to_config("one"))), (id("two"), None)]
                        .into_iter()
                        .collect(),
                }
            }
        };
        let preview = both.ledger.preview(&supposed).expect("decisions are kept");
        let decisions = usize::try_from(preview.decisions).unwrap();
        let mut reference = Reference::new(given);
        reference.go_through(&recorded, &done, decisions, &supposed);

        prop_assert_eq!(preview.is_cut, decisions < recorded.len());
        for client in &preview.clients {
            let id = client.client.as_str();
            let expected = reference.refused.get(id).copied().unwrap_or_default();
            let now = client.now;
            prop_assert_eq!((now.requests, now.total_wait_ms, now.never), expected, "{:?}", client);
            for (limit, _, now) in &client.by_limit {
                let whose = counted_as(IDS.iter().position(|of| *of == id).unwrap());
                let expected = reference.by_limit.get(&(whose, limit.clone()));
                prop_assert_eq!(*now, expected.copied().unwrap_or(0), "{} {}", id, limit);
            }
        }
        check_repeated(&both.ledger)?;
    }
}
