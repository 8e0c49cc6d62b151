//! Limits and models as they are to be, and whether they can be so together.

use std::collections::BTreeMap;

use limiter::{ClientId, Dimension};
use tokio::task;

use super::{Operator, OperatorError};
use crate::{
    clients::{CLIENTS_AT_A_TIME, ClientConfig},
    ledger::Ledger,
    limits::{
        BucketCount, LIMITS_MAX, Limit, LimitName, ModelName, Models, Name, Patterns, Subject,
        TooManyBuckets,
    },
};

/// Limits and models that nobody has judged yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RulesDraft {
    pub(super) limits: BTreeMap<LimitName, Limit>,
    pub(super) models: BTreeMap<Name, Patterns>,
}

/// Limits and models that can be put in force.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) limits: Vec<Limit>,
    pub(super) models: Models,
}

/// Puts these limits and models in force, if there can be such.
pub(crate) fn put_rules_in_force(
    limits: impl IntoIterator<Item = Limit>,
    models: BTreeMap<Name, Patterns>,
    ledger: &Ledger,
) -> Result<(), OperatorError> {
    let limits = limits.into_iter().map(|limit| (limit.name.clone(), limit)).collect();
    RulesDraft { limits, models }.judge()?.put_in_force(ledger);
    Ok(())
}

impl RulesDraft {
    /// What is in force, to be changed.
    pub(super) fn of(ledger: &Ledger) -> Self {
        let limits = ledger.limits().into_iter().map(|limit| (limit.name.clone(), limit)).collect();
        Self { limits, models: ledger.models().to_map() }
    }

    /// The rules, or why there cannot be such.
    pub(super) fn judge(self) -> Result<Rules, OperatorError> {
        let Self { limits, models } = self;
        if limits.len() > LIMITS_MAX {
            return Err(OperatorError::TooManyLimits);
        }
        let models = Models::new(models)?;
        let limits: Vec<_> = limits.into_values().collect();
        for limit in &limits {
            match &limit.matches.model {
                Some(ModelName::Named(model)) if models.get(model.as_str()).is_none() => {
                    let (limit, model) = (limit.name.clone(), model.clone());
                    return Err(OperatorError::UndefinedModel { limit, model });
                }
                _ => {}
            }
        }
        Ok(Rules { limits, models })
    }

    /// The limits that name this model.
    pub(super) fn that_name(&self, model: &str) -> Vec<LimitName> {
        let names = |limit: &&Limit| matches!(&limit.matches.model, Some(ModelName::Named(name)) if name.as_str() == model);
        self.limits.values().filter(names).map(|limit| limit.name.clone()).collect()
    }
}

impl Rules {
    pub(super) fn put_in_force(self, ledger: &Ledger) {
        ledger.put_rules(self.limits, self.models);
    }

    pub(super) fn limits(&self) -> &[Limit] {
        &self.limits
    }
}

/// Refuses a client that would have more buckets than a request can need.
pub(super) fn judge_client(config: &ClientConfig, limits: &[Limit]) -> Result<(), OperatorError> {
    Ok(BucketCount::of(limits).check(&config.subject(), config.own_limits())?)
}

/// Refuses limits in force under which a client in force would have more buckets than a request can
/// need.
pub(crate) fn judge_clients(ledger: &Ledger) -> Result<(), TooManyBuckets> {
    let limits = ledger.limits();
    let mut count = BucketCount::of(&limits);
    let mut after = None;
    while !limits.is_empty() {
        let few = ledger.configs_after(after.as_ref(), CLIENTS_AT_A_TIME);
        let Some(last) = few.last() else { break };
        after = Some(last.id.clone());
        for client in &few {
            count.check(&client.subject(), client.own_limits())?;
        }
    }
    Ok(())
}

impl Operator {
    /// Refuses limits under which a client would have more buckets than a request can need: any of
    /// `clients`, of those in force that `stays`, and whoever is not configured.
    pub(super) async fn judge_buckets(
        &self,
        limits: &[Limit],
        clients: &[ClientConfig],
        stays: impl Fn(&ClientId) -> bool,
    ) -> Result<(), OperatorError> {
        if limits.is_empty() {
            return Ok(());
        }
        let mut count = BucketCount::of(limits);
        let unknown = Subject { client: &ClientId::unknown(), group: None, plan: None };
        count.check(&unknown, &[Dimension::Rpm, Dimension::Tpm])?;
        for few in clients.chunks(CLIENTS_AT_A_TIME) {
            for client in few {
                count.check(&client.subject(), client.own_limits())?;
            }
            task::yield_now().await;
        }
        let mut after = None;
        loop {
            let few = self.ledger.configs_after(after.as_ref(), CLIENTS_AT_A_TIME);
            let Some(last) = few.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for client in few.iter().filter(|client| stays(&client.id)) {
                count.check(&client.subject(), client.own_limits())?;
            }
            task::yield_now().await;
        }
    }
}
