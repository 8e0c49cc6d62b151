//! The memory that a client takes, beside its id.

use flowguard::{
    clients::{CLIENTS_MAX, ClientConfig, Limits},
    ledger::{
        Ask, End, EstimatePolicy, EstimateSource, Ledger, ManualClock, Outcome, Policy,
        RequestKind, Response, WorkerId,
    },
};
use limiter::{ClientId, PerMinute, Tokens, UnixMillis};

use crate::{ALONE, memory::allocated_bytes};

/// A part of as many as there can be by which every table is as full as theirs.
const CLIENTS: usize = CLIENTS_MAX / 16;

const CONFIGURED_BYTES_MAX: usize = 300;
const SERVED_BYTES_MAX: usize = 500;

/// As many requests as come together.
const FRAME: usize = 16;

fn id(client: usize) -> String {
    format!("client-{client:07}")
}

/// What was allocated since `before`, a client, without the text of its id.
fn bytes_per_client(before: isize) -> usize {
    let allocated = usize::try_from(allocated_bytes() - before).expect("more than before");
    allocated / CLIENTS - id(0).len()
}

#[tokio::test]
async fn a_client_takes_300_bytes_and_500_once_it_was_served() {
    let _alone = ALONE.lock().await;
    let before = allocated_bytes();
    let defaults = Policy::default();
    let estimate = EstimatePolicy { source: EstimateSource::Header, ..defaults.estimate };
    let clock = ManualClock::at(UnixMillis(1_700_000_000_000));
    let ledger = Ledger::new(Policy { estimate, ..defaults }, clock);
    for client in 0..CLIENTS {
        let id = ClientId::try_from(&*id(client)).expect("an id");
        let limits = Limits { rpm: PerMinute::new(60).ok(), tpm: PerMinute::new(100_000).ok() };
        ledger.configure(&ClientConfig::new(id, limits));
    }
    let configured = bytes_per_client(before);
    assert!(configured <= CONFIGURED_BYTES_MAX, "{configured} bytes configured");

    let worker = ledger.join(WorkerId(1));
    for frame in (0..CLIENTS).step_by(FRAME) {
        let ids: Vec<_> = (frame..CLIENTS.min(frame + FRAME)).map(id).collect();
        let asks: Vec<_> = (0..)
            .zip(&ids)
            .map(|(id, client)| Ask {
                id,
                client,
                estimate: Tokens::new(100).ok(),
                kind: RequestKind::Generates,
                model: None,
            })
            .collect();
        let _answers = ledger.decide(&worker, &asks).await;
        worker.told();
        let response = Response {
            outcome: Outcome::Completed,
            told: Some(Tokens::ONE),
            observed: Tokens::ZERO,
            duration_us: Some(1_000),
        };
        let ends = asks.iter().map(|ask| (ask.id, End::Settled(response))).collect();
        let ended = ledger.end(&worker, ends).await;
        assert_eq!(ended.len(), asks.len(), "each was admitted");
    }
    let served = bytes_per_client(before);
    assert!(served <= SERVED_BYTES_MAX, "{served} bytes served");
    println!("{configured} bytes configured, {served} served");
}
