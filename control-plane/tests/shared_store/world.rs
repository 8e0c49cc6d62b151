//! What a history knows beside the server: limits and what became of them, and what is open.

use std::collections::HashMap;

use fastrand::Rng;
use flowguard::store::shared::{Charged, Exact, Told, Value};

use crate::{
    chance::{once_in, pause_ms, quota},
    places::ModelPlaces,
};

/// A day in 2023.
const START: u64 = 1_700_000_000_000;

pub(crate) struct World {
    pub(crate) number: usize,
    pub(crate) now: u64,
    pub(crate) limits: Vec<ModelLimit>,
    pub(crate) places: Vec<ModelPlaces>,
    pub(crate) workers: Vec<ModelWorker>,
    /// Ends that were told, which are told again.
    pub(crate) told_ends: Vec<(usize, u32, Vec<Option<Holding>>)>,
}

/// One limit and its bucket in the store.
pub(crate) struct ModelLimit {
    /// What it was and is; the last one is in force.
    pub(crate) told: Vec<Told>,
    /// What the store has of it, which is one of these: what changes nothing need not be written.
    pub(crate) stored: Vec<Option<Value>>,
    /// All that was ever seen of it.
    pub(crate) seen: Vec<Value>,
}

#[derive(Default)]
pub(crate) struct ModelWorker {
    pub(crate) calls: u64,
    pub(crate) next_request: u32,
    /// The number of its stream, and of the newest one that was taken over.
    pub(crate) stream: u64,
    pub(crate) fence: u64,
    /// With which control plane it is.
    pub(crate) is_with: Option<Vec<u8>>,
    pub(crate) open: HashMap<u32, Open>,
}

/// An open request.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) charged: u16,
    pub(crate) note: Vec<u8>,
    pub(crate) holdings: Vec<Option<Holding>>,
}

/// What it holds of one limit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holding {
    Tokens { limit: usize, charged: Charged },
    Place { places: usize },
}

impl World {
    pub(crate) fn new(number: usize, chance: &mut Rng) -> Self {
        let limits = (0..chance.usize(1..=6)).map(|_| ModelLimit {
            told: vec![Told {
                epoch: exact(chance.u64(..3)),
                revision: chance.u32(..3),
                since: exact(START),
                quota: quota(chance),
            }],
            stored: vec![None],
            seen: Vec::new(),
        });
        Self {
            number,
            now: START,
            limits: limits.collect(),
            places: (0..2).map(|_| ModelPlaces::default()).collect(),
            workers: (0..3).map(|_| ModelWorker::default()).collect(),
            told_ends: Vec::new(),
        }
    }

    /// Time passes, and limits change.
    pub(crate) fn go_on(&mut self, chance: &mut Rng) {
        self.now = self.now.saturating_add_signed(pause_ms(chance));
        let now = self.now;
        for limit in &mut self.limits {
            let last = limit.last();
            if once_in(chance, 8) {
                let ago = chance.u64(..90_000);
                let since = if once_in(chance, 20) { now + ago } else { now - ago };
                let raised = if once_in(chance, 4) { 2 } else { 1 };
                let revision = last.revision + raised;
                let quota = if once_in(chance, 10) { last.quota } else { quota(chance) };
                limit.told.push(Told { revision, since: exact(since), quota, ..last });
            } else if once_in(chance, 40) {
                // A reset, or another limit of the same name.
                let epoch = exact(last.epoch.get() + 1);
                let told = if chance.bool() {
                    Told { epoch, ..last }
                } else {
                    Told { epoch, revision: 0, since: exact(now), quota: quota(chance) }
                };
                limit.told.push(told);
            }
        }
    }

    /// How many places of these a worker's open requests hold.
    pub(crate) fn held(&self, worker: usize, places: usize) -> u32 {
        let open = self.workers[worker].open.values();
        let holdings = open.flat_map(|open| open.holdings.iter().flatten());
        let held = holdings
            .filter(|holding| matches!(holding, Holding::Place { places: of } if *of == places));
        u32::try_from(held.count()).expect("few")
    }

    pub(crate) fn bucket_key(&self, limit: usize) -> Vec<u8> {
        format!("bucket:{}:{limit}", self.number).into_bytes()
    }

    pub(crate) fn places_key(&self, places: usize) -> Vec<u8> {
        format!("places:{}:{places}", self.number).into_bytes()
    }

    pub(crate) fn worker_key(&self, worker: usize) -> Vec<u8> {
        format!("open:{}:{worker}", self.number).into_bytes()
    }
}

impl ModelLimit {
    pub(crate) fn last(&self) -> Told {
        *self.told.last().expect("it began with one")
    }

    /// What somebody knows of it, who may not have read the latest write.
    pub(crate) fn known(&self, chance: &mut Rng) -> Told {
        if once_in(chance, 8) { self.told[chance.usize(..self.told.len())] } else { self.last() }
    }
}

pub(crate) fn exact(number: u64) -> Exact {
    Exact::try_from(number).expect("below 2^53")
}

pub(crate) fn worker_name(worker: usize) -> Vec<u8> {
    format!("worker {worker}").into_bytes()
}
