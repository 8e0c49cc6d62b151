//! What would be decided over a request, by the limits as the store has them.

use std::sync::Arc;

use limiter::{ClientId, Places};

use super::{Replica, names::unmade_bucket};
use crate::{
    ledger::{
        Client, Ledger, Unknown,
        outlook::{Asker, Outlook, Question, Seen, Standing, model_of},
        rules::{Class, Look},
        stock::Stock,
    },
    limits::Measure,
    store::shared::{Told, Unavailable},
};

/// A request, and where what is left of its limits stands.
struct Asked {
    /// Nothing is known yet of what is left.
    seen: Seen,
    at: Vec<At>,
    class: Arc<Class>,
    client: ClientId,
}

/// Where a limit's bucket is in the store.
enum At {
    Bucket(Arc<[u8]>, Told),
    Places(Arc<[u8]>),
}

impl Ledger {
    /// What would be decided, as the store has it at one moment.
    pub(in crate::ledger) async fn outlook_shared(
        &self,
        replica: &Replica,
        question: &Question<'_>,
    ) -> Result<Outlook, Unavailable> {
        let Some(asked) = self.asked_of_outlook(replica, question) else {
            return Ok(self.denied(question));
        };
        let Asked { mut seen, at, class, client } = asked;
        let (mut buckets, mut places) = (Vec::new(), Vec::new());
        for at in &at {
            match at {
                At::Bucket(key, told) => buckets.push((Arc::clone(key), *told)),
                At::Places(key) => places.push(Arc::clone(key)),
            }
        }
        let looked = replica.store.look(&buckets, &places).await?;
        seen.now = looked.now;
        let (mut buckets, mut taken) = (looked.buckets.into_iter(), looked.taken.into_iter());
        for ((standing, stock), at) in seen.limits.iter_mut().zip(&at) {
            *stock = match (at, standing.measure) {
                (At::Bucket(..), _) => buckets.next().map(Stock::Window),
                (At::Places(_), Measure::Concurrent(max)) => {
                    taken.next().map(|taken| Stock::Places(Places::with_taken(max, taken)))
                }
                (At::Places(_), Measure::Requests(_) | Measure::Tokens(_)) => None,
            };
        }
        Ok(self.with_limits_that_are_off(seen, &class, &client).judge())
    }

    /// `None`: it would be denied.
    fn asked_of_outlook(&self, replica: &Replica, question: &Question<'_>) -> Option<Asked> {
        if let Some(client) = self.clients.get(question.client) {
            let is_enabled = self.config_of(&client).enabled;
            let asker = Asker::Configured { is_enabled };
            return Some(self.asked_as(replica, (&client, asker), question));
        }
        match &self.unknown {
            Unknown::Shared(client) => {
                let asker = Asker::Unknown(self.policy.unknown_clients);
                Some(self.asked_as(replica, (client, asker), question))
            }
            Unknown::Denied(_) => None,
        }
    }

    fn asked_as(
        &self,
        replica: &Replica,
        (client, asker): (&Client, Asker),
        question: &Question<'_>,
    ) -> Asked {
        let (now, id) = (self.clock.now(), &client.id);
        let applied = client.entry.class.applied_now();
        let (number, rows) = applied.rows(question.model);
        let model = model_of(&applied, question);
        let cost = self.reserves(client, question, rows, now);
        let (mut limits, mut at) = (Vec::new(), Vec::new());
        let rule = asker.rule_of_own();
        for (dimension, limit, standing) in Standing::own(client.limits, asker.is_enabled(), &rule)
        {
            let (key, told) = replica.own(id, dimension, limit.into());
            limits.push((standing, None));
            at.push(At::Bucket(key, told));
        }
        let subject = client.subject();
        for row in rows {
            let look = row.look(number, applied.models());
            for standing in Standing::beside(&row.limit, &subject, &model) {
                let part = standing.part;
                let stored = match &look {
                    Look::There(found) => {
                        self.stored_bucket(replica, id, (&row.limit, *found, part))
                    }
                    Look::NotYet(name) => unmade_bucket(replica, name, (&row.limit, part)),
                    Look::NoMore => None,
                };
                let Some((key, told)) = stored else { continue };
                limits.push((standing, None));
                at.push(told.map_or_else(
                    || At::Places(Arc::clone(&key)),
                    |told| At::Bucket(Arc::clone(&key), told),
                ));
            }
        }
        let seen = Seen { asker, model, cost, limits, now };
        Asked { seen, at, class: Arc::clone(&client.entry.class), client: id.clone() }
    }
}
