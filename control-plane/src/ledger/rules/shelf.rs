//! Where a limit's shared buckets are.

use std::{collections::HashMap, sync::Arc};

use parking_lot::{Mutex, RwLock};

use super::{Found, Look, ModelNumber};
use crate::{
    ledger::{
        keys::SharedKey,
        shared::{Gone, InUse, SharedBuckets, SharedName},
    },
    limits::{Group, Limit, ModelName, Name},
};

/// A limit's shared buckets, by group and plan where it has one for each of them.
#[derive(Debug, Default)]
pub(super) struct Shelves(Mutex<HashMap<Of, Shelf>>);

/// The group and the plan of which it is, where the limit has buckets for each of them.
type Of = (Option<Group>, Option<Name>);

/// Those of one group and plan.
#[derive(Clone, Debug)]
pub(super) enum Shelf {
    /// All models share one.
    One(SharedKey),
    /// Each model has one.
    ByModel(Arc<ByModel>),
}

/// A bucket for each model, made when the first request is for it.
#[derive(Debug)]
pub(in crate::ledger) struct ByModel {
    name: SharedName,
    /// `None`: the limit is no more, or nobody can reach the shelf, and none is made.
    buckets: RwLock<Option<HashMap<ModelNumber, SharedKey>>>,
}

impl Shelves {
    /// The shelf of this group and plan, which is there from now on.
    pub(super) fn get_or_make(
        &self,
        limit: &Limit,
        (group, plan): (Option<&Group>, Option<&Name>),
        shared: &SharedBuckets,
    ) -> Shelf {
        let key = (
            group.filter(|_| limit.each.group).cloned(),
            plan.filter(|_| limit.each.plan).cloned(),
        );
        let mut shelves = self.0.lock();
        let of_both = shelves.entry(key).or_insert_with_key(|(group, plan)| {
            let (group, plan) = (group.clone(), plan.clone());
            let name = SharedName {
                limit: limit.name.clone(),
                kind: limit.kind(),
                group,
                plan,
                model: None,
            };
            if limit.each.model {
                Shelf::ByModel(Arc::new(ByModel::new(name)))
            } else {
                Shelf::One(shared.take(name))
            }
        });
        of_both.clone()
    }

    /// Takes away what nobody can reach any more: shelves of groups and plans that no client has, once
    /// none of their places is taken, and buckets of models that are no more. Tells `gone` of which
    /// something was taken.
    pub(super) fn sweep(
        &self,
        is_known: impl Fn(Option<&Group>, Option<&Name>) -> bool,
        is_known_model: impl Fn(ModelNumber) -> bool,
        shared: &SharedBuckets,
        gone: &mut Vec<Gone>,
    ) {
        let mut is_kept = |key| match shared.give_back_idle(key) {
            Ok(bucket) => {
                gone.extend(bucket);
                false
            }
            Err(InUse) => true,
        };
        let mut gone_with_models = Vec::new();
        self.0.lock().retain(|(group, plan), shelf| {
            let is_known = is_known(group.as_ref(), plan.as_ref());
            match shelf {
                Shelf::One(key) => is_known || is_kept(*key),
                Shelf::ByModel(by_model) => {
                    let mut of_shelf = by_model.buckets.write();
                    let Some(buckets) = &mut *of_shelf else { return false };
                    buckets.retain(|model, key| {
                        if !is_known_model(*model) {
                            gone_with_models.extend(shared.give_back(*key));
                            return false;
                        }
                        is_known || is_kept(*key)
                    });
                    let is_kept = is_known || !buckets.is_empty();
                    if !is_kept {
                        *of_shelf = None;
                    }
                    is_kept
                }
            }
        });
        gone.extend(gone_with_models);
    }

    /// Gives all buckets back, and has none from now on.
    pub(super) fn close(&self, shared: &SharedBuckets) {
        for (_, shelf) in self.0.lock().drain() {
            match shelf {
                Shelf::One(key) => {
                    shared.give_back(key);
                }
                Shelf::ByModel(by_model) => {
                    let buckets = by_model.buckets.write().take().unwrap_or_default();
                    for key in buckets.into_values() {
                        shared.give_back(key);
                    }
                }
            }
        }
    }

    /// All buckets that there are.
    pub(super) fn keys(&self) -> Vec<SharedKey> {
        let shelves = self.0.lock();
        let keys = shelves.values().flat_map(|shelf| match shelf {
            Shelf::One(key) => vec![*key],
            Shelf::ByModel(by_model) => by_model.keys(),
        });
        keys.collect()
    }
}

impl ByModel {
    fn new(name: SharedName) -> Self {
        Self { name, buckets: RwLock::new(Some(HashMap::new())) }
    }

    /// Those that there are.
    pub(super) fn keys(&self) -> Vec<SharedKey> {
        self.buckets.read().iter().flat_map(HashMap::values).copied().collect()
    }

    /// The bucket of a model, if it was made.
    pub(in crate::ledger) fn look(&self, model: ModelNumber, name: Option<&ModelName>) -> Look {
        match &*self.buckets.read() {
            None => Look::NoMore,
            Some(buckets) => match buckets.get(&model) {
                Some(key) => Look::There(Found::Shared(*key)),
                None => Look::NotYet(SharedName { model: name.cloned(), ..self.name.clone() }),
            },
        }
    }

    /// The bucket of a model, which is there from now on. `None`: there are none any more.
    pub(in crate::ledger) fn get_or_make(
        &self,
        model: ModelNumber,
        name: impl FnOnce() -> Option<ModelName>,
        shared: &SharedBuckets,
    ) -> Option<SharedKey> {
        if let Some(key) = self.buckets.read().as_ref()?.get(&model) {
            return Some(*key);
        }
        let mut of_shelf = self.buckets.write();
        let make = || shared.take(SharedName { model: name(), ..self.name.clone() });
        Some(*of_shelf.as_mut()?.entry(model).or_insert_with(make))
    }
}
