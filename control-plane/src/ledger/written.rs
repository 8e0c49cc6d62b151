//! What is in the books, in the form in which it is written down.

use limiter::{Bucket, Charge, ClientId, Dimension, Level, Quota, Tokens, UnixMillis, Window};

use super::{
    RequestKind, Reservation, WorkerId,
    charges::{BucketKey, Charges},
    slots::Books,
};
use crate::store::state::{
    BucketLevel, BucketName, BucketRecord, ChargeRecord, LearnedRecord, OpenedKind, OpenedRecord,
    Record, TalliesRecord,
};

/// Says how a client's books stand, but for what it learned.
pub(super) fn push_books<'a>(books: &'a Books, push: &mut impl FnMut(&Record<'a>)) {
    let Some(client) = &books.client else { return };
    for (dimension, bucket) in books.balances.buckets() {
        let epoch = books.balances.epoch();
        if bucket.is_some() || epoch > 0 {
            let level = bucket.map(|bucket| written_level(bucket.level()));
            push(&Record::Bucket(BucketRecord { bucket: name(client, dimension), epoch, level }));
        }
    }
    let tallies = books.record.tallies();
    push(&Record::Tallies(TalliesRecord { client: client.as_str(), tallies }));
}

/// Says what a client's requests usually use.
pub(super) fn push_learned<'a>(books: &'a Books, push: &mut impl FnMut(&Record<'a>)) {
    if let (Some(client), Some((used, learned_at))) = (&books.client, books.record.learned()) {
        let (client, learned_at) = (client.as_str(), learned_at.0);
        push(&Record::Learned(LearnedRecord { client, used, learned_at }));
    }
}

/// Says what request `id` holds.
pub(super) fn opened<'a>(
    worker: WorkerId,
    id: u32,
    client: &'a ClientId,
    reservation: &Reservation,
) -> Record<'a> {
    let Charges { epoch, by_bucket } = &reservation.charges;
    let charges = by_bucket.iter().map(|(BucketKey::Own(dimension), charge)| ChargeRecord {
        bucket: name(client, *dimension),
        epoch: *epoch,
        tokens: charge.tokens().get(),
        burst: charge.burst().get(),
        revision: charge.revision(),
    });
    Record::Opened(OpenedRecord {
        worker: worker.0,
        id,
        client: client.as_str(),
        kind: match reservation.kind {
            RequestKind::Generates => OpenedKind::Generates,
            RequestKind::Reads => OpenedKind::Reads,
            RequestKind::Counts => OpenedKind::Counts,
        },
        reserved: reservation.reserved.get(),
        charges: charges.collect(),
    })
}

pub(super) fn kind(written: OpenedKind) -> RequestKind {
    match written {
        OpenedKind::Generates => RequestKind::Generates,
        OpenedKind::Reads => RequestKind::Reads,
        OpenedKind::Counts => RequestKind::Counts,
    }
}

/// The bucket that was at a level; `None`: there is no such.
pub(super) fn bucket(written: &BucketLevel) -> Option<Bucket> {
    let &BucketLevel { amount, burst, window_s, revision, whole, rest, refilled_at } = written;
    let window = Window::from_secs(window_s).ok()?;
    let quota = Quota::new(amount, window, Some(burst)).ok()?;
    let refilled_at = UnixMillis(refilled_at);
    Bucket::at(Level { quota, revision, whole, rest, refilled_at }).ok()
}

pub(super) fn charge(written: &ChargeRecord<'_>) -> Option<Charge> {
    let tokens = Tokens::new(written.tokens).ok()?;
    Some(Charge::of(tokens, written.burst.try_into().ok()?, written.revision))
}

/// Whose bucket it is, and for which limit.
pub(super) fn owner(bucket: BucketName<'_>) -> (&str, Dimension) {
    match bucket {
        BucketName::Rpm(client) => (client, Dimension::Rpm),
        BucketName::Tpm(client) => (client, Dimension::Tpm),
    }
}

fn name(client: &ClientId, dimension: Dimension) -> BucketName<'_> {
    match dimension {
        Dimension::Rpm => BucketName::Rpm(client.as_str()),
        Dimension::Tpm => BucketName::Tpm(client.as_str()),
    }
}

fn written_level(level: Level) -> BucketLevel {
    let Level { quota, revision, whole, rest, refilled_at } = level;
    BucketLevel {
        amount: quota.amount(),
        burst: quota.burst(),
        window_s: quota.window().secs(),
        revision,
        whole,
        rest,
        refilled_at: refilled_at.0,
    }
}
