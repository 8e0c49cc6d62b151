//! What those who listen are told of writes, once they are in force.

use serde::Serialize;

use super::{Kind, Operator};
use crate::{
    audit::{Action, Actor, Entry, Object},
    clients::Revision,
    credentials::ClientKey,
    events::About,
    store::Edit,
};

/// Of how many things it is told one by one that another control plane wrote them.
const TOLD_ONE_BY_ONE_MAX: usize = 100;

/// A line of the audit without what the thing was and has become: who may see that reads it there.
#[derive(Serialize)]
struct Written<'a> {
    audit_id: u64,
    time: &'a str,
    actor: &'a Actor,
    action: Action,
    object: &'a Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// What another control plane wrote, of which it is known what, and not who.
#[derive(Serialize)]
struct WrittenElsewhere<'a> {
    object: &'a Object,
    revision: u64,
    elsewhere: bool,
}

/// Things that another control plane wrote and that are in force here.
pub(super) struct Others(Vec<(Object, Option<About>, Revision)>);

impl Operator {
    /// Tells of a write that is in force.
    pub(super) fn tell(&self, entry: &Entry, about: Option<About>) {
        let written = Written {
            audit_id: entry.id,
            time: &entry.time,
            actor: &entry.actor,
            action: entry.action,
            object: &entry.object,
            revision: entry.revision,
            request_id: entry.request_id.as_deref(),
        };
        let about = about.map(|about| self.with_group(about));
        self.events().configured(&written, about);
    }

    /// Which client these edits are about, before they are in force.
    pub(super) fn about(&self, edits: &[Edit]) -> Option<About> {
        let client = match edits.last()? {
            Edit::PutClient(config) => &config.id,
            Edit::RemoveClient(id) => id,
            Edit::PutKey(ClientKey { client, .. }) | Edit::RemoveKey { client, .. } => client,
            _ => return None,
        };
        let config = self.ledger.config(client.as_str());
        let group_before = config.and_then(|config| config.group);
        Some(About { client: client.clone(), group: None, group_before })
    }

    /// The same once they are.
    fn with_group(&self, about: About) -> About {
        let config = self.ledger.config(about.client.as_str());
        About { group: config.and_then(|config| config.group), ..about }
    }

    /// What is about to be put in force that others wrote, as far as it changes anything here.
    pub(super) fn others(&self, edits: &[(Edit, Revision)]) -> Others {
        let changing = edits.iter().filter(|(edit, _)| self.changes(edit));
        // One more than are told one by one is as many as any more.
        let told = changing.take(TOLD_ONE_BY_ONE_MAX + 1).map(|(edit, revision)| {
            (object(edit), self.about(std::slice::from_ref(edit)), *revision)
        });
        Others(told.collect())
    }

    fn changes(&self, edit: &Edit) -> bool {
        let (kind, name) = edit.of_what();
        if self.owned.refuse(kind, name).is_err() {
            return false;
        }
        match edit {
            Edit::PutClient(config) => self.ledger.config(name).as_ref() != Some(config),
            Edit::PutLimit(limit) => !self.ledger.limits().contains(limit),
            Edit::PutModel(_, patterns) => self.ledger.models().get(name) != Some(patterns),
            _ => true,
        }
    }

    /// Tells of what others wrote, which is in force now.
    pub(super) fn tell_of_others(&self, others: Others, newest: Revision) {
        let Others(told) = others;
        if told.len() > TOLD_ONE_BY_ONE_MAX {
            let (object, revision) = (&Object::configuration(), newest.get());
            let all = WrittenElsewhere { object, revision, elsewhere: true };
            return self.events().configured(&all, None);
        }
        for (object, about, revision) in told {
            let about = about.map(|about| self.with_group(about));
            let (object, revision) = (&object, revision.get());
            let written = WrittenElsewhere { object, revision, elsewhere: true };
            self.events().configured(&written, about);
        }
    }
}

fn object(edit: &Edit) -> Object {
    let (kind, name) = edit.of_what();
    match edit {
        Edit::PutKey(ClientKey { client, public, .. }) | Edit::RemoveKey { client, public } => {
            Object::new(Kind::Key.word(), &format!("{client}/{public}"))
        }
        _ => Object::new(kind.word(), name),
    }
}
