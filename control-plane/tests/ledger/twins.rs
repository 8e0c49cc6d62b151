//! A ledger that is killed and begun again from its files, beside one that lives on.

use std::sync::Arc;

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{
        Answer, Ask, ClientSnapshot, End, Ledger, ManualClock, Outcome, RequestKind, Response,
        UnknownSnapshot, WorkerId,
    },
    limits::LimitKey,
    store::state::{StateFiles, simulated::MemoryDisk},
};
use futures_util::FutureExt as _;
use limiter::{Dimension, Tokens};
use proptest::{collection::vec, option, prelude::*};

use super::{
    restart::{begin, policy},
    world::{NOW, config, later, limit},
};

const IDS: [&str; 4] = ["a", "b", "c", "nobody"];

const RPM: LimitKey = LimitKey::Own(Dimension::Rpm);

/// What is done to both ledgers.
#[derive(Clone, Debug)]
enum Step {
    Ask {
        worker: u128,
        client: usize,
        tokens: u64,
        kind: RequestKind,
    },
    /// The oldest request of all ends, or one that ended before ends again.
    End {
        again: bool,
        end: End,
    },
    Drop {
        client: usize,
        requests: u64,
    },
    Configure {
        client: usize,
        rpm: Option<u64>,
        tpm: Option<u64>,
    },
    Remove {
        client: usize,
    },
    Reset {
        client: usize,
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

fn end() -> impl Strategy<Value = End> {
    let outcome = prop::sample::select(vec![
        Outcome::Completed,
        Outcome::Aborted,
        Outcome::UpstreamFailed,
        Outcome::TimedOut,
    ]);
    let settled = (outcome, option::of(0..300_u64)).prop_map(|(outcome, used)| {
        let told = used.and_then(|used| Tokens::new(used).ok());
        let (observed, duration_us) = (Tokens::ZERO, Some(1_500));
        End::Settled(Response { outcome, told, observed, duration_us })
    });
    prop_oneof![6 => settled, 1 => Just(End::Canceled), 1 => Just(End::Lost)]
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..IDS.len();
    let configured = 0..IDS.len() - 1;
    let kinds = vec![RequestKind::Generates, RequestKind::Reads, RequestKind::Counts];
    let kind = prop::sample::select(kinds);
    prop_oneof![
        20 => (0..3_u128, client.clone(), 0..150_u64, kind).prop_map(
            |(worker, client, tokens, kind)| Step::Ask { worker, client, tokens, kind }
        ),
        14 => (prop::bool::weighted(0.1), end()).prop_map(|(again, end)| Step::End { again, end }),
        1 => (client, 1..9_u64).prop_map(|(client, requests)| Step::Drop { client, requests }),
        2 => (configured.clone(), option::of(1..9_u64), option::of(1..500_u64))
            .prop_map(|(client, rpm, tpm)| Step::Configure { client, rpm, tpm }),
        1 => configured.clone().prop_map(|client| Step::Remove { client }),
        1 => configured.prop_map(|client| Step::Reset { client }),
        6 => (1..9_000_u64).prop_map(|ms| Step::Wait { ms }),
        2 => Just(Step::Sync),
        1 => Just(Step::Snapshot),
        3 => (0..9_000_u64).prop_map(|ms| Step::Kill { ms }),
    ]
}

/// Two ledgers, of which one is killed now and then.
struct Twins {
    clock: ManualClock,
    now: u64,
    /// What an operator configured, which a store keeps.
    configs: Vec<ClientConfig>,
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
    fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let disk = MemoryDisk::new();
        let configs = vec![config("a", limit(10), limit(500)), config("b", limit(5), None)];
        let (mortal, files) = begin(policy(), &disk, &configs, &clock);
        let immortal = Ledger::new(policy(), clock.clone());
        for config in &configs {
            immortal.configure(config);
        }
        let (open, ended) = (Vec::new(), Vec::new());
        Self { clock, now: 0, configs, disk, files, mortal, immortal, open, ended, asked: 0 }
    }

    fn both(&self) -> [&Ledger; 2] {
        [&self.mortal, &self.immortal]
    }

    fn wait(&mut self, ms: u64) {
        self.now += ms;
        self.clock.set(later(self.now));
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Ask { worker, client, tokens, kind } => self.ask(worker, client, tokens, kind)?,
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
            Step::Drop { client, requests } => self.both().into_iter().for_each(|ledger| {
                ledger.count_dropped(IDS[client], &RPM, requests);
                ledger.commit();
            }),
            Step::Configure { client, rpm, tpm } => self.configure(client, rpm, tpm),
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
                (self.mortal, self.files) = begin(policy(), &self.disk, &self.configs, &self.clock);
            }
        }
        self.compare()
    }

    /// What is of a deleted client gets into no snapshot and outlives no process, its counters and
    /// open requests neither.
    fn have_all_clients(&mut self) {
        for (client, id) in IDS.iter().enumerate().take(3) {
            if self.configs.iter().all(|config| config.id.as_str() != *id) {
                self.configure(client, Some(7), Some(70));
            }
        }
    }

    fn configure(&mut self, client: usize, rpm: Option<u64>, tpm: Option<u64>) {
        let limits = Limits { rpm: rpm.map(limit), tpm: tpm.map(limit) };
        let config = ClientConfig { limits, ..config(IDS[client], None, None) };
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
        tokens: u64,
        kind: RequestKind,
    ) -> Result<(), TestCaseError> {
        self.asked += 1;
        let id = self.asked;
        let estimate = Tokens::new(tokens).ok();
        let [mortal, immortal] = self.both().map(|ledger| {
            let worker = ledger.join(WorkerId(worker));
            let ask = Ask { id, client: IDS[client], estimate, kind, model: None };
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

fn compare(
    mortal: Option<&ClientSnapshot>,
    immortal: Option<&ClientSnapshot>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(mortal.is_some(), immortal.is_some());
    let (Some(mortal), Some(immortal)) = (mortal, immortal) else { return Ok(()) };
    prop_assert_eq!(mortal.standing, immortal.standing, "{}", mortal.config.id);
    let [mortal, immortal] = [mortal, immortal].map(|client| client.record.over_all_processes());
    prop_assert_eq!(mortal, immortal);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_ledger_that_is_killed_goes_on_to_the_unit_where_it_was(steps in vec(step(), 1..80)) {
        let mut twins = Twins::new();
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
