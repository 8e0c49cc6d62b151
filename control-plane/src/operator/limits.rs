//! The calls on limits beside clients' own.

use std::sync::Arc;

use super::{
    Caller, Kind, LimitChange, LimitDraft, Operator, OperatorError, Precondition, RuleRemoval,
    Tagged, rules::RulesDraft,
};
use crate::{
    ledger::{BucketOf, LimitStats},
    limits::Limit,
    store::Edit,
};

impl Operator {
    /// Creates a limit, or replaces all of it; what was spent of it stays spent.
    pub async fn set_limit(
        self: &Arc<Self>,
        draft: LimitDraft,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<LimitChange, OperatorError> {
        let limit = draft.validate()?;
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let write = async move {
            let name = limit.name.as_str();
            operator.owned.refuse(Kind::Limit, name)?;
            let mut rules = RulesDraft::of(&operator.ledger);
            let before = rules.limits.insert(limit.name.clone(), limit.clone());
            let tag = before.as_ref().map(|_| operator.revisions.limit(name));
            precondition.check(Kind::Limit, name, tag)?;
            let rules = rules.judge()?;
            operator.judge_buckets(rules.limits(), &[], |_| true).await?;
            let edit = Edit::PutLimit(limit.clone());
            let revision = operator
                .store_and_apply(&caller, vec![edit], || rules.put_in_force(&operator.ledger))
                .await?;
            let change = LimitChange { limit, before, revision };
            change.log(&caller);
            Ok(change)
        };
        self.in_turn(write).await
    }

    /// Forgets a limit, and what was spent of it.
    pub async fn remove_limit(
        self: &Arc<Self>,
        name: &str,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<RuleRemoval, OperatorError> {
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let name = name.to_owned();
        let write = async move {
            operator.owned.refuse(Kind::Limit, &name)?;
            let mut rules = RulesDraft::of(&operator.ledger);
            let limit =
                rules.limits.remove(name.as_str()).ok_or(OperatorError::NotFound(Kind::Limit))?;
            precondition.check(Kind::Limit, &name, Some(operator.revisions.limit(&name)))?;
            let rules = rules.judge()?;
            let edit = Edit::RemoveLimit(limit.name.clone());
            operator
                .store_and_apply(&caller, vec![edit], || rules.put_in_force(&operator.ledger))
                .await?;
            let removal = RuleRemoval::of_limit(&limit);
            removal.log(&caller);
            Ok(removal)
        };
        self.in_turn(write).await
    }

    /// One limit.
    pub fn limit(&self, name: &str, _caller: &Caller) -> Result<Tagged<Limit>, OperatorError> {
        let tag = self.revisions.limit(name);
        let limit = self.ledger.limits().into_iter().find(|limit| limit.name.as_str() == name);
        let value = limit.ok_or(OperatorError::NotFound(Kind::Limit))?;
        Ok(Tagged { value, tag })
    }

    /// All limits, in the order of their names.
    pub fn limits(&self, _caller: &Caller) -> Vec<Limit> {
        self.ledger.limits()
    }

    /// How a limit stands, with at most `max` of its buckets, those behind `after`.
    pub async fn limit_stats(
        &self,
        name: &str,
        after: Option<&BucketOf>,
        max: usize,
        _caller: &Caller,
    ) -> Result<LimitStats, OperatorError> {
        let stats = self.ledger.limit_stats_everywhere(name, after, max).await;
        stats.ok_or(OperatorError::NotFound(Kind::Limit))
    }
}
