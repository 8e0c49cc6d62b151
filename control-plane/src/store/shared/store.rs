//! A store that control planes share, as one of them uses it.

use std::sync::Arc;

use super::{
    Committer, Link, SharedConfiguration, TakenOver, Takeover, Unavailable, Value, WorkerName,
    client::{Client, Failure},
    takeover::whereabouts,
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
}

impl SharedStore {
    /// The store of these two, which reads over `link`.
    pub fn new(
        configuration: Arc<SharedConfiguration>,
        committer: Committer,
        link: Arc<Link>,
    ) -> Self {
        Self { configuration, committer, link, takeover: Arc::default() }
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
        self.ask(async |client: Client| self.takeover.of(&client, worker, by).await).await
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

    /// Tells what the control plane of this name counted of some clients or limits.
    pub async fn tell_tallies(
        &self,
        name: &[u8],
        told: Vec<(Arc<[u8]>, Vec<u8>)>,
    ) -> Result<(), Unavailable> {
        self.ask(async |client: Client| client.set_fields(name, &told).await).await
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
