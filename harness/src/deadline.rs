//! Waiting for a state: polled until it holds, and a failure once the deadline is over.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// How long a state that should come soon may take; generous, for a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls `state` until it is `Some` and returns what it holds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut state: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = state().await {
            return value;
        }
        assert!(started.elapsed() < SOON, "not within {SOON:?}: {what}");
        pause().await;
    }
}

/// Polls `value` until it equals `expected`.
pub async fn eventually_equal<T, F>(what: &str, expected: T, mut value: impl FnMut() -> F)
where
    T: PartialEq + Debug,
    F: Future<Output = T>,
{
    let started = Instant::now();
    loop {
        let actual = value().await;
        if actual == expected {
            return;
        }
        assert!(
            started.elapsed() < SOON,
            "not within {SOON:?}: {what} is {actual:?}, expected {expected:?}"
        );
        pause().await;
    }
}

/// What `future` returns.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.unwrap_or_else(|_| panic!("not within {SOON:?}: {what}"))
}

#[expect(clippy::disallowed_methods, reason = "the one pause of the polling above")]
async fn pause() {
    tokio::time::sleep(POLL_INTERVAL).await;
}
