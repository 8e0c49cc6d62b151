//! How many control planes share the store, as far as they say so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::random;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Link, StoreMetrics,
    client::{Client, Failure, SmallScript},
    keys::{PRESENCE_KEY, PRESENCE_MS},
};

/// How often each says that it is there.
const INTERVAL: Duration = Duration::from_secs(1);

/// Every so many times it is also asked how many replicas it has.
const REPLICAS_EVERY: u64 = 10;

/// The last count.
#[derive(Clone, Debug)]
pub(super) struct Presence(Arc<AtomicU64>);

impl Presence {
    /// Says again and again over `link` that this process is there, in the task that is handed out.
    pub(super) fn announce(
        link: Arc<Link>,
        metrics: StoreMetrics,
    ) -> (Self, impl Future<Output = ()> + Send) {
        metrics.control_planes.set(1);
        let count = Arc::new(AtomicU64::new(1));
        let counted = Arc::clone(&count);
        let script = SmallScript::new(include_str!("presence.lua"));
        let name = random::<u128>().to_be_bytes().to_vec();
        let announce = async move {
            let mut times = interval(INTERVAL);
            times.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for time in 0_u64.. {
                times.tick().await;
                if let Ok(there) = say(&link, &script, &name).await {
                    counted.store(there.max(1), Ordering::Relaxed);
                    metrics.control_planes.set(i64::try_from(there.max(1)).unwrap_or(i64::MAX));
                    if time.is_multiple_of(REPLICAS_EVERY) {
                        look_for_replicas(&link, &metrics).await;
                    }
                }
            }
        };
        (Self(count), announce)
    }

    /// How many there were when the store last answered, this one among them.
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

async fn say(link: &Link, script: &SmallScript, name: &[u8]) -> Result<u64, Failure> {
    let arguments = [name.to_vec(), PRESENCE_MS.to_string().into_bytes()];
    let run = async |client: Client| client.run_script(script, &[PRESENCE_KEY], &arguments).await;
    let there = link.ask(run).await?.into_integer().and_then(|there| u64::try_from(there).ok());
    there.ok_or(Failure::NotUnderstood("how many control planes there are"))
}

/// How many replicas the store has, as far as it can be asked at the moment.
async fn look_for_replicas(link: &Link, metrics: &StoreMetrics) {
    if let Ok(server) = link.ask(async |client: Client| client.server().await).await {
        metrics.replicas.set(i64::try_from(server.replicas).unwrap_or(i64::MAX));
    }
}
