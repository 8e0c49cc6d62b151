//! Answers that are waited for so long and no longer: a connection that lost its other end may never say
//! so.

use std::time::Duration;

use tokio::time::timeout;

use super::client::Failure;

/// What is answered within this time.
pub(super) async fn within<T>(
    time: Duration,
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let answered = timeout(time, answer).await;
    answered.unwrap_or_else(|_| Err(Failure::Unknown("it did not answer".to_owned())))
}
