//! The calls on models.

use std::sync::Arc;

use super::{
    Caller, Kind, ModelChange, ModelDraft, Operator, OperatorError, Precondition, RuleRemoval,
    Tagged, rules::RulesDraft,
};
use crate::{
    limits::{Models, Patterns},
    store::Edit,
};

impl Operator {
    /// Creates a model, or replaces all of its patterns.
    pub async fn set_model(
        self: &Arc<Self>,
        draft: ModelDraft,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<ModelChange, OperatorError> {
        let (name, patterns) = draft.validate()?;
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let write = async move {
            let text = name.as_str();
            operator.owned.refuse(Kind::Model, text)?;
            let mut rules = RulesDraft::of(&operator.ledger);
            let before = rules.models.insert(name.clone(), patterns.clone());
            let tag = before.as_ref().map(|_| operator.revisions.model(text));
            precondition.check(Kind::Model, text, tag)?;
            let rules = rules.judge()?;
            let edit = Edit::PutModel(name.clone(), patterns.clone());
            let revision = operator
                .store_and_apply(&caller, vec![edit], || rules.put_in_force(&operator.ledger))
                .await?;
            let change = ModelChange { name, patterns, before, revision };
            change.log(&caller);
            Ok(change)
        };
        self.in_turn(write).await
    }

    /// Forgets a model that no limit names. Requests for it are for `other` then.
    pub async fn remove_model(
        self: &Arc<Self>,
        name: &str,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<RuleRemoval, OperatorError> {
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let name = name.to_owned();
        let write = async move {
            operator.owned.refuse(Kind::Model, &name)?;
            let mut rules = RulesDraft::of(&operator.ledger);
            let (model, patterns) = rules
                .models
                .remove_entry(name.as_str())
                .ok_or(OperatorError::NotFound(Kind::Model))?;
            precondition.check(Kind::Model, &name, Some(operator.revisions.model(&name)))?;
            let limits = rules.that_name(&name);
            if !limits.is_empty() {
                return Err(OperatorError::InUse { model, limits });
            }
            let rules = rules.judge()?;
            let edit = Edit::RemoveModel(model.clone());
            operator
                .store_and_apply(&caller, vec![edit], || rules.put_in_force(&operator.ledger))
                .await?;
            let removal = RuleRemoval::of_model(&model, &patterns);
            removal.log(&caller);
            Ok(removal)
        };
        self.in_turn(write).await
    }

    /// Which names are of one model.
    pub fn model(&self, name: &str, _caller: &Caller) -> Result<Tagged<Patterns>, OperatorError> {
        let tag = self.revisions.model(name);
        let value = self.ledger.models().get(name).cloned();
        let value = value.ok_or(OperatorError::NotFound(Kind::Model))?;
        Ok(Tagged { value, tag })
    }

    /// All models.
    pub fn models(&self, _caller: &Caller) -> Models {
        self.ledger.models()
    }
}
