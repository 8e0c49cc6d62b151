//! The models that limits can tell apart, by number.

use std::collections::HashMap;

use crate::limits::{ModelName, Models, Name};

/// The number of a model, which no other model gets while the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::ledger) struct ModelNumber(u32);

/// The configured models, and what each is known by.
#[derive(Debug, Default)]
pub(in crate::ledger) struct KnownModels {
    models: Models,
    /// In the order of the models.
    numbers: Vec<ModelNumber>,
    by_name: HashMap<Name, ModelNumber>,
    by_number: HashMap<ModelNumber, ModelName>,
    next: u32,
}

impl ModelNumber {
    /// Every model without a name, and none.
    pub(in crate::ledger) const OTHER: Self = Self(0);
}

impl KnownModels {
    /// The models that have names, by number.
    pub(in crate::ledger) fn names(&self) -> impl Iterator<Item = (ModelNumber, &ModelName)> {
        self.by_number.iter().map(|(number, name)| (*number, name))
    }

    /// The models that have names.
    pub(super) fn all(&self) -> impl Iterator<Item = ModelNumber> {
        self.numbers.iter().copied()
    }

    /// These models from now on: one of a name that was known keeps its number.
    pub(super) fn with(&self, models: Models) -> Self {
        let mut next = self.next;
        let mut numbers = Vec::with_capacity(models.len());
        let mut by_name = HashMap::with_capacity(models.len());
        let mut by_number = HashMap::with_capacity(models.len());
        for (name, _) in models.iter() {
            let number = self.by_name.get(name).copied().unwrap_or_else(|| {
                next = next.wrapping_add(1);
                ModelNumber(next)
            });
            numbers.push(number);
            by_name.insert(name.clone(), number);
            by_number.insert(number, ModelName::Named(name.clone()));
        }
        Self { models, numbers, by_name, by_number, next }
    }

    /// The models themselves.
    pub(in crate::ledger) fn models(&self) -> &Models {
        &self.models
    }

    /// Which of them a request is for, by what it calls its model.
    pub(in crate::ledger) fn resolve(&self, raw: Option<&str>) -> ModelNumber {
        let position = raw.and_then(|raw| self.models.position(raw));
        let number = position.and_then(|position| self.numbers.get(position));
        number.copied().unwrap_or(ModelNumber::OTHER)
    }

    /// The number of a model; `None`: there is no such model.
    pub(in crate::ledger) fn number(&self, model: &ModelName) -> Option<ModelNumber> {
        match model {
            ModelName::Named(name) => self.by_name.get(name).copied(),
            ModelName::Other => Some(ModelNumber::OTHER),
        }
    }

    /// The name of a model; `None`: it is no more.
    pub(in crate::ledger) fn name(&self, number: ModelNumber) -> Option<&ModelName> {
        match number {
            ModelNumber::OTHER => Some(&ModelName::Other),
            number => self.by_number.get(&number),
        }
    }
}
