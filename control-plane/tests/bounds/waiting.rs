//! What a client takes in memory when its requests are told to wait.

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{Answer, Ask, Ledger, Policy, RequestKind, RetryAfter, SystemClock, WorkerId},
};
use limiter::{ClientId, PerMinute, Tokens};

use super::{ALONE, memory::allocated_bytes};

const CLIENTS: u32 = 10_000;

/// A client's two lines.
const LINES_BYTES_MAX: isize = 64;

/// The bytes that the second of two requests of each client adds, which is refused.
async fn added_by_waiting(retry_after: RetryAfter) -> isize {
    let ledger = Ledger::new(Policy { retry_after, ..Policy::default() }, SystemClock::start());
    let limit = Some(PerMinute::of::<1>());
    let ids: Vec<_> = (0..CLIENTS).map(|n| format!("client-{n}")).collect();
    for id in &ids {
        let id = ClientId::try_from(id.as_str()).expect("an id");
        let limits = Limits { rpm: limit, tpm: limit };
        ledger.configure(&ClientConfig::new(id, limits));
    }
    let worker = ledger.join(WorkerId(1));
    let ask_all = async |first: u32| {
        let mut refused = 0;
        for (n, id) in (first..).zip(&ids) {
            let kind = RequestKind::Generates;
            let ask = Ask { id: n, client: id, estimate: Some(Tokens::ZERO), kind, model: None };
            let answers = ledger.decide(&worker, &[ask]).await;
            refused += u32::from(matches!(answers[0], Answer::Refused { .. }));
        }
        refused
    };
    assert_eq!(ask_all(0).await, 0);
    let before = allocated_bytes();
    assert_eq!(ask_all(CLIENTS).await, CLIENTS);
    allocated_bytes() - before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_requests_wait_takes_the_bytes_of_two_lines_more_and_others_none() {
    let _alone = ALONE.lock().await;
    let exact = added_by_waiting(RetryAfter::Exact).await;
    let spread = added_by_waiting(RetryAfter::Spread).await;
    println!("{CLIENTS} clients that wait: {exact} bytes under exact, {spread} under spread");
    let clients = isize::try_from(CLIENTS).expect("a small number");
    assert!(exact < clients, "{exact} bytes under exact");
    assert!(spread <= clients * (LINES_BYTES_MAX + 1), "{spread} bytes under spread");
}
