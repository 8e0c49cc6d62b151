//! Which control planes share the store, as far as they say so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::random;
use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::{info, warn};

use super::{
    Link, StoreMetrics,
    client::{Client, Failure, Found, SmallScript},
    keys::{KNOWN_MS, PRESENCE_KEY, PRESENCE_MS},
};

/// How often each says that it is there.
const INTERVAL: Duration = Duration::from_secs(1);

/// Every so many times the store is also asked how it is run: anybody may change that while it runs.
const SERVER_EVERY: u64 = 10;

/// How long the end of this process waits until the others know of it. They know it anyway, later.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// This process among those that share the store.
#[derive(Clone, Debug)]
pub struct Presence(Arc<Inner>);

/// As whom a process tells what it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: Arc<[u8]>,
    /// How many names it had before, which the store has forgotten.
    pub names_before: u64,
}

#[derive(Debug)]
struct Inner {
    link: Arc<Link>,
    script: SmallScript,
    there: Mutex<There>,
    /// Known to those as well who do not wait until something was said.
    name: Arc<parking_lot::Mutex<Name>>,
    /// The last count.
    count: AtomicU64,
    /// What the store throws away when its memory is full; `None`: nothing.
    evicts: watch::Sender<Option<String>>,
}

/// What the store knows of this process. Nothing is said in its name but by who has the lock.
#[derive(Debug)]
pub(super) struct There {
    name: Arc<parking_lot::Mutex<Name>>,
    /// Whether the store has heard the name.
    pub(super) is_known: bool,
    pub(super) has_left: bool,
}

impl There {
    pub(super) fn name(&self) -> Name {
        self.name.lock().clone()
    }

    /// The store knows the name no more. What others made of what was said in it can't be known, so that it
    /// is not used again.
    pub(super) fn take_another_name(&mut self) {
        let name = &mut *self.name.lock();
        *name = Name { name: new_name(), names_before: name.names_before + 1 };
        self.is_known = false;
    }
}

fn new_name() -> Arc<[u8]> {
    random::<u128>().to_be_bytes().into()
}

impl Presence {
    /// Says again and again over `link` that this process is there, in the task that is handed out.
    pub(super) fn announce(
        link: Arc<Link>,
        metrics: StoreMetrics,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        metrics.control_planes.set(1);
        let name = Name { name: new_name(), names_before: 0 };
        let name = Arc::new(parking_lot::Mutex::new(name));
        let there = There { name: Arc::clone(&name), is_known: false, has_left: false };
        let presence = Self(Arc::new(Inner {
            link,
            script: SmallScript::new(include_str!("presence.lua")),
            there: Mutex::new(there),
            name,
            count: AtomicU64::new(1),
            evicts: watch::Sender::default(),
        }));
        let said = presence.clone();
        let announce = async move {
            let mut times = interval(INTERVAL);
            times.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut looked_at = 0;
            for time in 0_u64.. {
                times.tick().await;
                if let Ok(there) = said.say().await {
                    said.0.count.store(there, Ordering::Relaxed);
                    metrics.control_planes.set(i64::try_from(there).unwrap_or(i64::MAX));
                    let Ok((_, connection)) = said.0.link.numbered().await else { continue };
                    // Over another connection it may be another server.
                    let is_due = connection != looked_at || time.is_multiple_of(SERVER_EVERY);
                    if is_due && said.look_at_server(&metrics).await.is_ok() {
                        looked_at = connection;
                    }
                }
            }
        };
        (presence, announce)
    }

    /// How many there were when the store last answered, this one among them.
    pub(super) fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// As whom this process tells what it counts.
    pub(super) fn name(&self) -> Name {
        self.0.name.lock().clone()
    }

    /// What the store knows of this process, for somebody who says something in its name.
    pub(super) async fn there(&self) -> MutexGuard<'_, There> {
        self.0.there.lock().await
    }

    /// Says that this process is there no more, after which nothing is said in its name: the others divide
    /// by one less at once.
    pub async fn leave(&self) {
        let leave = async {
            let mut there = self.there().await;
            there.has_left = true;
            let Name { name, .. } = there.name();
            let forget = async |client: Client| client.remove_member(PRESENCE_KEY, &name).await;
            let _ = self.0.link.ask(forget).await;
        };
        let _ = timeout(LEAVE_TIMEOUT, leave).await;
    }

    async fn say(&self) -> Result<u64, Failure> {
        let mut there = self.there().await;
        if there.has_left {
            return Ok(self.count());
        }
        loop {
            let known = if there.is_known { b"1".to_vec() } else { Vec::new() };
            let [counts_ms, known_ms] = [PRESENCE_MS, KNOWN_MS].map(|ms| ms.to_string().into());
            let arguments = [there.name().name.to_vec(), counts_ms, known_ms, known];
            let run = async |client: Client| {
                client.run_script(&self.0.script, &[PRESENCE_KEY], &arguments).await
            };
            match self.0.link.ask(run).await? {
                Found::Nothing if there.is_known => there.take_another_name(),
                found => {
                    there.is_known = true;
                    let count = found.into_integer().and_then(|count| u64::try_from(count).ok());
                    let count =
                        count.ok_or(Failure::NotUnderstood("how many control planes there are"))?;
                    return Ok(count.max(1));
                }
            }
        }
    }

    /// What the store throws away when its memory is full, and each change of that; `None`: nothing.
    pub fn evicts(&self) -> watch::Receiver<Option<String>> {
        self.0.evicts.subscribe()
    }

    async fn look_at_server(&self, metrics: &StoreMetrics) -> Result<(), Failure> {
        let server = self.0.link.ask(async |client: Client| client.server().await).await?;
        metrics.replicas.set(i64::try_from(server.replicas).unwrap_or(i64::MAX));
        let now = (!server.keeps_all()).then_some(server.maxmemory_policy);
        self.0.evicts.send_if_modified(|evicts| {
            if *evicts == now {
                return false;
            }
            if let Some(policy) = &now {
                warn!(
                    "the shared store throws away what clients have spent when memory is short \
                     (maxmemory-policy {policy}): set it to noeviction"
                );
            } else {
                info!("the shared store throws nothing away any more");
            }
            *evicts = now;
            true
        });
        Ok(())
    }
}
