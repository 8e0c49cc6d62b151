//! From which write everything is that is configured.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use limiter::ClientId;
use parking_lot::RwLock;

use super::Tag;
use crate::{
    clients::Revision,
    limits::{LimitName, Name},
    store::{Contents, Edit},
};

/// Who wrote something last, and with which write. It changes in the writer's turn alone, after what
/// was written is in force: whoever reads the tag first, and then what has it, may find that older
/// than it is, and never newer.
#[derive(Debug, Default)]
pub(super) struct Revisions(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    clients: HashMap<ClientId, Stamp, RandomState>,
    limits: HashMap<LimitName, Stamp, RandomState>,
    models: HashMap<Name, Stamp, RandomState>,
    newest: Revision,
    /// The last change that a file made.
    file: Option<u64>,
}

/// The number of the store's write, or of a file's change.
#[derive(Clone, Copy, Debug, Default)]
struct Stamp(u64);

/// Set in the number of a file's change. No store counts that far.
const OF_FILE: u64 = 1 << 63;

impl Stamp {
    fn stored(revision: Revision) -> Self {
        Self(revision.get() & !OF_FILE)
    }

    fn of_file(change: u64) -> Self {
        Self(change | OF_FILE)
    }

    fn tag(self) -> Tag {
        match self.0 & OF_FILE {
            0 => Tag::stored(Revision::new(self.0)),
            _ => Tag::of_file(self.0 & !OF_FILE),
        }
    }
}

impl Revisions {
    /// The tag of a client; of one that no write made it says so.
    pub(super) fn client(&self, id: &str) -> Tag {
        self.0.read().clients.get(id).copied().unwrap_or_default().tag()
    }

    /// The tag of a limit, likewise.
    pub(super) fn limit(&self, name: &str) -> Tag {
        self.0.read().limits.get(name).copied().unwrap_or_default().tag()
    }

    /// The tag of a model, likewise.
    pub(super) fn model(&self, name: &str) -> Tag {
        self.0.read().models.get(name).copied().unwrap_or_default().tag()
    }

    /// The tag of everything.
    pub(super) fn all(&self) -> Tag {
        let known = self.0.read();
        Tag::of_all(known.newest, known.file)
    }

    /// The store's last write that is in force.
    pub(super) fn newest(&self) -> Revision {
        self.0.read().newest
    }

    /// Notes everything that the store had.
    pub(super) fn loaded(&self, contents: &Contents) {
        let mut known = self.0.write();
        let clients = contents.clients.iter();
        known.clients =
            clients.map(|(client, of)| (client.id.clone(), Stamp::stored(*of))).collect();
        let limits = contents.limits.iter();
        known.limits = limits.map(|(limit, of)| (limit.name.clone(), Stamp::stored(*of))).collect();
        let models = contents.models.iter();
        known.models = models.map(|((name, _), of)| (name.clone(), Stamp::stored(*of))).collect();
        known.newest = contents.newest;
    }

    /// Notes what the store's write made of one thing.
    pub(super) fn stored(&self, edit: &Edit, revision: Revision) {
        self.0.write().note(edit, Stamp::stored(revision));
    }

    /// Notes that the store's write has come to its end.
    pub(super) fn has_stored(&self, revision: Revision) {
        self.0.write().newest = revision;
    }

    /// Notes what a file's change made of one thing.
    pub(super) fn filed(&self, edit: &Edit, change: u64) {
        self.0.write().note(edit, Stamp::of_file(change));
    }

    /// Notes that what the store was told to forget is a file's.
    pub(super) fn taken_over(&self, forgotten: &[Edit], change: u64) {
        let (mut known, stamp) = (self.0.write(), Stamp::of_file(change));
        for edit in forgotten {
            match edit {
                Edit::RemoveClient(id) => {
                    known.clients.insert(id.clone(), stamp);
                }
                Edit::RemoveLimit(name) => {
                    known.limits.insert(name.clone(), stamp);
                }
                Edit::RemoveModel(name) => {
                    known.models.insert(name.clone(), stamp);
                }
                // Keys and tokens have tags of their own.
                _ => {}
            }
        }
    }

    /// Notes that a file's change has come to its end.
    pub(super) fn has_filed(&self, change: u64) {
        self.0.write().file = Some(change);
    }

    /// The number of a file's next change: above all before it, also those of processes before.
    pub(super) fn next_of_file(&self, now_ms: u64) -> u64 {
        let last = self.0.read().file;
        last.map_or(now_ms, |last| now_ms.max(last + 1)) & !OF_FILE
    }
}

impl Known {
    fn note(&mut self, edit: &Edit, stamp: Stamp) {
        match edit {
            Edit::PutClient(config) => {
                self.clients.insert(config.id.clone(), stamp);
            }
            Edit::RemoveClient(id) => {
                self.clients.remove(id);
            }
            Edit::PutLimit(limit) => {
                self.limits.insert(limit.name.clone(), stamp);
            }
            Edit::RemoveLimit(name) => {
                self.limits.remove(name);
            }
            Edit::PutModel(name, _) => {
                self.models.insert(name.clone(), stamp);
            }
            Edit::RemoveModel(name) => {
                self.models.remove(name);
            }
            // Their tags are of what they are.
            Edit::PutKey(_) | Edit::RemoveKey { .. } | Edit::PutToken(_) | Edit::RemoveToken(_) => {
            }
        }
    }
}
