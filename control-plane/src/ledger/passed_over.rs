//! What was written down of clients, limits and models that are no more.
//!
//! That they are no more is written down too, but a process may die between the write of the
//! configuration and that one. Whoever got such a name next would go on with what the one before had
//! spent, so the process that comes next writes it down before anybody can.

use std::collections::HashSet;

use limiter::ClientId;

use super::Ledger;
use crate::{
    limits::LimitKind,
    store::state::{ForgottenRecord, LimitForgottenRecord, LimitId, ModelForgottenRecord, Record},
};

/// Whose records were read that nobody has, without a word that they are no more.
#[derive(Debug, Default)]
pub(super) struct PassedOver {
    clients: HashSet<Box<str>>,
    limits: HashSet<(Box<str>, LimitKind)>,
    models: HashSet<Box<str>>,
}

impl PassedOver {
    /// A record is of a client that is not configured.
    pub(super) fn client(&mut self, client: &str) {
        if client != ClientId::UNKNOWN && client != ClientId::OTHER {
            self.clients.insert(client.into());
        }
    }

    /// A record is of a limit that is not in force.
    pub(super) fn limit(&mut self, limit: LimitId<'_>) {
        self.limits.insert((limit.name.into(), limit.kind));
    }

    /// A record is of a model that is not configured.
    pub(super) fn model(&mut self, model: &str) {
        self.models.insert(model.into());
    }

    /// A record says that the client is no more.
    pub(super) fn client_is_gone(&mut self, client: &str) {
        self.clients.remove(client);
    }

    /// A record says that the limit is no more.
    pub(super) fn limit_is_gone(&mut self, limit: LimitId<'_>) {
        self.limits.remove(&(limit.name.into(), limit.kind));
    }

    /// A record says that the model is no more.
    pub(super) fn model_is_gone(&mut self, model: &str) {
        self.models.remove(model);
    }
}

impl Ledger {
    /// Notes that all these are no more.
    pub(super) fn note_passed_over(&self) {
        let PassedOver { clients, limits, models } = std::mem::take(&mut *self.passed_over.lock());
        let clients = clients.iter().map(|client| Record::Forgotten(ForgottenRecord { client }));
        let limits = limits.iter().map(|(name, kind)| {
            Record::LimitForgotten(LimitForgottenRecord { limit: LimitId { name, kind: *kind } })
        });
        let models =
            models.iter().map(|model| Record::ModelForgotten(ModelForgottenRecord { model }));
        for record in clients.chain(limits).chain(models) {
            let mut pen = self.journal.pen();
            pen.note(|| record);
            self.write_if_much(pen);
        }
    }
}
