//! What a bucket is called in the store: its name as it is written down everywhere, and what the store
//! has to be told of its limit.

use std::sync::Arc;

use limiter::{ClientId, Dimension, Quota};

use super::Replica;
use crate::{
    ledger::{
        Ledger,
        keys::Part,
        rules::{Found, InForce},
        shared::SharedName,
        written::{beside_name, own_name, shared_name},
    },
    store::{
        shared::{Exact, SharedConfiguration, Told},
        state::{BucketName, LimitBucketName},
    },
};

impl Replica {
    /// Of one of a client's own two limits.
    pub(super) fn own(
        &self,
        client: &ClientId,
        limit: Dimension,
        quota: Quota,
    ) -> (Arc<[u8]>, Told) {
        let told = told_of_own(&self.store.configuration, client.as_str(), limit);
        (key(&own_name(client, limit)), told.unwrap_or_else(|| undeclared(quota)))
    }

    /// Of a limit beside them, by what its bucket is called.
    fn of_limit(
        &self,
        name: LimitBucketName<'_>,
        quota: Option<Quota>,
    ) -> (Arc<[u8]>, Option<Told>) {
        let (epoch, told) = told_of_limit(&self.store.configuration, &name);
        let told = told.or_else(|| quota.map(undeclared));
        let bucket = key(&BucketName::Limit(name));
        match told {
            Some(told) => (bucket, Some(Told { epoch, ..told })),
            // Places have no numbers that change; what began anew has another name.
            None => ([&*bucket, &epoch.get().to_le_bytes()].concat().into(), None),
        }
    }
}

/// What the store is told of a client's own limit; `None`: nobody has declared it.
fn told_of_own(
    configuration: &SharedConfiguration,
    client: &str,
    limit: Dimension,
) -> Option<Told> {
    configuration.lineage_of_client(client)?.told(limit == Dimension::Tpm)
}

/// The same of a limit's bucket, and since when it is that bucket.
fn told_of_limit(
    configuration: &SharedConfiguration,
    name: &LimitBucketName<'_>,
) -> (Exact, Option<Told>) {
    let lineage = configuration.lineage_of_limit(name.limit.name);
    // Whatever begins anew, a client, a limit or a model, has new buckets.
    let of_client = name.client.and_then(|client| configuration.lineage_of_client(client));
    let of_model = name.model.and_then(|model| configuration.lineage_of_model(model));
    let epochs = [lineage, of_client, of_model].into_iter().flatten();
    let epoch = epochs.map(|lineage| lineage.epoch()).max().unwrap_or_default();
    (epoch, lineage.and_then(|lineage| lineage.told(name.trial)))
}

/// Where a bucket of a window stands that is written down, and what the store is told of it; `None`: it
/// is of nothing that is declared.
pub(super) fn declared_bucket(
    configuration: &SharedConfiguration,
    name: &BucketName<'_>,
) -> Option<(Arc<[u8]>, Told)> {
    let told = match name {
        BucketName::Rpm(client) => told_of_own(configuration, client, Dimension::Rpm)?,
        BucketName::Tpm(client) => told_of_own(configuration, client, Dimension::Tpm)?,
        BucketName::Limit(name) => {
            let (epoch, told) = told_of_limit(configuration, name);
            Told { epoch, ..told? }
        }
    };
    Some((key(name), told))
}

impl Ledger {
    /// The bucket of a limit that applies, in the store; `None`: the limit is no more.
    pub(super) fn stored_bucket(
        &self,
        replica: &Replica,
        client: &ClientId,
        (limit, found, part): (&InForce, Found, Part),
    ) -> Option<(Arc<[u8]>, Option<Told>)> {
        let quota = limit.measure(part)?.quota();
        match found {
            Found::Beside(key) => {
                let named = self.rules.named();
                Some(replica.of_limit(of_part(beside_name(&named, key, client)?, part), quota))
            }
            Found::Shared(key) => {
                let name = self.shared.books_of(key)?.name.clone()?;
                Some(replica.of_limit(of_part(shared_name(&name), part), quota))
            }
        }
    }
}

/// The same of a bucket that clients share and nobody has asked for yet.
pub(super) fn unmade_bucket(
    replica: &Replica,
    name: &SharedName,
    (limit, part): (&InForce, Part),
) -> Option<(Arc<[u8]>, Option<Told>)> {
    let quota = limit.measure(part)?.quota();
    Some(replica.of_limit(of_part(shared_name(name), part), quota))
}

fn of_part(name: LimitBucketName<'_>, part: Part) -> LimitBucketName<'_> {
    LimitBucketName { trial: part == Part::Trial, ..name }
}

/// Numbers that are the same everywhere, since they come from settings or files.
fn undeclared(quota: Quota) -> Told {
    Told { epoch: Exact::ZERO, revision: 0, since: Exact::ZERO, quota }
}

fn key(name: &BucketName<'_>) -> Arc<[u8]> {
    let mut key = b"b:".to_vec();
    // It writes to memory, and knows all that a name is made of.
    if let Ok(written) = postcard::to_extend(name, key.clone()) {
        key = written;
    }
    key.into()
}
