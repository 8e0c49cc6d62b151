//! What is in the books, in the form in which it is written down.

use std::num::NonZeroU64;

use limiter::{Bucket, Charge, ClientId, Dimension, Level, Quota, Tokens, UnixMillis, Window};
use smallvec::SmallVec;

use super::{
    RequestKind, Reservation, WorkerId,
    charges::{Charges, Held},
    keys::{BesideKey, BucketKey, Part},
    record::LimitCount,
    rules::Named,
    shared::{SharedBooks, SharedBuckets, SharedName},
    slots::Books,
    stock::{Stock, Stocks},
};
use crate::{
    limits::{Group, Limit, ModelName, Name},
    store::state::{
        BucketLevel, BucketName, BucketRecord, ChargeRecord, LearnedRecord, LimitBucketName,
        LimitId, LimitTalliesRecord, LimitTally, OpenedKind, OpenedRecord, Record, TalliesRecord,
    },
};

/// Says how a client's books stand, but for what it learned.
pub(super) fn push_books<'a>(
    books: &'a Books,
    named: &'a Named,
    push: &mut impl FnMut(&Record<'a>),
) {
    let Some(client) = books.configured() else { return };
    let epoch = books.balances.epoch();
    for (dimension, bucket) in books.balances.buckets() {
        if bucket.is_some() || epoch > 0 {
            let level = bucket.map(|bucket| written_level(bucket.level()));
            push(&Record::Bucket(BucketRecord {
                bucket: own_name(client, dimension),
                epoch,
                level,
            }));
        }
    }
    for (key, stocks) in books.balances.beside.iter() {
        if let Some(name) = beside_name(named, key, client) {
            push_stocks(stocks, name, epoch, push);
        }
    }
    let (client, record) = (client.as_str(), &books.record);
    push(&Record::Tallies(TalliesRecord { client, tallies: record.tallies() }));
    if let Some((dropped, by_limit)) = record.beside() {
        let limits = by_limit.filter_map(|(number, count)| {
            let limit = limit_id(&named.limit(number)?.config);
            let LimitCount { refused, would_refuse } = count;
            Some(LimitTally { limit, refused, would_refuse })
        });
        let limits = limits.collect();
        push(&Record::LimitTallies(LimitTalliesRecord { client, dropped, limits }));
    }
}

/// Says how a bucket stands that clients share.
pub(super) fn push_shared<'a>(books: &'a SharedBooks, push: &mut impl FnMut(&Record<'a>)) {
    let Some(name) = &books.name else { return };
    push_stocks(&books.stocks, shared_name(name), 0, push);
}

fn push_stocks<'a>(
    stocks: &Stocks,
    name: LimitBucketName<'a>,
    epoch: u32,
    push: &mut impl FnMut(&Record<'a>),
) {
    for (part, trial) in [(Part::Main, false), (Part::Trial, true)] {
        if let Some(bucket) = stocks.get(part).and_then(Stock::bucket) {
            let level = Some(written_level(bucket.level()));
            let bucket = BucketName::Limit(LimitBucketName { trial, ..name });
            push(&Record::Bucket(BucketRecord { bucket, epoch, level }));
        }
    }
}

/// What a bucket is called that clients share.
pub(super) fn shared_name(name: &SharedName) -> LimitBucketName<'_> {
    LimitBucketName {
        limit: LimitId { name: name.limit.as_str(), kind: name.kind },
        client: None,
        group: name.group.as_ref().map(Group::as_str),
        plan: name.plan.as_ref().map(Name::as_str),
        model: name.model.as_ref().map(ModelName::as_str),
        trial: false,
    }
}

/// Says what a client's requests usually use.
pub(super) fn push_learned<'a>(books: &'a Books, push: &mut impl FnMut(&Record<'a>)) {
    if let (Some(client), Some((used, learned_at))) = (books.configured(), books.record.learned()) {
        let (client, learned_at) = (client.as_str(), learned_at.0);
        push(&Record::Learned(LearnedRecord { client, used, learned_at }));
    }
}

/// Says what request `id` holds. A bucket whose limit is no more is not among it.
pub(super) fn push_opened(
    (worker, id): (WorkerId, u32),
    client: &ClientId,
    reservation: &Reservation,
    (named, shared): (&Named, &SharedBuckets),
    push: impl FnOnce(&Record<'_>),
) {
    let Charges { epoch, beside, .. } = &reservation.charges;
    let of_shared: SmallVec<[Option<SharedName>; 4]> = beside
        .iter()
        .map(|(key, _)| match key {
            BucketKey::Shared(key, _) => shared.books_of(*key)?.name.clone(),
            BucketKey::Beside(..) => None,
        })
        .collect();
    let own = reservation.charges.own();
    let own = own.map(|(dimension, held)| charged(own_name(client, dimension), *epoch, &held));
    let beside = beside.iter().zip(&of_shared).filter_map(|((key, held), shared)| {
        let (bucket, epoch) = match key {
            BucketKey::Beside(key, part) => {
                (limit_bucket(beside_name(named, *key, client)?, *part), *epoch)
            }
            BucketKey::Shared(_, part) => (limit_bucket(shared_name(shared.as_ref()?), *part), 0),
        };
        Some(charged(bucket, epoch, held))
    });
    push(&Record::Opened(OpenedRecord {
        worker: worker.0,
        id,
        client: client.as_str(),
        kind: match reservation.kind {
            RequestKind::Generates => OpenedKind::Generates,
            RequestKind::Reads => OpenedKind::Reads,
            RequestKind::Counts => OpenedKind::Counts,
        },
        reserved: reservation.reserved.get(),
        charges: own.chain(beside).collect(),
    }));
}

fn charged<'a>(bucket: BucketName<'a>, epoch: u32, held: &Held) -> ChargeRecord<'a> {
    let charge = match held {
        Held::Requests(charge) | Held::Tokens(charge) => *charge,
        Held::Place => Charge::of(Tokens::ONE, NonZeroU64::MIN, 0),
    };
    let (tokens, burst) = (charge.tokens().get(), charge.burst().get());
    ChargeRecord { bucket, epoch, tokens, burst, revision: charge.revision() }
}

pub(super) fn limit_bucket(name: LimitBucketName<'_>, part: Part) -> BucketName<'_> {
    BucketName::Limit(LimitBucketName { trial: part == Part::Trial, ..name })
}

/// What a limit is called.
pub(super) fn limit_id(limit: &Limit) -> LimitId<'_> {
    LimitId { name: limit.name.as_str(), kind: limit.kind() }
}

/// What a client's own bucket of a limit is called; `None`: limit or model are no more.
pub(super) fn beside_name<'a>(
    named: &'a Named,
    key: BesideKey,
    client: &'a ClientId,
) -> Option<LimitBucketName<'a>> {
    Some(LimitBucketName {
        limit: limit_id(&named.limit(key.limit)?.config),
        client: Some(client.as_str()),
        group: None,
        plan: None,
        model: match key.model {
            Some(model) => Some(named.model(model)?.as_str()),
            None => None,
        },
        trial: false,
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

/// Which of a limit's numbers a bucket is for.
pub(super) fn part(name: &LimitBucketName<'_>) -> Part {
    if name.trial { Part::Trial } else { Part::Main }
}

pub(super) fn own_name(client: &ClientId, dimension: Dimension) -> BucketName<'_> {
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
