//! What is exported and imported again is what it was.

use std::{fs, sync::Arc};

use flowguard::{
    clients::ClientConfig,
    data::{self, Destination, Place, Source},
    ledger::{
        Ask, ClientSnapshot, End, Ledger, ManualClock, Outcome, RequestKind, Response,
        UnknownSnapshot, WorkerId,
    },
    limits::LimitKey,
    store::state::StateFiles,
};
use futures_util::FutureExt as _;
use limiter::{Dimension, Tokens};
use proptest::{collection::vec, option, prelude::*};
use tempfile::TempDir;

use super::world::{NOW, Served, config, later, place, runtime, store};

const IDS: [&str; 4] = ["a", "team/b+c", "c", "nobody"];

const RPM: LimitKey = LimitKey::Own(Dimension::Rpm);

/// What happens before the folder is backed up.
#[derive(Clone, Debug)]
enum Step {
    Ask {
        worker: u128,
        client: usize,
        tokens: u64,
    },
    /// The oldest request ends.
    End {
        used: Option<u64>,
    },
    Drop {
        client: usize,
        requests: u64,
    },
    Configure {
        client: usize,
        rpm: Option<u64>,
        tpm: Option<u64>,
        enabled: bool,
        min_estimate: Option<u64>,
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
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..IDS.len();
    let configured = 0..IDS.len() - 1;
    let configure = (
        configured.clone(),
        option::of(1..9_u64),
        option::of(1..500_u64),
        prop::bool::weighted(0.8),
        option::weighted(0.2, 0..50_u64),
    );
    prop_oneof![
        20 => (0..3_u128, client.clone(), 0..150_u64)
            .prop_map(|(worker, client, tokens)| Step::Ask { worker, client, tokens }),
        14 => option::of(0..300_u64).prop_map(|used| Step::End { used }),
        1 => (client, 1..9_u64).prop_map(|(client, requests)| Step::Drop { client, requests }),
        3 => configure.prop_map(|(client, rpm, tpm, enabled, min_estimate)| Step::Configure {
            client, rpm, tpm, enabled, min_estimate
        }),
        1 => configured.clone().prop_map(|client| Step::Remove { client }),
        1 => configured.prop_map(|client| Step::Reset { client }),
        6 => (1..9_000_u64).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Snapshot),
    ]
}

/// A control plane until it stops.
struct Before<'a> {
    ledger: &'a Ledger,
    files: &'a Arc<StateFiles>,
    clock: ManualClock,
    now: u64,
    configs: Vec<ClientConfig>,
    open: Vec<(u128, u32)>,
    asked: u32,
}

impl Before<'_> {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask { worker, client, tokens } => {
                self.asked += 1;
                let (id, estimate) = (self.asked, Tokens::new(tokens).ok());
                let kind = RequestKind::Generates;
                let ask = Ask { id, client: IDS[client], estimate, kind, model: None };
                let of = self.ledger.join(WorkerId(worker));
                let _ = self.ledger.decide(&of, &[ask]).now_or_never().expect("ready at once");
                self.open.push((worker, id));
            }
            Step::End { used } => {
                let Some((worker, id)) = self.open.first().copied() else { return };
                self.open.remove(0);
                let told = used.and_then(|used| Tokens::new(used).ok());
                let (outcome, observed) = (Outcome::Completed, Tokens::ZERO);
                let duration_us = Some(1_500);
                let end = End::Settled(Response { outcome, told, observed, duration_us });
                let of = self.ledger.join(WorkerId(worker));
                self.ledger.end(&of, vec![(id, end)]).now_or_never().expect("ready at once");
            }
            Step::Drop { client, requests } => {
                self.ledger.count_dropped(IDS[client], &RPM, requests);
            }
            Step::Configure { client, rpm, tpm, enabled, min_estimate } => {
                let min_estimate = min_estimate.and_then(|tokens| Tokens::new(tokens).ok());
                let config =
                    ClientConfig { enabled, min_estimate, ..config(IDS[client], rpm, tpm) };
                self.configs.retain(|other| other.id != config.id);
                self.ledger.configure(&config);
                self.configs.push(config);
            }
            Step::Remove { client } => {
                self.configs.retain(|config| config.id.as_str() != IDS[client]);
                self.ledger.remove(IDS[client]);
            }
            Step::Reset { client } => {
                self.ledger.reset(IDS[client]);
            }
            Step::Wait { ms } => {
                self.now += ms;
                self.clock.set(later(self.now));
            }
            Step::Snapshot => {
                let now = self.ledger.now();
                self.files.snapshot(|| now, |snapshot| self.ledger.write_all(snapshot)).unwrap();
            }
        }
        self.ledger.commit();
    }
}

/// All that there is to know of every client, to the unit.
fn told(ledger: &Ledger) -> Vec<String> {
    let told = |snapshot: &ClientSnapshot| {
        let ClientSnapshot { config, standing, record, limits } = snapshot;
        let tallies = record.over_all_processes();
        format!("{config:?} {standing:?} {tallies:?} {limits:?} {:?}", record.learned_estimate)
    };
    let UnknownSnapshot::Shared(unknown) = ledger.unknown_snapshot() else { panic!("denied") };
    let mut clients: Vec<_> = ledger.snapshots_after(None, 100).iter().map(told).collect();
    clients.push(told(&unknown));
    clients
}

fn export(place: &Place, file: &std::path::Path) -> String {
    let destination = Destination::File(file.to_owned());
    runtime().block_on(data::export(place, &destination)).expect("exported");
    fs::read_to_string(file).expect("text")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_exported_and_imported_is_exported_again_byte_by_byte_and_served_as_before(
        steps in vec(step(), 1..60),
        pause_ms in 0..90_000_u64,
    ) {
        let parent = TempDir::new().expect("a temporary folder");
        let (original, restored) = (place(&parent, "original"), place(&parent, "restored"));
        let clock = ManualClock::at(NOW);
        let configs = vec![config("a", Some(10), Some(500)), config("team/b+c", Some(5), None)];
        let served = Served::with(&original.folder, &configs, &clock);
        let (ledger, files) = (&served.ledger, &served.files);
        let (open, asked) = (Vec::new(), 0);
        let mut before =
            Before { ledger, files, clock: clock.clone(), now: 0, configs, open, asked };
        for step in &steps {
            before.step(step);
        }
        let (configs, now) = (before.configs, before.now);
        drop(served);
        store(&original.folder, &configs);

        let first = parent.path().join("first");
        let document = export(&original, &first);
        runtime().block_on(data::import(&Source::File(first), &restored)).expect("imported");
        prop_assert_eq!(&document, &export(&restored, &parent.path().join("second")));

        clock.set(later(now + pause_ms));
        let [original, restored] = [original, restored].map(|place| {
            told(&Served::start(&place.folder, &clock).ledger)
        });
        prop_assert_eq!(original, restored);
    }
}
