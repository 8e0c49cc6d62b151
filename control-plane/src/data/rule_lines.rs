//! The limits and models of a backup, which stand before its clients.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::InvalidBackup;
use crate::{
    excerpt::Excerpt,
    ledger::Ledger,
    limits::{LIMITS_MAX, Limit, LimitName, ModelName, Models, Name, Patterns},
    operator::{judge_clients, rest},
};

/// What was read of them so far, with the lines.
#[derive(Debug, Default)]
pub(super) struct RuleLines {
    limits: BTreeMap<LimitName, (u64, Limit)>,
    models: BTreeMap<Name, Patterns>,
    last_model: u64,
    is_in_force: bool,
}

impl RuleLines {
    pub(super) fn model(&mut self, json: &RawValue, line: u64, errors: &mut InvalidBackup) {
        self.expect(line, errors);
        self.last_model = line;
        let Ok(draft) = rest::read_model(json.get()) else {
            return errors.push(line, "model must be an object");
        };
        match draft.validate() {
            Ok((name, patterns)) => {
                if self.models.insert(name.clone(), patterns).is_some() {
                    let name = Excerpt::quoted(name.as_str());
                    errors.push(line, format_args!("model {name} is there twice"));
                }
            }
            Err(wrong) => errors.push(line, wrong),
        }
    }

    pub(super) fn limit(&mut self, json: &RawValue, line: u64, errors: &mut InvalidBackup) {
        self.expect(line, errors);
        let Ok(draft) = rest::read_limit(json.get()) else {
            return errors.push(line, "limit must be an object");
        };
        match draft.validate() {
            Ok(limit) if self.limits.contains_key(&limit.name) => {
                let name = Excerpt::quoted(limit.name.as_str());
                errors.push(line, format_args!("limit {name} is there twice"));
            }
            Ok(_) if self.limits.len() == LIMITS_MAX => {
                let text = format_args!("this is one limit too many: there can be {LIMITS_MAX}");
                errors.push(line, text);
            }
            Ok(limit) => {
                self.limits.insert(limit.name.clone(), (line, limit));
            }
            Err(wrong) => errors.push(line, wrong),
        }
    }

    fn expect(&self, line: u64, errors: &mut InvalidBackup) {
        if self.is_in_force {
            errors.push(line, "this line belongs before those of clients");
        }
    }

    /// All of them were read: once, before the first client.
    pub(super) fn put_in_force(&mut self, ledger: &Ledger, errors: &mut InvalidBackup) {
        if self.is_in_force {
            return;
        }
        self.is_in_force = true;
        match Models::new(self.models.clone()) {
            Ok(models) => {
                for (line, limit) in self.limits.values() {
                    if let Some(model) = &limit.matches.model
                        && !models.has(model)
                    {
                        errors.push(*line, undefined(model));
                    }
                }
                let limits = self.limits.values().map(|(_, limit)| limit.clone());
                ledger.put_rules(limits.collect(), models);
            }
            Err(wrong) => errors.push(self.last_model, wrong),
        }
    }

    /// All clients were read, up to this line.
    pub(super) fn judge_clients(ledger: &Ledger, line: u64, errors: &mut InvalidBackup) {
        if let Err(wrong) = judge_clients(ledger) {
            errors.push(line, wrong);
        }
    }
}

fn undefined(model: &ModelName) -> String {
    let model = Excerpt::quoted(model.as_str());
    format!("match.model must be \"other\" or the name of a model in the backup, not {model}")
}
