//! A ledger that is killed and begun again from its files, beside one that lives on.

use std::sync::Arc;

use flowguard::{
    clients::ClientConfig,
    ledger::{
        Answer, Ask, ClientSnapshot, End, Ledger, ManualClock, RequestKind, UnknownSnapshot,
        WorkerId,
    },
    limits::{Limit, LimitKey, LimitMode, LimitName, Models},
    store::state::{StateFiles, simulated::MemoryDisk},
};
use futures_util::FutureExt as _;
use limiter::{Dimension, Tokens};
use proptest::{collection::vec, prelude::*};

use super::{
    restart::{begin_under, policy},
    together::{
        spec::{RAW_MODELS, RuleSet, Spec, Who, always, models},
        steps::{LIMITS_MAX, end, spec, who},
    },
    world::{NOW, config, later, limit},
};

/// Of the last one nobody knows.
const IDS: [&str; 4] = ["one", "two", "three", "nobody"];

const RPM: LimitKey = LimitKey::Own(Dimension::Rpm);

/// What is done to both ledgers.
#[derive(Clone, Debug)]
enum Step {
    Ask {
        worker: u128,
        client: usize,
        tokens: u64,
        kind: RequestKind,
        model: usize,
    },
    /// The oldest request of all ends, or one that ended before ends again.
    End {
        again: bool,
        end: End,
    },
    Drop {
        client: usize,
        limit: usize,
        requests: u64,
    },
    Configure {
        client: usize,
        who: Who,
    },
    Remove {
        client: usize,
    },
    Reset {
        client: usize,
    },
    /// One limit comes or is another from now on.
    Put {
        limit: usize,
        spec: Spec,
    },
    /// One limit goes on with other numbers.
    Renumber {
        limit: usize,
        spec: Spec,
    },
    Delete {
        limit: usize,
    },
    PutModels {
        are_on: [bool; 3],
    },
    Wait {
        ms: u64,
    },
    Sync,
    Snapshot,
    /// The process is killed, and another one begins so much later.
    Kill {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..IDS.len();
    let configured = 0..IDS.len() - 1;
    let kinds = vec![RequestKind::Generates, RequestKind::Reads, RequestKind::Counts];
    let asks = (0..3_u128, client.clone(), 0..150_u64, prop::sample::select(kinds));
    let limit = 0..LIMITS_MAX;
    prop_oneof![
        20 => (asks, 0..RAW_MODELS.len()).prop_map(|((worker, client, tokens, kind), model)| {
            Step::Ask { worker, client, tokens, kind, model }
        }),
        14 => (prop::bool::weighted(0.1), end()).prop_map(|(again, end)| Step::End { again, end }),
        1 => (client, 0..=LIMITS_MAX, 1..9_u64)
            .prop_map(|(client, limit, requests)| Step::Drop { client, limit, requests }),
        2 => (configured.clone(), who()).prop_map(|(client, who)| Step::Configure { client, who }),
        1 => configured.clone().prop_map(|client| Step::Remove { client }),
        1 => configured.prop_map(|client| Step::Reset { client }),
        1 => (limit.clone(), minutes()).prop_map(|(limit, spec)| Step::Put { limit, spec }),
        3 => (limit.clone(), minutes()).prop_map(|(limit, spec)| Step::Renumber { limit, spec }),
        1 => limit.prop_map(|limit| Step::Delete { limit }),
        1 => any::<[bool; 3]>().prop_map(|are_on| Step::PutModels { are_on }),
        6 => (1..9_000_u64).prop_map(|ms| Step::Wait { ms }),
        2 => Just(Step::Sync),
        1 => Just(Step::Snapshot),
        3 => (0..9_000_u64).prop_map(|ms| Step::Kill { ms }),
    ]
}

/// A limit of a minute at least: the time between two processes refills one window at most, and in a
/// shorter one that would tell the twins apart.
fn minutes() -> impl Strategy<Value = Spec> {
    spec().prop_map(|spec| Spec { per_s: spec.per_s.max(60), ..spec })
}

/// Two ledgers, of which one is killed now and then.
struct Twins {
    clock: ManualClock,
    now: u64,
    /// What an operator configured, which a store keeps.
    configs: Vec<ClientConfig>,
    rules: RuleSet,
    disk: MemoryDisk,
    files: Arc<StateFiles>,
    mortal: Ledger,
    immortal: Ledger,
    /// Requests under way, the oldest first, and those that have ended.
    open: Vec<(u128, u32)>,
    ended: Vec<(u128, u32)>,
    asked: u32,
}

impl Twins {
    fn new(limits: Vec<Spec>) -> Self {
        let clock = ManualClock::at(NOW);
        let disk = MemoryDisk::new();
        let mut configs = vec![config("one", limit(10), limit(500)), config("two", limit(5), None)];
        configs.extend(always().iter().map(|(id, who)| who.to_config(id)));
        let mut rules = RuleSet::of(limits);
        let (mortal, files) = begin_under(policy(), &disk, &configs, in_force(&mut rules), &clock);
        let immortal = Ledger::new(policy(), clock.clone());
        let (limits, models) = in_force(&mut rules);
        immortal.put_rules(limits, models);
        for config in &configs {
            immortal.configure(config);
        }
        let (now, open, ended, asked) = (0, Vec::new(), Vec::new(), 0);
        Self { clock, now, configs, rules, disk, files, mortal, immortal, open, ended, asked }
    }

    fn both(&self) -> [&Ledger; 2] {
        [&self.mortal, &self.immortal]
    }

    fn wait(&mut self, ms: u64) {
        self.now += ms;
        self.clock.set(later(self.now));
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step.clone() {
            Step::Ask { worker, client, tokens, kind, model } => {
                self.ask(worker, client, (tokens, kind, model))?;
            }
            Step::End { again, end } => {
                let known = if again { &mut self.ended } else { &mut self.open };
                if known.is_empty() {
                    return Ok(());
                }
                let (worker, id) = known.remove(0);
                self.ended.push((worker, id));
                let [mortal, immortal] = self.both().map(|ledger| {
                    let worker = ledger.join(WorkerId(worker));
                    let ended = ledger.end(&worker, vec![(id, end)]).now_or_never();
                    ledger.commit();
                    ended.expect("local balances are ready at once")
                });
                prop_assert_eq!(mortal, immortal);
            }
            Step::Drop { client, limit, requests } => {
                let name = LimitName::try_from(&*format!("l{limit}")).unwrap();
                let limit = if limit == LIMITS_MAX { RPM } else { LimitKey::Named(name) };
                for ledger in self.both() {
                    ledger.count_dropped(IDS[client], &limit, requests);
                    ledger.commit();
                }
            }
            Step::Configure { client, who } => self.configure(client, &who),
            Step::Put { limit, spec } => {
                self.rules.specs.insert(limit, spec);
                self.put();
            }
            Step::Renumber { limit, spec } => {
                if self.rules.renumber(limit, spec) {
                    self.put();
                }
            }
            Step::Delete { limit } => {
                self.rules.specs.remove(&limit);
                self.put();
            }
            Step::PutModels { are_on } => {
                self.rules.are_on = are_on;
                self.put();
            }
            Step::Remove { client } => {
                self.configs.retain(|config| config.id.as_str() != IDS[client]);
                for ledger in self.both() {
                    ledger.remove(IDS[client]);
                    ledger.commit();
                }
            }
            Step::Reset { client } => self.both().into_iter().for_each(|ledger| {
                ledger.reset(IDS[client]);
                ledger.commit();
            }),
            Step::Wait { ms } => self.wait(ms),
            Step::Sync => self.files.sync(),
            Step::Snapshot => {
                self.have_all_clients();
                let now = self.mortal.now();
                self.files.snapshot(|| now, |snapshot| self.mortal.write_all(snapshot)).unwrap();
            }
            Step::Kill { ms } => {
                self.have_all_clients();
                self.disk.kill();
                self.wait(ms);
                let rules = in_force(&mut self.rules);
                (self.mortal, self.files) =
                    begin_under(policy(), &self.disk, &self.configs, rules, &self.clock);
            }
        }
        self.compare()
    }

    /// What is of a deleted client gets into no snapshot and outlives no process, its counters and
    /// open requests neither.
    fn have_all_clients(&mut self) {
        for (client, id) in IDS.iter().enumerate().take(3) {
            if self.configs.iter().all(|config| config.id.as_str() != *id) {
                self.configure(client, &Who { rpm: Some(7), tpm: Some(70), ..Who::default() });
            }
        }
    }

    fn put(&mut self) {
        for ledger in [&self.mortal, &self.immortal] {
            let (limits, models) = in_force(&mut self.rules);
            ledger.put_rules(limits, models);
            ledger.commit();
        }
    }

    fn configure(&mut self, client: usize, who: &Who) {
        let config = who.to_config(IDS[client]);
        self.configs.retain(|other| other.id != config.id);
        self.configs.push(config.clone());
        for ledger in self.both() {
            ledger.configure(&config);
            ledger.commit();
        }
    }

    fn ask(
        &mut self,
        worker: u128,
        client: usize,
        (tokens, kind, model): (u64, RequestKind, usize),
    ) -> Result<(), TestCaseError> {
        self.asked += 1;
        let id = self.asked;
        let estimate = Tokens::new(tokens).ok();
        let [mortal, immortal] = self.both().map(|ledger| {
            let worker = ledger.join(WorkerId(worker));
            let ask = Ask { id, client: IDS[client], estimate, kind, model: RAW_MODELS[model] };
            let answers = ledger.decide(&worker, &[ask]).now_or_never();
            answers.expect("local balances are ready at once").remove(0)
        });
        prop_assert_eq!(&mortal, &immortal);
        if let Answer::Admitted { .. } = immortal {
            self.open.push((worker, id));
        }
        Ok(())
    }

    /// To the unit, and to the last request.
    fn compare(&self) -> Result<(), TestCaseError> {
        let [mortal, immortal] = self.both();
        prop_assert_eq!(mortal.held(), immortal.held());
        let left = |ledger: &Ledger| {
            let limits = ledger.limit_snapshots().into_iter();
            limits.map(|limit| (limit.config.name, limit.remaining)).collect::<Vec<_>>()
        };
        prop_assert_eq!(left(mortal), left(immortal));
        for id in &IDS[..3] {
            let [mortal, immortal] = [mortal, immortal].map(|ledger| ledger.snapshot(id));
            compare(mortal.as_ref(), immortal.as_ref())?;
        }
        let [mortal, immortal] = [mortal, immortal].map(|ledger| {
            let UnknownSnapshot::Shared(unknown) = ledger.unknown_snapshot() else { return None };
            Some(*unknown)
        });
        compare(mortal.as_ref(), immortal.as_ref())
    }
}

fn in_force(rules: &mut RuleSet) -> (Vec<Limit>, Models) {
    (rules.in_force().iter().map(Spec::to_limit).collect(), models(rules.are_on))
}

/// The limits beside its own, in whole requests and tokens: what of one more has refilled is not written down.
fn whole(client: &ClientSnapshot) -> Vec<(&LimitName, LimitMode, u64, u64, u64)> {
    let limits = client.limits.iter();
    limits
        .map(|limit| {
            (&limit.name, limit.mode, limit.left.remaining, limit.would_refuse, limit.refused)
        })
        .collect()
}

fn compare(
    mortal: Option<&ClientSnapshot>,
    immortal: Option<&ClientSnapshot>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(mortal.is_some(), immortal.is_some());
    let (Some(mortal), Some(immortal)) = (mortal, immortal) else { return Ok(()) };
    prop_assert_eq!(mortal.standing, immortal.standing, "{}", mortal.config.id);
    prop_assert_eq!(whole(mortal), whole(immortal), "{}", mortal.config.id);
    prop_assert_eq!(mortal.record.limit_dropped, immortal.record.limit_dropped);
    let [mortal, immortal] = [mortal, immortal].map(|client| client.record.over_all_processes());
    prop_assert_eq!(mortal, immortal);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_ledger_that_is_killed_goes_on_to_the_unit_where_it_was(
        limits in vec(minutes(), 0..=LIMITS_MAX),
        steps in vec(step(), 1..80),
    ) {
        let mut twins = Twins::new(limits);
        for step in &steps {
            twins.step(step)?;
        }
        // Whatever is still under way ends as it would have.
        for _ in 0..twins.open.len() {
            twins.step(&Step::End { again: false, end: End::Canceled })?;
        }
        prop_assert_eq!(twins.mortal.held(), 0);
    }
}
