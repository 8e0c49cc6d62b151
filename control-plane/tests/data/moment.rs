//! What a backup of a running ledger says of one client is of one moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use flowguard::{
    backup::{Document, Line, Step},
    ledger::{Ask, Ledger, ManualClock, Policy, RequestKind, WorkerId},
    store::state::BucketName,
};
use futures_util::FutureExt as _;
use limiter::Tokens;

use super::world::{NOW, config};

const BURST: u64 = 100_000_000;

/// What each request costs, besides itself.
const TOKENS: u64 = 5;

fn backup(ledger: &Arc<Ledger>) -> String {
    let mut document = Document::of(Arc::clone(ledger), ledger.now());
    let mut text = String::new();
    while document.write(&mut text) == Step::More {}
    text
}

/// How many requests the lines of the client say that there were: by its requests per minute, its
/// tokens per minute and its tallies. The clock stands still, so that nothing refills.
fn counted(document: &str) -> [u64; 3] {
    let mut counted = [0; 3];
    for line in document.lines() {
        match serde_json::from_str(line).expect("a line") {
            Line::Bucket(record) => {
                let left = record.level.expect("a level").whole;
                let spent = BURST - u64::try_from(left).expect("no debt");
                match record.bucket {
                    BucketName::Rpm(_) => counted[0] = spent,
                    BucketName::Tpm(_) => counted[1] = spent / TOKENS,
                    BucketName::Limit(_) => {}
                }
            }
            Line::Tallies(record) => counted[2] = record.tallies.admitted,
            _ => {}
        }
    }
    counted
}

#[test]
fn what_is_told_of_a_client_is_of_one_moment_while_others_decide() {
    let ledger = Arc::new(Ledger::new(Policy::default(), ManualClock::at(NOW)));
    ledger.configure(&config("a", Some(BURST), Some(BURST)));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for worker in 0..2 {
            let (ledger, is_over) = (&ledger, &is_over);
            scope.spawn(move || {
                let worker = ledger.join(WorkerId(worker));
                for id in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let estimate = Tokens::new(TOKENS).ok();
                    let ask = Ask {
                        id,
                        client: "a",
                        estimate,
                        kind: RequestKind::Generates,
                        model: None,
                    };
                    let _ = ledger.decide(&worker, &[ask]).now_or_never();
                    let lost = vec![(id, flowguard::ledger::End::Lost)];
                    let _ = ledger.end(&worker, lost).now_or_never();
                }
            });
        }
        let mut seen = 0;
        let mut changes = 0;
        while changes < 300 {
            let [requests, tokens, admitted] = counted(&backup(&ledger));
            let is_one = requests == tokens && requests == admitted;
            if !is_one {
                is_over.store(true, Ordering::Relaxed);
            }
            assert!(is_one, "{requests} requests, {tokens} by their tokens, {admitted} by tallies");
            changes += u32::from(requests > seen);
            seen = requests;
        }
        is_over.store(true, Ordering::Relaxed);
    });
}
