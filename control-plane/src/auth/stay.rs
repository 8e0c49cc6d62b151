//! A caller who stays: what let them in may be taken from them meanwhile.

use std::{sync::Arc, time::Duration};

use http::Extensions;
use tokio::time::{Instant, sleep_until};

use super::{LetIn, Lock, Pass, Refusal, lock::Locked};
use crate::credentials::Scope;

/// How often it is looked: what is revoked or expires is good for so long at most.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A caller who stays, as a stream does.
#[derive(Debug)]
pub(crate) struct Stay {
    locked: Arc<Locked>,
    pass: Pass,
    /// What they stay for.
    scope: Scope,
    look_at: Instant,
}

impl Stay {
    /// Of whoever this lock let in, with these extensions of their call; `None` where it is open.
    pub(crate) fn of(lock: &Lock, extensions: &Extensions, scope: Scope) -> Option<Self> {
        let (locked, let_in) = (lock.locked()?, extensions.get::<LetIn>()?);
        let look_at = Instant::now() + LOOK_INTERVAL;
        Some(Self { locked: Arc::clone(locked), pass: let_in.pass().clone(), scope, look_at })
    }

    /// Waits until they would not be let in again, and says why. It may be dropped and called anew.
    pub(crate) async fn ended(&mut self) -> Refusal {
        loop {
            #[expect(clippy::disallowed_methods, reason = "nothing tells when a token expires")]
            sleep_until(self.look_at).await;
            self.look_at = Instant::now() + LOOK_INTERVAL;
            let renewed = self.locked.authenticator().renew(&self.pass);
            if let Err(refusal) = renewed.and_then(|pass| pass.require(self.scope)) {
                return refusal;
            }
        }
    }
}
