//! `flowguard data import` into a store that control planes share.

use std::{slice, sync::Arc};

use limiter::{ClientId, PerMinute, UnixMillis};

use super::{DataError, Source, import::read_source};
use crate::{
    backup::Counts,
    clients::{ClientConfig, Limits},
    ledger::{Ledger, ManualClock, MovedIn, Policy},
    store::{
        Edit,
        shared::{Import, Link},
        state::{BucketName, BucketRecord, Record},
    },
};

/// How many clients are read at a time.
const CLIENTS_AT_A_TIME: usize = 1_024;

/// Fills the space of these two links, which nobody has used, with a backup: control planes that start
/// with it go on as if they had been down since, and start with all of it or not at all.
pub async fn import_shared(
    source: &Source,
    (link, of_configuration): (Arc<Link>, Link),
    policy: Policy,
) -> Result<Counts, DataError> {
    // Whatever is wrong is told before anything is written.
    let restored = read_source(source)?;
    let ledger = &restored.ledger;
    let mut import = Import::begin(link, of_configuration).await?;
    configure(&mut import, ledger).await?;
    let unknown = Ledger::new(policy, ManualClock::at(UnixMillis(0))).unknown_config();
    import.declare(unknown.map(Edit::PutClient)).await?;
    let times = (restored.at, import.now());

    let moved = |records: &[Record<'_>], import: &Import| {
        MovedIn::of(records, import.configuration(), times)
    };
    let mut after = None;
    loop {
        let read = |config: &ClientConfig, records: &[Record<'_>]| {
            (config.id.clone(), moved(records, &import))
        };
        let clients = ledger.recorded_after(after.as_ref(), CLIENTS_AT_A_TIME, read);
        let Some((last, _)) = clients.last() else { break };
        after = Some(last.clone());
        for (_, MovedIn { buckets, counted }) in clients {
            import.put(buckets, counted).await?;
        }
    }
    let mut of_all = Vec::new();
    of_all.extend(ledger.recorded_unknown(|records| moved(records, &import)));
    ledger.recorded_shared(|record| of_all.push(moved(slice::from_ref(record), &import)));
    for MovedIn { buckets, counted } in of_all {
        import.put(buckets, counted).await?;
    }
    import.finish().await?;
    Ok(restored.counts)
}

/// Stores what is configured.
async fn configure(import: &mut Import, ledger: &Ledger) -> Result<(), DataError> {
    for (name, patterns) in ledger.models().to_map() {
        import.configure([Edit::PutModel(name, patterns)]).await?;
    }
    for limit in ledger.limits() {
        import.configure([Edit::PutLimit(limit)]).await?;
    }
    for (token, _) in ledger.tokens().all() {
        import.configure([Edit::PutToken(token)]).await?;
    }
    let mut after: Option<ClientId> = None;
    loop {
        let clients = ledger.recorded_after(after.as_ref(), CLIENTS_AT_A_TIME, put_client);
        let Some((last, _)) = clients.last() else { return Ok(()) };
        after = Some(last.clone());
        for (id, edits) in clients {
            import.configure(edits).await?;
            let keys = ledger.keys().of(id.as_str()).into_iter();
            import.configure(keys.map(|(key, _)| Edit::PutKey(key))).await?;
        }
    }
}

/// A client; where it has a bucket of a limit that is not in force any more, that limit first: the bucket
/// goes on where it is when the limit comes back.
fn put_client(config: &ClientConfig, records: &[Record<'_>]) -> (ClientId, Vec<Edit>) {
    let mut limits = config.limits;
    for record in records {
        let Record::Bucket(BucketRecord { bucket, level: Some(level), .. }) = record else {
            continue;
        };
        let Limits { rpm, tpm } = &mut limits;
        let limit = match bucket {
            BucketName::Rpm(_) => rpm,
            BucketName::Tpm(_) => tpm,
            BucketName::Limit(_) => continue,
        };
        if limit.is_none() {
            *limit = PerMinute::new(level.amount).ok();
        }
    }
    let mut edits = Vec::with_capacity(1);
    if limits != config.limits {
        edits.push(Edit::PutClient(ClientConfig { limits, ..config.clone() }));
    }
    edits.push(Edit::PutClient(config.clone()));
    (config.id.clone(), edits)
}
