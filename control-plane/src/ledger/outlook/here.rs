//! Limits as this process has them.

use std::sync::Arc;

use limiter::{Bucket, ClientId, Dimension, Tokens, UnixMillis};

use super::{Applies, Asker, Outlook, Question, Seen, Standing, Verdict, standing::or_full};
use crate::{
    ledger::{
        Client, Ledger, Unknown, UnknownClients,
        rules::{Applied, Class, Found, Look, Row},
        slots::Books,
        stock::Stock,
    },
    limits::{LimitMode, ModelName},
    store::shared::Unavailable,
};

impl Ledger {
    /// What would be decided over a request now. Where a store is shared, as it stands there.
    pub async fn outlook(&self, question: &Question<'_>) -> Result<Outlook, Unavailable> {
        match &self.replica {
            None => Ok(self.outlook_here(question)),
            Some(replica) => self.outlook_shared(replica, question).await,
        }
    }

    /// How many requests of the client that one of this id counts as are under way, as far as this
    /// process follows them.
    pub fn in_flight(&self, client: &str) -> usize {
        let is_each = self.strangers.is_some() && self.clients.get(client).is_none();
        let slot = self.with_client(client, |client| client.entry.slot.get());
        let Some(slot) = slot.flatten() else { return 0 };
        let key = self.slots.books(slot).key(slot);
        let stranger = is_each.then_some(client);
        // A worker's requests are locked before any books.
        let workers = self.workers.all();
        workers.iter().map(|worker| worker.lock().count_of(key, stranger)).sum()
    }

    fn outlook_here(&self, question: &Question<'_>) -> Outlook {
        let seen = if let Some(client) = self.clients.get(question.client) {
            let is_enabled = self.config_of(&client).enabled;
            self.seen(&client, Asker::Configured { is_enabled }, None, question)
        } else {
            let Unknown::Shared(client) = &self.unknown else { return self.denied(question) };
            // While one of them is decided, its buckets stand in the place of those of `unknown`.
            let strangers = self.strangers.as_ref().map(|strangers| strangers.lock());
            let own = strangers.as_ref().map(|strangers| strangers.buckets(question.client));
            self.seen(client, Asker::Unknown(self.policy.unknown_clients), own, question)
        };
        let (seen, (class, id)) = seen;
        self.with_limits_that_are_off(seen, &class, &id).judge()
    }

    /// What becomes of a request of an id that is not configured, where such are denied.
    pub(in crate::ledger) fn denied(&self, question: &Question<'_>) -> Outlook {
        let models = self.rules.models();
        Outlook {
            asker: Asker::Unknown(self.policy.unknown_clients),
            model: question
                .model
                .map_or(ModelName::Other, |raw| models.models().resolve(raw).clone()),
            reserves: None,
            verdict: Verdict::Denied,
            limits: Vec::new(),
        }
    }

    /// The limits of a request and what is left of them, all at one moment; `own` are the buckets that
    /// stand for the client's, where these are not.
    fn seen(
        &self,
        client: &Client,
        asker: Asker,
        own: Option<[Option<Bucket>; 2]>,
        question: &Question<'_>,
    ) -> (Seen, (Arc<Class>, ClientId)) {
        let now = self.clock.now();
        let nothing = Books::default();
        let slot = client.entry.slot.get();
        let locked = slot.map(|slot| self.slots.books(slot));
        let books = locked.as_deref().unwrap_or(&nothing);
        let applied = client.entry.class.applied_now();
        let (number, rows) = applied.rows(question.model);
        let model = model_of(&applied, question);
        let cost = self.estimate(client, &books.record, &question.ask(), rows, now);

        let [requests, tokens] = own.unwrap_or([books.balances.requests, books.balances.tokens]);
        let rule = asker.rule_of_own();
        let own = Standing::own(client.limits, asker.is_enabled(), &rule);
        let mut limits: Vec<_> = own
            .map(|(dimension, limit, standing)| {
                let bucket = match dimension {
                    Dimension::Rpm => requests,
                    Dimension::Tpm => tokens,
                };
                (standing, Some(Stock::Window(or_full(bucket, limit, now))))
            })
            .collect();

        let looks: Vec<_> = rows.iter().map(|row| row.look(number, applied.models())).collect();
        let shared = looks.iter().filter_map(|look| match look {
            Look::There(Found::Shared(key)) => Some(*key),
            Look::There(Found::Beside(_)) | Look::NotYet(_) | Look::NoMore => None,
        });
        let shared = self.shared.lock(shared);
        let subject = client.subject();
        for (row, look) in rows.iter().zip(&looks) {
            let stocks = match look {
                Look::There(Found::Beside(key)) => books.balances.beside.get(*key),
                Look::There(Found::Shared(key)) => match shared.stocks(*key) {
                    Some(stocks) => Some(stocks),
                    // It was deleted since the list of limits was read.
                    None => continue,
                },
                Look::NotYet(_) => None,
                Look::NoMore => continue,
            };
            for standing in Standing::beside(&row.limit, &subject, &model) {
                let stock = stocks.and_then(|stocks| stocks.get(standing.part));
                let stock = row.limit.stock(standing.part, stock, now);
                limits.push((standing, stock));
            }
        }
        let known_as = (Arc::clone(&client.entry.class), client.id.clone());
        (Seen { asker, model, cost, limits, now }, known_as)
    }

    /// The tokens that a request would reserve.
    pub(in crate::ledger) fn reserves(
        &self,
        client: &Client,
        question: &Question<'_>,
        rows: &[Row],
        now: UnixMillis,
    ) -> Tokens {
        let nothing = Books::default();
        let locked = client.entry.slot.get().map(|slot| self.slots.books(slot));
        let books = locked.as_deref().unwrap_or(&nothing);
        self.estimate(client, &books.record, &question.ask(), rows, now)
    }

    /// What was seen, with the limits that are nothing but configured. Nobody holds a lock meanwhile.
    pub(in crate::ledger) fn with_limits_that_are_off(
        &self,
        seen: Seen,
        class: &Class,
        client: &ClientId,
    ) -> Seen {
        let subject = class.subject(client);
        let model = seen.model.clone();
        let limits = self.rules.limits();
        let off = limits.iter().map(|limit| &limit.config).filter(|limit| {
            limit.mode == LimitMode::Off
                && limit.matches.includes(&subject)
                && limit.each.is_known_of(&subject)
                && limit.matches.model.as_ref().is_none_or(|only| *only == model)
        });
        seen.with_off(off.map(|limit| Standing::off(limit, &subject, &model)))
    }
}

/// The model that a request would be for.
pub(in crate::ledger) fn model_of(applied: &Applied, question: &Question<'_>) -> ModelName {
    let models = applied.models().models();
    question.model.map_or(ModelName::Other, |raw| models.resolve(raw).clone())
}

impl Asker {
    /// Whether its own limits are in force.
    pub(in crate::ledger) fn is_enabled(self) -> bool {
        match self {
            Self::Configured { is_enabled } => is_enabled,
            Self::Unknown(_) => true,
        }
    }

    /// Whose its own limits are.
    pub(in crate::ledger) fn rule_of_own(self) -> Applies {
        match self {
            Self::Configured { .. } | Self::Unknown(UnknownClients::Each { .. }) => Applies::Own,
            Self::Unknown(_) => Applies::Unknown,
        }
    }
}
