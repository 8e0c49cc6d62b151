//! A worker that was let in by a certificate: it may expire meanwhile, and its authority be replaced.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};
use tonic::Status;

use crate::tls::{NoLongerVouched, Shown};

/// How often it is looked: who stole an Envoy's key has it for so long at most.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Whoever showed a certificate, for as long as somebody vouches for it.
pub(super) struct Vouched {
    certificate: Arc<Shown>,
    look_at: Instant,
}

impl Vouched {
    pub(super) fn of(certificate: Arc<Shown>) -> Self {
        Self { certificate, look_at: Instant::now() + LOOK_INTERVAL }
    }

    /// Waits until nobody vouches for it, and says why. It may be dropped and called anew.
    pub(super) async fn ended(&mut self) -> NoLongerVouched {
        loop {
            #[expect(
                clippy::disallowed_methods,
                reason = "nothing tells when a certificate expires"
            )]
            sleep_until(self.look_at).await;
            self.look_at = Instant::now() + LOOK_INTERVAL;
            if let Err(why) = self.certificate.check() {
                return why;
            }
        }
    }
}

impl From<NoLongerVouched> for Status {
    fn from(why: NoLongerVouched) -> Self {
        Self::unauthenticated(why.to_string())
    }
}
