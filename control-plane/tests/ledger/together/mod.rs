//! A ledger beside the law as it is written: every verdict, every balance and every count is the same,
//! over random sets of limits and random histories.

mod bucket;
mod oracle;
pub(crate) mod spec;
pub(crate) mod steps;

use std::collections::HashSet;

use flowguard::{
    ledger::{
        Answer, Ask, ClientSnapshot, End, Ledger, Left, ManualClock, Outcome, Outlook, Question,
        Refusal, RequestKind, Response, Shortage, UnknownSnapshot, Verdict, Worker, WorkerId,
    },
    limits::{LimitKey, LimitName},
};
use futures_util::FutureExt as _;
use limiter::{Dimension, Tokens, UnixMillis, Wait};
use proptest::{collection::vec, prelude::*};

use super::{restart::policy, world::NOW};
use oracle::{Ending, Oracle, Refused, Request, Told};
use spec::{Kind, RAW_MODELS, RuleSet, Spec, Who, always, models};
use steps::{IDS, LIMITS_MAX, Step, specs, step};

/// The worker whose filter is in shadow.
const IN_SHADOW: u128 = 2;

struct Both {
    ledger: Ledger,
    oracle: Oracle,
    clock: ManualClock,
    now: u64,
    rules: RuleSet,
    /// What is under way, the oldest first.
    open: Vec<Asked>,
    asked: u32,
}

/// A request that was admitted.
#[derive(Clone, Copy, Debug)]
struct Asked {
    worker: u128,
    id: u32,
    client: usize,
    kind: RequestKind,
    model: usize,
    reserved: u64,
    /// Whether those who call themselves so count as another client since.
    is_of_another: bool,
}

impl Both {
    fn new(given: Vec<Spec>) -> Self {
        let clock = ManualClock::at(NOW);
        let ledger = Ledger::new(policy(), clock.clone());
        let mut oracle = Oracle::default();
        let unknown = Who { rpm: Some(20), tpm: Some(300), ..Who::default() };
        oracle.configure("unknown", &unknown, NOW.0);
        let rules = RuleSet::of(given);
        let (now, open) = (NOW.0, Vec::new());
        let mut both = Self { ledger, oracle, clock, now, rules, open, asked: 0 };
        for (id, who) in always() {
            both.configure(&id, &who);
        }
        let who = |rpm, tpm, group| Who { rpm, tpm, group, plan: Some("p"), ..Who::default() };
        both.configure("one", &who(Some(10), Some(500), Some("a/b")));
        both.configure("two", &who(None, Some(300), Some("a")));
        both.put();
        both
    }

    fn configure(&mut self, id: &str, who: &Who) {
        self.ledger.configure(&who.to_config(id));
        self.oracle.configure(id, who, self.now);
    }

    fn put(&mut self) {
        let specs = self.rules.in_force();
        self.oracle.put(&specs, self.rules.are_on, self.now);
        let limits = specs.iter().map(Spec::to_limit).collect();
        self.ledger.put_rules(limits, models(self.rules.are_on));
    }

    fn worker(&self, worker: u128) -> std::sync::Arc<Worker> {
        let of_ledger = self.ledger.join(WorkerId(worker));
        of_ledger.set_in_shadow(worker == IN_SHADOW);
        of_ledger
    }

    fn decide(&self, asked: &Asked, estimate: Option<u64>) -> Answer {
        let worker = self.worker(asked.worker);
        let ask = Ask {
            id: asked.id,
            client: IDS[asked.client],
            estimate: estimate.and_then(|tokens| Tokens::new(tokens).ok()),
            kind: asked.kind,
            model: RAW_MODELS[asked.model],
        };
        let answers = self.ledger.decide(&worker, &[ask]).now_or_never();
        worker.told();
        answers.expect("local balances are ready at once").remove(0)
    }

    /// What would be decided over a request that generates tokens. The oracle knows nothing of it, so
    /// that whatever it changed would be found.
    fn foretold(&self, client: &str, tokens: Option<u64>, model: Option<&str>) -> Outlook {
        let tokens = tokens.and_then(|tokens| Tokens::new(tokens).ok());
        let outlook = self.ledger.outlook(&Question { client, tokens, model }).now_or_never();
        outlook.expect("local balances are ready at once").expect("they are here")
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each thing that can be done")]
    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step.clone() {
            Step::Ask { worker, client, tokens, kind, model } => {
                self.asked += 1;
                let (id, is_of_another) = (self.asked, false);
                let mut asked =
                    Asked { worker, id, client, kind, model, reserved: 0, is_of_another };
                let foretold = self.foretold(IDS[client], tokens, RAW_MODELS[model]);
                let answer = self.decide(&asked, tokens);
                if kind == RequestKind::Generates {
                    check_foretold(&foretold, &answer)?;
                }
                let request = Request {
                    id: (worker, id),
                    client: IDS[client],
                    estimate: tokens,
                    makes_tokens: kind == RequestKind::Generates,
                    model: RAW_MODELS[model],
                    in_shadow: worker == IN_SHADOW,
                };
                let expected = self.oracle.ask(request, self.now);
                prop_assert_eq!(told(&answer), Some(expected.clone()), "{:?}", self.rules);
                if expected.refusal.is_none() {
                    asked.reserved = expected.reserved;
                    self.open.push(asked);
                }
            }
            Step::AskAgain { which } => {
                let Some(asked) = self.open.get(which) else { return Ok(()) };
                let Answer::Admitted { reserved, is_followed, tightest, is_short, .. } =
                    self.decide(asked, Some(7))
                else {
                    return Err(TestCaseError::fail("it was admitted before"));
                };
                prop_assert_eq!((reserved.get(), is_followed), (asked.reserved, true));
                if !asked.is_of_another {
                    let client = self.oracle.counts_as(IDS[asked.client]);
                    let model = RAW_MODELS[asked.model];
                    let cost = asked.reserved;
                    let expected = self.oracle.tightest(&client, model, cost, self.now);
                    let tightest = [left(tightest.requests), left(tightest.tokens)];
                    prop_assert_eq!((tightest, is_short), expected);
                }
            }
            Step::End { which, end } => {
                if self.open.is_empty() {
                    return Ok(());
                }
                let asked = self.open.remove(which % self.open.len());
                let worker = self.worker(asked.worker);
                let ended = self.ledger.end(&worker, vec![(asked.id, end)]);
                prop_assert_eq!(ended.now_or_never().map(|ended| ended.len()), Some(1));
                self.ended(&asked, end);
            }
            Step::Drop { client, limit, requests } => {
                let named = || LimitName::try_from(&*format!("l{limit}")).unwrap();
                let key = match limit.checked_sub(LIMITS_MAX) {
                    Some(0) => LimitKey::Own(Dimension::Rpm),
                    Some(_) => LimitKey::Own(Dimension::Tpm),
                    None => LimitKey::Named(named()),
                };
                self.ledger.count_dropped(IDS[client], &key, requests);
                self.oracle.drop(IDS[client], key.as_str(), requests);
            }
            Step::Configure { client, who } => {
                if !self.oracle.clients.contains_key(IDS[client]) {
                    self.is_another(client);
                }
                self.configure(IDS[client], &who);
            }
            Step::Remove { client } => {
                self.ledger.remove(IDS[client]);
                self.oracle.remove(IDS[client]);
                self.is_another(client);
            }
            Step::Reset { client } => {
                self.ledger.reset(IDS[client]);
                self.oracle.reset(IDS[client]);
            }
            Step::Put { .. }
            | Step::Renumber { .. }
            | Step::Delete { .. }
            | Step::PutAll { .. }
            | Step::PutModels { .. } => {
                if self.rules.follow(step) {
                    self.put();
                }
            }
            Step::Wait { ms } => self.set_clock(self.now + ms),
            Step::ClockBack { ms } => self.set_clock(self.now - ms),
            Step::GiveUp { worker } => {
                self.ledger.leave(&self.worker(worker));
                self.set_clock(self.now + 60_000);
                let given_up = self.ledger.give_up_on_absent_workers().now_or_never().unwrap();
                let gone = self.open.extract_if(.., |asked| asked.worker == worker);
                let gone = gone.collect::<Vec<_>>();
                prop_assert_eq!(given_up.len(), gone.len());
                for asked in &gone {
                    self.ended(asked, End::Lost);
                }
            }
            Step::Resume { worker, every } => {
                let of_worker = self.open.iter().filter(|asked| asked.worker == worker);
                let named: HashSet<u32> = of_worker.map(|asked| asked.id).step_by(every).collect();
                let resumed = self.ledger.resume(&self.worker(worker), &named).now_or_never();
                let is_gone =
                    |asked: &mut Asked| asked.worker == worker && !named.contains(&asked.id);
                let gone = self.open.extract_if(.., is_gone).collect::<Vec<_>>();
                prop_assert_eq!(resumed.map(|ended| ended.len()), Some(gone.len()));
                for asked in &gone {
                    self.ended(asked, End::Lost);
                }
            }
        }
        self.compare()
    }

    /// Requests that call themselves so are of another client from now on.
    fn is_another(&mut self, client: usize) {
        for asked in self.open.iter_mut().filter(|asked| asked.client == client) {
            asked.is_of_another = true;
        }
    }

    fn set_clock(&mut self, now: u64) {
        self.now = now;
        self.clock.set(UnixMillis(now));
    }

    fn ended(&mut self, asked: &Asked, end: End) {
        let id = (asked.worker, asked.id);
        let ending = match end {
            End::Canceled => Ending::Nothing,
            End::Lost => Ending::Unknown,
            End::Settled(response) => Ending::Cost(cost(self.oracle.reserved(id), response)),
        };
        self.oracle.end(id, ending, self.now);
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.ledger.held(), self.oracle.held());
        for limit in self.ledger.limit_snapshots() {
            let rule = &self.oracle.limits[limit.config.name.as_str()];
            prop_assert_eq!(
                (limit.refused, limit.refused_in_shadow, limit.refused_on_trial),
                (rule.refused, rule.in_shadow, rule.on_trial)
            );
            let remaining = self.oracle.remaining(&rule.spec.name, self.now);
            prop_assert_eq!(limit.remaining, remaining, "{:?}", rule);
        }
        for id in ["one", "two", "three", "always-a/b-p", "always-none-none"] {
            let snapshot = self.ledger.snapshot(id);
            prop_assert_eq!(snapshot.is_some(), self.oracle.clients.contains_key(id));
            if let Some(snapshot) = snapshot {
                self.compare_client(id, &snapshot)?;
            }
        }
        let UnknownSnapshot::Shared(unknown) = self.ledger.unknown_snapshot() else {
            panic!("they are denied")
        };
        self.compare_client("unknown", &unknown)
    }

    fn compare_client(&self, id: &str, client: &ClientSnapshot) -> Result<(), TestCaseError> {
        let own = [client.standing.requests, client.standing.tokens];
        let own = own.map(|balance| balance.map(|balance| (balance.whole(), balance.rest())));
        prop_assert_eq!(own, self.oracle.own_left(id, self.now), "{}", id);
        let limits = client.limits.iter().map(|limit| oracle::Standing {
            name: limit.name.as_str().to_owned(),
            remaining: limit.left.remaining,
            would_refuse: limit.would_refuse,
            refused: limit.refused,
        });
        let limits = limits.collect::<Vec<_>>();
        prop_assert_eq!(limits, self.oracle.standings(id, self.now), "{}", id);
        let Some(account) = self.oracle.account(id) else { return Ok(()) };
        let record = &client.record;
        prop_assert_eq!(record.admitted, account.all_admitted(), "{}", id);
        let dropped = [record.rpm_dropped, record.tpm_dropped, record.limit_dropped];
        prop_assert_eq!(dropped, account.dropped);
        let in_shadow = record.refused_in_shadow;
        prop_assert_eq!([in_shadow.rpm, in_shadow.tpm, in_shadow.limit], account.in_shadow);
        prop_assert_eq!(record.tokens_used, account.tokens_used);
        Ok(())
    }
}

/// What was foretold is what is decided now, to the last figure.
fn check_foretold(outlook: &Outlook, answer: &Answer) -> Result<(), TestCaseError> {
    let (verdict, reserves) = match answer {
        Answer::Admitted { reserved, .. } => (Verdict::Passes, Some(*reserved)),
        Answer::Refused { refusal, reserved, .. } => {
            (Verdict::Refused(refusal.clone()), Some(*reserved))
        }
        Answer::UnknownClient | Answer::Unavailable => (Verdict::Denied, None),
    };
    prop_assert_eq!(&outlook.verdict, &verdict);
    prop_assert_eq!(outlook.reserves, reserves);
    let refusing =
        outlook.limits.iter().filter(|limit| limit.is_enforced() && limit.wait.is_some());
    let longest = refusing.clone().filter_map(|limit| limit.wait).max();
    let Verdict::Refused(refusal) = verdict else {
        prop_assert_eq!(refusing.count(), 0);
        return Ok(());
    };
    prop_assert_eq!(longest, Some(refusal.wait));
    prop_assert!(refusing.clone().any(|limit| limit.limit == refusal.limit));
    Ok(())
}

/// What a response costs, as the README's table has it, where nothing is seen to pass.
fn cost((reserved, makes_tokens): (u64, bool), response: Response) -> u64 {
    let told = response.told.map(Tokens::get);
    match (response.outcome, told) {
        (Outcome::Aborted | Outcome::TimedOut, Some(told)) => told.max(reserved),
        (_, Some(told)) => told,
        (Outcome::UpstreamRefused | Outcome::UpstreamFailed, None) => 0,
        (_, None) if !makes_tokens => 0,
        (_, None) => reserved,
    }
}

fn told(answer: &Answer) -> Option<Told> {
    let (reserved, refusal, tightest, is_short) = match answer {
        Answer::Admitted { reserved, is_followed: true, tightest, is_short, .. } => {
            (reserved, None, tightest, Some(*is_short))
        }
        Answer::Refused { refusal, reserved, tightest, .. } => {
            (reserved, Some(refused(refusal)), tightest, None)
        }
        _ => return None,
    };
    let tightest = [left(tightest.requests.clone()), left(tightest.tokens.clone())];
    Some(Told { reserved: reserved.get(), refusal, tightest, is_short })
}

fn refused(refusal: &Refusal) -> Refused {
    Refused {
        limit: refusal.limit.as_str().to_owned(),
        kind: match refusal.shortage {
            Shortage::Requests(_) => Kind::Requests,
            Shortage::Tokens(_) => Kind::Tokens,
            Shortage::Places(_) => Kind::Concurrent,
        },
        wait_ms: match refusal.wait {
            Wait::Millis(ms) => Some(ms),
            Wait::Never => None,
        },
    }
}

fn left(left: Option<Left>) -> Option<(String, (i64, u32))> {
    let left = left?;
    Some((left.limit.as_str().to_owned(), (left.balance.whole(), left.balance.rest())))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_verdict_balance_and_count_is_as_the_law_is_written(
        given in specs(),
        steps in vec(step(), 1..90),
    ) {
        let mut both = Both::new(given);
        for step in &steps {
            both.step(step)?;
        }
        // Whatever is still under way ends, and every place is free.
        while !both.open.is_empty() {
            both.step(&Step::End { which: 0, end: End::Lost })?;
        }
        for limit in both.ledger.limit_snapshots() {
            if let (flowguard::limits::Measure::Concurrent(places), Some(free)) =
                (limit.config.measure, limit.remaining)
            {
                prop_assert_eq!(free, places.get());
            }
        }
    }
}
