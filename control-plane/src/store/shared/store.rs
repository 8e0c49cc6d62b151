//! A store that control planes share, as one of them uses it.

use std::{collections::HashSet, sync::Arc};

use super::{
    Committer, Link, Looked, Name, SharedConfiguration, TakenOver, Takeover, Unavailable, Value,
    WorkerName,
    client::{Client, Failure},
    counted::{self, Counted},
    keys::PRESENCE_KEY,
    look::Look,
    sweep::Sweep,
    takeover::whereabouts,
    value::Told,
};

/// What is configured there, and what is left of limits.
#[derive(Clone, Debug)]
pub struct SharedStore {
    /// What is configured.
    pub configuration: Arc<SharedConfiguration>,
    /// What is left.
    pub committer: Committer,
    link: Arc<Link>,
    takeover: Arc<Takeover>,
    counted: Arc<Counted>,
    sweep: Arc<Sweep>,
    look: Arc<Look>,
}

impl SharedStore {
    /// The store of these two, which reads over `link`.
    pub fn new(
        configuration: Arc<SharedConfiguration>,
        committer: Committer,
        link: Arc<Link>,
    ) -> Self {
        Self {
            configuration,
            committer,
            link,
            takeover: Arc::default(),
            counted: Arc::default(),
            sweep: Arc::default(),
            look: Arc::default(),
        }
    }

    /// The connection over which it reads.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Takes over what a worker has open for the control plane of this name, to which it has come. `None`:
    /// it has come on a later stream already, here or elsewhere.
    pub async fn take_over(
        &self,
        worker: &WorkerName,
        by: &[u8],
    ) -> Result<Option<TakenOver>, Unavailable> {
        let take_over = async |client: Client| {
            let taken_over = self.takeover.of(&client, worker, by).await;
            match &taken_over {
                Ok(_) => self.committer.reads(&[&whereabouts(worker), &worker.key]),
                Err(Failure::Unreadable(keys)) if *keys == [1] => {
                    self.committer.cannot_read(&whereabouts(worker));
                }
                Err(Failure::Unreadable(_) | Failure::NotUnderstood(_)) => {
                    self.committer.cannot_read(&worker.key);
                }
                Err(_) => {}
            }
            taken_over
        };
        self.ask(take_over).await
    }

    /// To which control plane a worker came last, that has been at one before.
    pub async fn worker_is_with(
        &self,
        worker: &WorkerName,
    ) -> Result<Option<Vec<u8>>, Unavailable> {
        let keys = [whereabouts(worker).into()];
        Ok(self.ask(async |client: Client| client.values(&keys).await).await?.pop().flatten())
    }

    /// Buckets as they stood when each was charged last; `None`: it never was.
    pub async fn values(&self, keys: Vec<Arc<[u8]>>) -> Result<Vec<Option<Value>>, Unavailable> {
        let values = self.ask(async |client: Client| client.values(&keys).await).await?;
        let read = values.into_iter().map(|value| match value {
            Some(value) => Value::try_from(&*value).map(Some).map_err(|_| Unavailable),
            None => Ok(None),
        });
        read.collect()
    }

    /// How these buckets, each with what is known of its limit, and these places stand at one moment, as
    /// who decides now would find them.
    pub async fn look(
        &self,
        buckets: &[(Arc<[u8]>, Told)],
        places: &[Arc<[u8]>],
    ) -> Result<Looked, Unavailable> {
        let untold = |key: &[u8]| self.committer.untold(key);
        self.ask(async |client: Client| self.look.at(&client, buckets, places, untold).await).await
    }

    /// How many places are taken of each of these.
    pub async fn places_taken(&self, keys: Vec<Arc<[u8]>>) -> Result<Vec<u64>, Unavailable> {
        self.ask(async |client: Client| client.places_taken(&keys).await).await
    }

    /// What each control plane told that it counted of each of these clients or limits.
    pub async fn tallies(
        &self,
        keys: Vec<Arc<[u8]>>,
    ) -> Result<Vec<Vec<(Vec<u8>, Vec<u8>)>>, Unavailable> {
        self.ask(async |client: Client| client.hashes(&keys).await).await
    }

    /// How many control planes there were when the store last answered, this one among them.
    pub fn control_planes(&self) -> u64 {
        self.committer.presence().count()
    }

    /// As whom this process tells what it counts.
    pub fn name(&self) -> Name {
        self.committer.presence().name()
    }

    /// Tells what this process counted of some clients or limits since it has this name; whether it was
    /// told: by another name it has to begin anew.
    pub async fn tell_tallies(
        &self,
        by: &Name,
        told: Vec<(Arc<[u8]>, Vec<u8>)>,
    ) -> Result<bool, Unavailable> {
        if told.is_empty() {
            return Ok(true);
        }
        let mut there = self.committer.presence().there().await;
        if there.has_left {
            return Err(Unavailable);
        }
        if there.name() != *by {
            return Ok(false);
        }
        self.ask(async |client: Client| self.counted.tell(&client, &mut there, told).await).await
    }

    /// Puts one sum in place of what several told who are gone; whether it did.
    pub async fn add_up(
        &self,
        hash: &[u8],
        told: &[counted::Told],
        sum: &[u8],
    ) -> Result<bool, Unavailable> {
        let add_up = async |client: Client| self.counted.add_up(&client, hash, told, sum).await;
        self.ask(add_up).await
    }

    /// Which control planes are known: all that are there, and those that may come back.
    pub async fn known(&self) -> Result<HashSet<Vec<u8>>, Unavailable> {
        self.ask(async |client: Client| client.members(PRESENCE_KEY).await).await
    }

    /// Looks at some further keys, and removes what can matter no more. Handed out is where something stands
    /// that was counted.
    pub async fn sweep(&self) -> Result<Vec<Arc<[u8]>>, Unavailable> {
        self.ask(async |client: Client| self.sweep.step(&client).await).await
    }

    /// Has something read or told over the connection, within a time.
    async fn ask<T>(
        &self,
        ask: impl AsyncFnOnce(Client) -> Result<T, Failure>,
    ) -> Result<T, Unavailable> {
        // Nobody waits for a store that is away.
        if self.committer.is_away() {
            return Err(Unavailable);
        }
        self.link.ask(ask).await.map_err(|_| Unavailable)
    }
}
