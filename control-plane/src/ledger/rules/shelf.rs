//! Where a limit's shared buckets are.

use std::{collections::HashMap, sync::Arc};

use parking_lot::{Mutex, RwLock};

use super::ModelNumber;
use crate::{
    ledger::shared::{SharedBuckets, SharedKey, SharedName},
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
    buckets: RwLock<HashMap<ModelNumber, SharedKey>>,
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
            let name = SharedName { limit: limit.name.clone(), group, plan, model: None };
            if limit.each.model {
                Shelf::ByModel(Arc::new(ByModel { name, buckets: RwLock::default() }))
            } else {
                Shelf::One(shared.take(name))
            }
        });
        of_both.clone()
    }

    /// Takes away what nobody can reach any more: shelves of groups and plans that no client has, once
    /// none of their places is taken, and buckets of models that are no more.
    pub(super) fn sweep(
        &self,
        is_known: impl Fn(Option<&Group>, Option<&Name>) -> bool,
        is_known_model: impl Fn(ModelNumber) -> bool,
        shared: &SharedBuckets,
    ) {
        self.0.lock().retain(|(group, plan), shelf| {
            let is_known = is_known(group.as_ref(), plan.as_ref());
            match shelf {
                Shelf::One(key) => is_known || !shared.give_back_idle(*key),
                Shelf::ByModel(by_model) => {
                    let mut buckets = by_model.buckets.write();
                    buckets.retain(|model, key| {
                        if !is_known_model(*model) {
                            shared.give_back(*key);
                            return false;
                        }
                        is_known || !shared.give_back_idle(*key)
                    });
                    is_known || !buckets.is_empty()
                }
            }
        });
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
    /// Those that there are.
    pub(super) fn keys(&self) -> Vec<SharedKey> {
        self.buckets.read().values().copied().collect()
    }

    /// The bucket of a model, which is there from now on.
    pub(in crate::ledger) fn get_or_make(
        &self,
        model: ModelNumber,
        name: impl FnOnce() -> Option<ModelName>,
        shared: &SharedBuckets,
    ) -> SharedKey {
        if let Some(key) = self.buckets.read().get(&model) {
            return *key;
        }
        let mut buckets = self.buckets.write();
        *buckets
            .entry(model)
            .or_insert_with(|| shared.take(SharedName { model: name(), ..self.name.clone() }))
    }
}
