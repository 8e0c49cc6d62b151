//! A store that control planes share, as one of them uses it.

use std::sync::Arc;

use super::{Committer, Link, SharedConfiguration, Unavailable, Value, WorkerName, client::Client};

/// What is configured there, and what is left of limits.
#[derive(Clone, Debug)]
pub struct SharedStore {
    /// What is configured.
    pub configuration: Arc<SharedConfiguration>,
    /// What is left.
    pub committer: Committer,
    link: Arc<Link>,
}

/// For how long it is known with whom a worker is: for longer than anybody waits for one to come back.
const WHEREABOUTS_MS: u64 = 2 * 3_600_000;

/// Where it stands with which control plane a worker is.
fn whereabouts(worker: &WorkerName) -> Vec<u8> {
    [&b"at:"[..], &worker.name].concat()
}

impl SharedStore {
    /// The store of these two, which reads over `link`.
    pub fn new(
        configuration: Arc<SharedConfiguration>,
        committer: Committer,
        link: Arc<Link>,
    ) -> Self {
        Self { configuration, committer, link }
    }

    /// A worker's open requests: their numbers, which of their demands were charged, and what was noted.
    pub async fn open_requests(
        &self,
        worker: &WorkerName,
    ) -> Result<Vec<(u32, u16, Vec<u8>)>, Unavailable> {
        let open = async |client: Client| client.open_requests(&worker.key).await;
        self.link.ask(open).await.map_err(|_| Unavailable)
    }

    /// Notes that a worker came to the control plane of this name, and tells to which one it came
    /// before, if to any.
    pub async fn worker_comes(
        &self,
        worker: &WorkerName,
        to: &[u8],
    ) -> Result<Option<Vec<u8>>, Unavailable> {
        let key = whereabouts(worker);
        let before = async |client: Client| client.replace(&key, to, WHEREABOUTS_MS).await;
        self.link.ask(before).await.map_err(|_| Unavailable)
    }

    /// To which control plane a worker came last, that has been at one before.
    pub async fn worker_is_with(
        &self,
        worker: &WorkerName,
    ) -> Result<Option<Vec<u8>>, Unavailable> {
        let keys = [whereabouts(worker).into()];
        let values = self.link.ask(async |client: Client| client.values(&keys).await).await;
        Ok(values.map_err(|_| Unavailable)?.pop().flatten())
    }

    /// Buckets as they stood when each was charged last; `None`: it never was.
    pub async fn values(&self, keys: Vec<Arc<[u8]>>) -> Result<Vec<Option<Value>>, Unavailable> {
        let values = self.link.ask(async |client: Client| client.values(&keys).await).await;
        let read = values.map_err(|_| Unavailable)?.into_iter().map(|value| match value {
            Some(value) => Value::try_from(&*value).map(Some).map_err(|_| Unavailable),
            None => Ok(None),
        });
        read.collect()
    }

    /// How many places are taken of each of these.
    pub async fn places_taken(&self, keys: Vec<Arc<[u8]>>) -> Result<Vec<u64>, Unavailable> {
        let taken = self.link.ask(async |client: Client| client.places_taken(&keys).await).await;
        taken.map_err(|_| Unavailable)
    }

    /// What each control plane told that it counted of each of these clients.
    pub async fn tallies(
        &self,
        keys: Vec<Arc<[u8]>>,
    ) -> Result<Vec<Vec<(Vec<u8>, Vec<u8>)>>, Unavailable> {
        let told = self.link.ask(async |client: Client| client.hashes(&keys).await).await;
        told.map_err(|_| Unavailable)
    }

    /// Tells what the control plane of this name counted of some clients.
    pub async fn tell_tallies(
        &self,
        name: &[u8],
        told: Vec<(Arc<[u8]>, Vec<u8>)>,
    ) -> Result<(), Unavailable> {
        let told = self.link.ask(async |client: Client| client.set_fields(name, &told).await).await;
        told.map_err(|_| Unavailable)
    }
}
