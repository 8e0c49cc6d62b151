//! The limits of one class of clients, model by model.

use std::{collections::HashMap, sync::Arc};

use super::{
    InForce, KnownModels, ModelNumber,
    shelf::{ByModel, Shelf},
};
use crate::{
    ledger::{
        keys::{BesideKey, SharedKey},
        shared::{SharedBuckets, SharedName},
    },
    limits::{ModelName, Subject},
};

/// Which limits apply to the requests of a class, each list in the order of their names.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Applied {
    models: Arc<KnownModels>,
    /// To those for a model that no limit names.
    others: Box<[Row]>,
    /// To those for a model that a limit names.
    by_model: HashMap<ModelNumber, Box<[Row]>>,
    /// Whether it matters which model a request is for.
    tells_models_apart: bool,
}

/// A limit that applies, and where its bucket is.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Row {
    pub(in crate::ledger) limit: Arc<InForce>,
    place: Place,
}

/// Where the bucket of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Found {
    /// Among the client's own.
    Beside(BesideKey),
    /// Among those that clients share.
    Shared(SharedKey),
}

/// What there is of the bucket of a request, for whoever makes none.
#[derive(Debug)]
pub(in crate::ledger) enum Look {
    /// It is there, as far as anybody knows.
    There(Found),
    /// It is made by the first request, and called so then: it is full.
    NotYet(SharedName),
    /// The limit is no more.
    NoMore,
}

/// Where a limit's buckets are.
#[derive(Clone, Debug)]
enum Place {
    /// Among the client's own.
    Own,
    /// Among those that clients share.
    Shared(SharedKey),
    /// There too, one for each model.
    SharedByModel(Arc<ByModel>),
}

impl Applied {
    /// What applies of `limits`, which are in the order of their names, to `subject`.
    pub(super) fn new<'a>(
        limits: impl Iterator<Item = &'a Arc<InForce>>,
        models: &Arc<KnownModels>,
        subject: &Subject<'_>,
        shared: &SharedBuckets,
    ) -> Self {
        let relevant: Vec<_> = limits
            .filter(|limit| limit.config.concerns(subject))
            .map(|limit| (limit.config.matches.model.as_ref(), Row::new(limit, subject, shared)))
            .collect();
        let of = |model: Option<&ModelName>| -> Box<[Row]> {
            let rows = relevant.iter().filter(|(only, _)| only.is_none() || *only == model);
            rows.map(|(_, row)| row.clone()).collect()
        };
        let named = relevant.iter().filter_map(|(only, _)| *only);
        Self {
            models: Arc::clone(models),
            others: of(None),
            by_model: named
                .filter_map(|only| Some((models.number(only)?, of(Some(only)))))
                .collect(),
            tells_models_apart: relevant
                .iter()
                .any(|(only, row)| only.is_some() || row.limit.config.each.model),
        }
    }

    /// The limits of a request for `model`, as it calls it, and which model that is.
    #[inline]
    pub(in crate::ledger) fn rows(&self, model: Option<&str>) -> (ModelNumber, &[Row]) {
        if !self.tells_models_apart {
            return (ModelNumber::OTHER, &self.others);
        }
        let model = self.models.resolve(model);
        (model, self.by_model.get(&model).unwrap_or(&self.others))
    }

    /// Each bucket that a request for whichever model needs, once.
    pub(in crate::ledger) fn for_each_bucket(
        &self,
        shared: &SharedBuckets,
        mut each: impl FnMut(&Row, Found),
    ) {
        let mut told = Vec::new();
        let named = self.models.all().filter(|_| self.tells_models_apart);
        for model in [ModelNumber::OTHER].into_iter().chain(named) {
            for row in self.by_model.get(&model).unwrap_or(&self.others) {
                let Some(found) = row.find(model, &self.models, shared) else { continue };
                if !told.contains(&found) {
                    told.push(found);
                    each(row, found);
                }
            }
        }
    }

    /// Whether no limit applies, whatever a request is for.
    pub(super) fn is_empty(&self) -> bool {
        self.others.is_empty() && self.by_model.values().all(|rows| rows.is_empty())
    }

    /// The limits of requests for whichever model, each once and in the order of their names, with
    /// the buckets of them that clients share.
    pub(in crate::ledger) fn limits(&self) -> Vec<(&Arc<InForce>, Vec<SharedKey>)> {
        let mut rows: Vec<_> =
            self.by_model.values().flat_map(|rows| rows.iter()).chain(&self.others).collect();
        rows.sort_by(|a, b| a.limit.config.name.cmp(&b.limit.config.name));
        rows.dedup_by(|a, b| a.limit.number == b.limit.number);
        rows.into_iter().map(|row| (&row.limit, row.shared_keys())).collect()
    }

    pub(in crate::ledger) fn models(&self) -> &KnownModels {
        &self.models
    }
}

impl Row {
    fn new(limit: &Arc<InForce>, subject: &Subject<'_>, shared: &SharedBuckets) -> Self {
        let place = if limit.is_clients_own() {
            Place::Own
        } else {
            match limit.shelves.get_or_make(&limit.config, (subject.group, subject.plan), shared) {
                Shelf::One(key) => Place::Shared(key),
                Shelf::ByModel(by_model) => Place::SharedByModel(by_model),
            }
        };
        Self { limit: Arc::clone(limit), place }
    }

    /// The keys of its buckets for all models.
    fn shared_keys(&self) -> Vec<SharedKey> {
        match &self.place {
            Place::Own => Vec::new(),
            Place::Shared(key) => vec![*key],
            Place::SharedByModel(by_model) => by_model.keys(),
        }
    }

    /// The bucket of a request for `model`; `None`: the limit is no more.
    pub(in crate::ledger) fn find(
        &self,
        model: ModelNumber,
        models: &KnownModels,
        shared: &SharedBuckets,
    ) -> Option<Found> {
        Some(match &self.place {
            Place::Own => Found::Beside(self.limit.beside_key(model)),
            Place::Shared(key) => Found::Shared(*key),
            Place::SharedByModel(by_model) => {
                let name = || models.name(model).cloned();
                Found::Shared(by_model.get_or_make(model, name, shared)?)
            }
        })
    }

    /// The bucket of a request for `model`, which is not made by that.
    pub(in crate::ledger) fn look(&self, model: ModelNumber, models: &KnownModels) -> Look {
        match &self.place {
            Place::Own => Look::There(Found::Beside(self.limit.beside_key(model))),
            Place::Shared(key) => Look::There(Found::Shared(*key)),
            Place::SharedByModel(by_model) => by_model.look(model, models.name(model)),
        }
    }
}
