//! Looks at figures again and again, while somebody listens.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use limiter::{ClientId, UnixMillis};
use serde::Serialize;
use tokio::{
    task,
    time::{Instant, sleep},
};

use super::{
    Events, Topic, Wish,
    event::Body,
    failure::Failure,
    figures::{LimitTotals, Refused, json, of_clients, of_refusals},
    hub::Looked,
};
use crate::{
    ledger::{Look, Looks},
    limits::Group,
    rfc3339::rfc3339,
};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(500);

/// What part of one thread's time goes into looking at most, a twentieth: with very many clients it is
/// looked less often.
const SHARE: u32 = 20;

/// How often refusals are told.
const REFUSALS_INTERVAL: Duration = Duration::from_secs(1);

/// For how long it is looked though nobody listens: whoever comes back within it has missed nothing.
const LINGER: Duration = Duration::from_secs(30);

/// How many clients are told at one look; the others are told at the next ones.
const CLIENTS_A_LOOK: usize = 2_500;

/// How many limits are told in one event.
const LIMITS_IN_AN_EVENT: usize = 128;

/// What was seen so far.
struct Sampler {
    events: Arc<Events>,
    began: Instant,
    looks: Looks,
    looked: Looked,
    /// `None`: they were not looked at yet.
    limits: Option<HashMap<String, LimitTotals>>,
    refused: BTreeMap<ClientId, Refused>,
    refusals_told: Instant,
    control_planes: u64,
    store_away_since: Option<UnixMillis>,
    /// When somebody was last seen to listen.
    heard: Instant,
}

#[derive(Serialize)]
struct Limits<'a> {
    time: &'a str,
    limits: &'a [LimitTotals],
}

#[derive(Serialize)]
struct CameOrWent<'a> {
    time: &'a str,
    replicas: u64,
    before: u64,
}

/// Begins to look.
pub(super) fn start(events: Arc<Events>) {
    task::spawn(run(events));
}

async fn run(events: Arc<Events>) {
    let mut sampler = Sampler::new(&events);
    loop {
        let began = Instant::now();
        let looked = task::spawn_blocking(move || {
            sampler.look();
            sampler
        });
        let Ok(back) = looked.await else {
            // The process ends.
            return;
        };
        sampler = back;
        events.has_looked(sampler.looked);
        if sampler.heard.elapsed() >= LINGER && events.stop_looking() {
            return;
        }
        let rest = (began.elapsed() * (SHARE - 1)).max(INTERVAL.saturating_sub(began.elapsed()));
        #[expect(clippy::disallowed_methods, reason = "nothing tells when figures change")]
        sleep(rest).await;
    }
}

impl Sampler {
    fn new(events: &Arc<Events>) -> Self {
        let now = Instant::now();
        Self {
            events: Arc::clone(events),
            began: now,
            looks: Looks::default(),
            looked: Looked::default(),
            limits: None,
            refused: BTreeMap::new(),
            refusals_told: now,
            control_planes: events.ledger().control_planes(),
            store_away_since: None,
            heard: now,
        }
    }

    fn look(&mut self) {
        let wishes = self.events.wishes();
        if !wishes.is_empty() {
            self.heard = Instant::now();
        }
        let now = self.events.ledger().now();
        let time = rfc3339(now).unwrap_or_default();
        let has = |topic| wishes.iter().any(|wish: &Arc<Wish>| wish.has(topic));
        if wishes.iter().any(|wish| wish.is_of_clients()) {
            self.look_at_clients(&wishes, &time, (has(Topic::Clients), has(Topic::Refusals)));
        }
        self.look_at_limits(&time, has(Topic::Limits));
        self.look_at_replicas(&time);
        self.look_at_store(now);
        self.looked.around = true;
    }

    fn look_at_clients(
        &mut self,
        wishes: &[Arc<Wish>],
        time: &str,
        (figures, refusals): (bool, bool),
    ) {
        let wants = |id: &ClientId, group: Option<&Group>| {
            let of_clients = wishes.iter().filter(|wish| wish.is_of_clients());
            of_clients.into_iter().any(|wish| wish.filter.passes_client(id, group))
        };
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let look = self.events.ledger().look(&mut self.looks, at_ms, CLIENTS_A_LOOK, &wants);
        self.looked.at_clients = true;
        if figures {
            for event in of_clients(time, &look.changed, look.is_all) {
                self.events.publish(Topic::Clients, event);
            }
        }
        if refusals {
            self.note_refusals(&look);
            self.tell_refusals(time);
        }
    }

    /// There are no more clients among these than are looked at between two times that they are told.
    fn note_refusals(&mut self, look: &Look) {
        for client in look.changed.iter().filter(|client| client.since.refused() > 0) {
            self.refused.entry(client.now.config.id.clone()).or_default().add(client);
        }
        if look.denied > 0 {
            self.refused.entry(ClientId::unknown()).or_default().deny(look.denied, look.ms);
        }
    }

    fn tell_refusals(&mut self, time: &str) {
        if self.refusals_told.elapsed() < REFUSALS_INTERVAL {
            return;
        }
        self.refusals_told = Instant::now();
        for event in of_refusals(time, &std::mem::take(&mut self.refused)) {
            self.events.publish(Topic::Refusals, event);
        }
    }

    fn look_at_limits(&mut self, time: &str, is_wanted: bool) {
        let now = self.events.ledger().limit_snapshots();
        let now: HashMap<_, _> = now.iter().map(LimitTotals::from).map(named).collect();
        let before = self.limits.replace(now);
        let (Some(before), Some(now), true) = (before, &self.limits, is_wanted) else { return };
        let changed = now.iter().filter(|(name, limit)| before.get(*name) != Some(*limit));
        let mut changed: Vec<_> = changed.map(|(_, limit)| limit.clone()).collect();
        changed.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        for limits in changed.chunks(LIMITS_IN_AN_EVENT) {
            let json = json(&Limits { time, limits });
            self.events.publish(Topic::Limits, Body::One { about: None, json });
        }
    }

    fn look_at_replicas(&mut self, time: &str) {
        let replicas = self.events.ledger().control_planes();
        let before = std::mem::replace(&mut self.control_planes, replicas);
        if replicas != before {
            let json = json(&CameOrWent { time, replicas, before });
            self.events.publish(Topic::Replicas, Body::One { about: None, json });
        }
    }

    fn look_at_store(&mut self, now: UnixMillis) {
        let is_away = self.events.ledger().store_is_away();
        let failure = match (self.store_away_since, is_away) {
            (None, true) => {
                self.store_away_since = Some(now);
                Failure::over("store_away", now, None)
            }
            (Some(since), false) => {
                self.store_away_since = None;
                Failure::over("store_away", since, Some(now))
            }
            (None, false) | (Some(_), true) => return,
        };
        let json = json(&failure);
        self.events.publish(Topic::Failures, Body::One { about: None, json });
    }
}

fn named(limit: LimitTotals) -> (String, LimitTotals) {
    (limit.name.clone(), limit)
}
