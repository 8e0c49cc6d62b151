//! A worker of a history comes on another stream, to this or another control plane.

use std::collections::HashMap;

use fastrand::Rng;
use flowguard::store::shared::{TakenOver, Takeover, WorkerName, client::OpenRequest};

use crate::{chance::once_in, server::Server, world::World};

/// Now and then, and now and then too late: a later stream came before.
pub(crate) async fn take_over_a_worker(
    server: &Server,
    world: &mut World,
    chance: &mut Rng,
) -> Result<(), String> {
    if !once_in(chance, 4) {
        return Ok(());
    }
    let number = chance.usize(..world.workers.len());
    let key = world.worker_key(number);
    let name = [u8::try_from(number).expect("few"); 16];
    let name = [&world.number.to_le_bytes()[..], &name].concat();
    let name = *name.first_chunk().expect("16 bytes");
    let worker = &mut world.workers[number];
    let stream = if once_in(chance, 4) { worker.stream / 2 } else { worker.stream + 1 };
    let by = [b"this".as_slice(), b"another"][chance.usize(..2)].to_vec();
    let asked = WorkerName { key, name, stream };
    let taken = Takeover::default().of(&server.client, &asked, &by).await;
    let taken = taken.map_err(|failure| failure.to_string())?;
    let expected = (stream >= worker.fence).then(|| worker.is_with.clone());
    let before = taken.as_ref().map(|TakenOver { before, .. }| before.clone());
    if before != expected {
        return Err(format!("was with {before:?}, and should be {expected:?}"));
    }
    let Some(TakenOver { open, .. }) = taken else { return Ok(()) };
    worker.is_with = Some(by);
    worker.fence = stream;
    worker.stream = worker.stream.max(stream);
    are_open(open, world, number)
}

/// Whether these are the open requests of a worker.
pub(crate) fn are_open(open: Vec<OpenRequest>, world: &World, worker: usize) -> Result<(), String> {
    let open: HashMap<_, _> =
        open.into_iter().map(|OpenRequest { id, charged, note }| (id, (charged, note))).collect();
    let expected: HashMap<_, _> = world.workers[worker]
        .open
        .iter()
        .map(|(request, open)| (*request, (open.charged, open.note.clone())))
        .collect();
    if open == expected {
        Ok(())
    } else {
        Err(format!("open are {open:?}, and should be {expected:?}"))
    }
}
