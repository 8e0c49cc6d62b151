//! What records speak of, kept as naively as can be.

use std::collections::BTreeMap;

use flowguard::store::state::{
    BucketLevel, BucketName, BucketRecord, ChargeRecord, EndedRecord, ForgottenRecord, OpenedKind,
    OpenedRecord, Record, Tallies, TalliesRecord,
};

/// How everything stands, each in one number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Things(BTreeMap<Thing, u64>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    Bucket(String),
    Tallies(String),
    Request(u32),
}

/// What happens to a thing.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Stands(Thing, u64),
    Ends(u32),
    Forgets(String),
}

impl Things {
    /// What a record says.
    pub(crate) fn apply(&mut self, record: &Record<'_>) {
        match record {
            Record::Bucket(BucketRecord { bucket: BucketName::Rpm(client), level, .. }) => {
                let whole = level.expect("a level").whole.cast_unsigned();
                self.0.insert(Thing::Bucket((*client).to_owned()), whole);
            }
            Record::Tallies(TalliesRecord { client, tallies }) => {
                self.0.insert(Thing::Tallies((*client).to_owned()), tallies.admitted);
            }
            Record::Opened(opened) => {
                self.0.insert(Thing::Request(opened.id), opened.reserved);
            }
            Record::Ended(ended) => {
                self.0.remove(&Thing::Request(ended.id));
            }
            Record::Forgotten(ForgottenRecord { client }) => {
                self.0.remove(&Thing::Bucket((*client).to_owned()));
                self.0.remove(&Thing::Tallies((*client).to_owned()));
            }
            other => panic!("never written here: {other:?}"),
        }
    }

    pub(crate) fn all(&self) -> Vec<Thing> {
        self.0.keys().cloned().collect()
    }

    /// How a thing stands, if it is there.
    pub(crate) fn step(&self, thing: &Thing) -> Option<Step> {
        Some(Step::Stands(thing.clone(), *self.0.get(thing)?))
    }
}

impl Step {
    /// Its record is given to `push`.
    pub(crate) fn record(&self, push: impl FnOnce(&Record<'_>)) {
        match self {
            Self::Stands(Thing::Bucket(client), number) => push(&Record::Bucket(BucketRecord {
                bucket: BucketName::Rpm(client),
                epoch: 1,
                level: Some(level(number.cast_signed())),
            })),
            Self::Stands(Thing::Tallies(client), number) => push(&Record::Tallies(TalliesRecord {
                client,
                tallies: Tallies { admitted: *number, ..Tallies::default() },
            })),
            Self::Stands(Thing::Request(id), number) => push(&opened(*id, *number)),
            Self::Ends(id) => push(&Record::Ended(EndedRecord { worker: 7, id: *id })),
            Self::Forgets(client) => push(&Record::Forgotten(ForgottenRecord { client })),
        }
    }
}

pub(crate) fn level(whole: i64) -> BucketLevel {
    BucketLevel {
        amount: 60,
        burst: 60,
        window_s: 60,
        revision: 1,
        whole,
        rest: 30_000,
        refilled_at: 1_700_000_000_000,
    }
}

fn opened(id: u32, reserved: u64) -> Record<'static> {
    let charge = ChargeRecord {
        bucket: BucketName::Rpm("client-0"),
        epoch: 1,
        tokens: 1,
        burst: 60,
        revision: 1,
    };
    Record::Opened(OpenedRecord {
        worker: 7,
        id,
        client: "client-0",
        kind: OpenedKind::Generates,
        reserved,
        charges: vec![charge],
    })
}
