//! A worker comes to a control plane on another stream, and its open requests with it.

use super::{
    WorkerName,
    client::{Client, Failure, Found, OpenRequest, SmallScript},
};

/// For how long it is known with whom a worker is: for longer than anybody waits for one to come back.
const WHEREABOUTS_MS: u32 = 2 * 3_600_000;

/// For how long the open requests of a worker are kept that asks nothing more.
const OPEN_MS: u32 = 86_400_000;

/// What was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// With which control plane the worker was before; `None`: with none that is known.
    pub before: Option<Vec<u8>>,
    /// What it has open.
    pub open: Vec<OpenRequest>,
}

/// Takes over.
#[derive(Debug)]
pub struct Takeover(SmallScript);

impl Default for Takeover {
    fn default() -> Self {
        Self(SmallScript::new(include_str!("takeover.lua")))
    }
}

impl Takeover {
    /// Takes over a worker on its newest stream for the control plane of this name. From now on nothing is
    /// decided that was asked on a stream before. `None`: it has come on a later one already, wherever
    /// that is.
    pub async fn of(
        &self,
        client: &Client,
        worker: &WorkerName,
        by: &[u8],
    ) -> Result<Option<TakenOver>, Failure> {
        let keys = [&whereabouts(worker), &*worker.key];
        let kept = [WHEREABOUTS_MS, OPEN_MS].map(|ms| ms.to_string().into_bytes());
        let [whereabouts, open] = kept;
        let stream = worker.stream().double().to_le_bytes().to_vec();
        let arguments = [stream, by.to_vec(), whereabouts, open];
        let not_understood = Failure::NotUnderstood("what a worker has open");
        match client.run_script(&self.0, &keys, &arguments).await? {
            Found::Nothing => Ok(None),
            Found::List(parts) => read(parts).map(Some).ok_or(not_understood),
            Found::Integer(_) | Found::Bytes(_) => Err(not_understood),
        }
    }
}

/// Where it stands with which control plane a worker is.
pub(super) fn whereabouts(worker: &WorkerName) -> Vec<u8> {
    [&b"at:"[..], &worker.name].concat()
}

fn read(parts: Vec<Found>) -> Option<TakenOver> {
    let [before, open] = <[Found; 2]>::try_from(parts).ok()?;
    let before = Some(before.into_bytes()?).filter(|before| !before.is_empty());
    let mut fields = open.into_list()?.into_iter();
    let mut open = Vec::new();
    while let Some(name) = fields.next() {
        let (name, value) = (name.into_bytes()?, fields.next()?.into_bytes()?);
        if !name.is_empty() {
            open.push(OpenRequest::read(&name, &value)?);
        }
    }
    Some(TakenOver { before, open })
}
