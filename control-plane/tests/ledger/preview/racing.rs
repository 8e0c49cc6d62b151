//! Decisions, ends, operators' writes and previews at once.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use proptest::collection::vec;

use super::{super::together::steps::step, *};

/// What all threads have in common.
struct Race {
    ledger: Ledger,
    clock: ManualClock,
    now: AtomicU64,
    /// Decisions that began, and those of them that are over and were kept.
    begun: AtomicU64,
    decided: AtomicU64,
    is_over: AtomicBool,
}

impl Race {
    fn wait(&self, ms: u64) {
        let now = self.now.fetch_add(ms, Ordering::Relaxed) + ms;
        // Two threads may set it one after the other, and it goes back for a moment.
        self.clock.set(UnixMillis(now));
    }

    fn decide(&self, worker: u128, steps: &[Step]) {
        let worker = join(&self.ledger, worker);
        let mut open = Vec::new();
        for (id, step) in (0..).zip(steps) {
            match step {
                Step::Ask { client, tokens, kind, model, .. } => {
                    let client = match IDS[*client] {
                        ClientId::UNKNOWN => format!("stranger-{}", id as usize % STRANGERS),
                        id => id.to_owned(),
                    };
                    let estimate = tokens.and_then(|tokens| Tokens::new(tokens).ok());
                    let (client, model) = (client.as_str(), RAW_MODELS[*model]);
                    let ask = Ask { id, client, estimate, kind: *kind, model };
                    self.begun.fetch_add(1, Ordering::SeqCst);
                    let answers = self.ledger.decide(&worker, &[ask]).now_or_never();
                    match answers.expect("local balances are ready at once").remove(0) {
                        Answer::Admitted { .. } => open.push(id),
                        Answer::Refused { .. } => {}
                        Answer::UnknownClient | Answer::Unavailable => continue,
                    }
                    self.decided.fetch_add(1, Ordering::SeqCst);
                }
                Step::End { which, end } if !open.is_empty() => {
                    let id = open.remove(which % open.len());
                    let ended = self.ledger.end(&worker, vec![(id, *end)]).now_or_never();
                    assert_eq!(ended.map(|ended| ended.len()), Some(1));
                }
                Step::Wait { ms } => self.wait(ms % 40),
                _ => {}
            }
        }
    }

    /// One writer, as in a process, where they wait for each other.
    fn write(&self, mut rules: RuleSet, steps: &[Step]) {
        for step in steps.iter().cycle() {
            if self.is_over.load(Ordering::SeqCst) {
                break;
            }
            match step.clone() {
                Step::Configure { client, who } => {
                    self.ledger.configure(&who.to_config(IDS[client]));
                    continue;
                }
                Step::Remove { client } => {
                    self.ledger.remove(IDS[client]);
                    continue;
                }
                Step::Reset { client } => {
                    self.ledger.reset(IDS[client]);
                    continue;
                }
                Step::Wait { ms } => {
                    self.wait(ms % 40);
                    continue;
                }
                _ => {}
            }
            if rules.follow(step) {
                put_of(&mut rules).put(&self.ledger);
            }
        }
    }

    /// Previews one after another; how many.
    fn preview(&self, is_cut: bool) -> Result<u64, TestCaseError> {
        let who = Who { rpm: Some(2), group: Some("a/b/c"), ..Who::default() };
        let client = Supposed::Client(who.to_config("one"));
        let nothing_else = Supposed::Everything {
            limits: Vec::new(),
            models: models([true; 3]),
            clients: Vec::new().into(),
        };
        for round in 0.. {
            let is_over = self.is_over.load(Ordering::SeqCst);
            let decided = self.decided.load(Ordering::SeqCst);
            let preview = match round % 4 {
                1 => self.ledger.preview(&client).expect("decisions are kept"),
                3 => self.ledger.preview(&nothing_else).expect("decisions are kept"),
                _ => check_repeated(&self.ledger)?,
            };
            let begun = self.begun.load(Ordering::SeqCst);
            let of_clients: u64 = preview.clients.iter().map(|client| client.decisions).sum();
            prop_assert_eq!(of_clients, preview.decisions);
            prop_assert!(preview.decisions <= begun, "{} of {}", preview.decisions, begun);
            prop_assert!(
                is_cut || preview.decisions >= decided,
                "{} of {}",
                preview.decisions,
                decided
            );
            if is_over {
                return Ok(round);
            }
        }
        Ok(0)
    }
}

fn race(given: Given, asks: &[Vec<Step>], writes: &[Step]) -> Result<(), TestCaseError> {
    let is_cut = given.kept < 100_000;
    let Story { ledger, clock, rules, .. } = Story::new(given);
    let race = Race {
        ledger,
        clock,
        now: AtomicU64::new(NOW.0),
        begun: AtomicU64::new(0),
        decided: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        let deciders: Vec<_> = (0..)
            .zip(asks)
            .map(|(worker, asks)| {
                scope.spawn({
                    let race = &race;
                    move || race.decide(worker, asks)
                })
            })
            .collect();
        scope.spawn(|| race.write(rules, writes));
        let previews = scope.spawn(|| race.preview(is_cut));
        let decided: Vec<_> = deciders.into_iter().map(thread::ScopedJoinHandle::join).collect();
        race.is_over.store(true, Ordering::SeqCst);
        for decided in decided {
            decided.expect("nobody panics");
        }
        previews.join().expect("nobody panics").map(|_| ())
    })?;
    let preview = check_repeated(&race.ledger)?;
    let decided = race.decided.load(Ordering::SeqCst);
    prop_assert_eq!(preview.is_cut, preview.decisions < decided);
    // Of few decisions very many writes leave fewer.
    prop_assert!(is_cut || preview.decisions == decided, "{} of {}", preview.decisions, decided);
    Ok(())
}

fn racing() -> impl Strategy<Value = (Given, Vec<Vec<Step>>, Vec<Step>)> {
    let given = (given(any::<bool>()), prop::sample::select(vec![1, 64, 100_000]));
    let given = given.prop_map(|(given, kept)| Given { kept, ..given });
    (given, vec(vec(step(), 300..600), 3), vec(step(), 50..100))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn while_all_write_at_once_a_preview_neither_misses_nor_doubles_anything(
        (given, asks, writes) in racing(),
    ) {
        race(given, &asks, &writes)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    #[ignore = "takes minutes: 3,000 races"]
    fn very_often_a_preview_neither_misses_nor_doubles_anything(
        (given, asks, writes) in racing(),
    ) {
        race(given, &asks, &writes)?;
    }
}
