//! An answer that comes in time, or after it.

use tokio::task::JoinHandle;

use super::Failure;
use crate::store::shared::Reply;

/// What became of a call.
#[derive(Debug)]
pub enum Answer {
    /// It came before the deadline.
    InTime(Result<Reply, Failure>),
    /// It did not.
    Late(Late),
}

/// An answer that is still to come. It is read also where nobody waits for it.
#[derive(Debug)]
pub struct Late(pub(super) JoinHandle<Result<Reply, Failure>>);

impl Late {
    /// What was answered after all.
    pub async fn wait(self) -> Result<Reply, Failure> {
        Failure::of_task(self.0.await)
    }
}
