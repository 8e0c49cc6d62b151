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
    Link,
    client::{ANSWER_TIMEOUT, Failure, SmallScript},
};

/// How often each says that it is there.
const INTERVAL: Duration = Duration::from_secs(1);

/// For how long it counts.
const COUNTS_MS: u32 = 10_000;

const KEY: &str = "control-planes";

/// The last count.
#[derive(Clone, Debug)]
pub(super) struct Presence(Arc<AtomicU64>);

impl Presence {
    /// Says again and again over `link` that this process is there, in the task that is handed out.
    pub(super) fn announce(link: Arc<Link>) -> (Self, impl Future<Output = ()> + Send) {
        let count = Arc::new(AtomicU64::new(1));
        let counted = Arc::clone(&count);
        let script = SmallScript::new(include_str!("presence.lua"));
        let name = random::<u128>().to_be_bytes().to_vec();
        let announce = async move {
            let mut times = interval(INTERVAL);
            times.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                times.tick().await;
                if let Ok(there) = say(&link, &script, &name).await {
                    counted.store(there.max(1), Ordering::Relaxed);
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
    let client = link.client().await?;
    let arguments = [name.to_vec(), COUNTS_MS.to_string().into_bytes()];
    let said = client.run_script(script, &[KEY], &arguments, ANSWER_TIMEOUT).await;
    if said.as_ref().is_err_and(Failure::is_of_the_connection) {
        link.has_broken().await;
    }
    let there = said?.into_integer().and_then(|there| u64::try_from(there).ok());
    there.ok_or(Failure::NotUnderstood("how many control planes there are"))
}
