//! All limits and models in force, and the classes of clients that they make.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::{ArcSwap, Guard};
use limiter::{ClientId, UnixMillis};
use parking_lot::Mutex;

use super::{
    Applied, Class, InForce, KnownModels, LimitNumber, ModelNumber, class::ClassKey,
    in_force::Counted, shelf::Shelf,
};
use crate::{
    ledger::{
        keys::{BesideKey, SharedKey},
        shared::{Gone, SharedBuckets},
    },
    limits::{Group, Limit, LimitKind, LimitName, ModelName, Models, Name, Subject},
    store::state::{LimitBucketName, LimitId},
};

/// How many names of limits are counted for, whether they are in force or not.
const COUNTED_MAX: usize = 10_000;

/// What is in force. A decision reads what stands in a class.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Rules {
    book: Mutex<Book>,
    named: ArcSwap<Named>,
    /// Whether some clients' own buckets are not what they are to be under the limits in force yet.
    is_changing: AtomicBool,
}

/// Where a bucket is.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) enum At<'a> {
    /// Among this client's own.
    Beside(&'a str, BesideKey),
    /// Among those that clients share.
    Shared(SharedKey),
}

/// What numbers stand for.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Named {
    limits: HashMap<LimitNumber, Arc<InForce>>,
    numbers: HashMap<LimitName, LimitNumber>,
    models: Arc<KnownModels>,
}

#[derive(Debug, Default)]
struct Book {
    limits: BTreeMap<LimitName, Arc<InForce>>,
    models: Arc<KnownModels>,
    classes: HashMap<ClassKey, Arc<Class>>,
    /// Clients that a limit is for.
    named: HashSet<ClientId>,
    /// What limits counted, also of some that are no more: a counter does not go down.
    counted: HashMap<LimitName, Arc<Counted>>,
    last_number: u32,
    /// How many classes went away whose shelves may still be there.
    swept_behind: usize,
}

/// Lists of limits that are not in force yet, so that no decision waits until they are made.
#[derive(Debug)]
#[must_use = "limits are in force when their lists are"]
pub(in crate::ledger) struct Lists(Vec<(Arc<Class>, Applied)>);

/// What a write of limits and models did, as far as buckets are concerned.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Changed {
    /// Limits that go on with other numbers, by number.
    pub(in crate::ledger) replaced: HashMap<LimitNumber, Arc<InForce>>,
    /// Limits that are no more, or count from anew.
    pub(in crate::ledger) removed: HashMap<LimitNumber, Arc<InForce>>,
    /// Models that are no more.
    pub(in crate::ledger) forgotten: Vec<ModelName>,
    /// Clients that a limit is for now, or was before.
    pub(in crate::ledger) named: Vec<ClientId>,
}

impl Rules {
    /// The class of a client that is configured so.
    pub(in crate::ledger) fn class_of(
        &self,
        subject: &Subject<'_>,
        shared: &SharedBuckets,
    ) -> Arc<Class> {
        self.book.lock().class_of(subject, shared)
    }

    /// Takes back a class that a client was of. The answer is which shared buckets went with it, or with
    /// those before, of which something was taken.
    #[must_use = "what is gone is to be noted"]
    pub(in crate::ledger) fn let_go(&self, class: Arc<Class>, shared: &SharedBuckets) -> Vec<Gone> {
        let mut book = self.book.lock();
        let key = Arc::clone(&class.key);
        drop(class);
        // Only the book has it, and nobody else can get it meanwhile.
        if book.classes.get(&*key).is_some_and(|class| Arc::strong_count(class) == 1) {
            book.classes.remove(&*key);
            book.swept_behind += 1;
            // So that what is swept is never more than what was let go.
            if book.swept_behind > book.classes.len() {
                return book.sweep(shared);
            }
        }
        Vec::new()
    }

    /// Knows other limits and models from `now` on. They are in force in no class before
    /// [`Lists::apply`], so that what is no more is forgotten before what comes after it is charged.
    pub(in crate::ledger) fn replace(
        &self,
        limits: Vec<Limit>,
        models: Models,
        now: UnixMillis,
    ) -> Changed {
        let mut book = self.book.lock();
        let changed = book.replace(limits, models, now);
        let limits = book.limits.values().map(|limit| (limit.number, Arc::clone(limit)));
        let numbers = book.limits.iter().map(|(name, limit)| (name.clone(), limit.number));
        let (limits, numbers) = (limits.collect(), numbers.collect());
        let models = Arc::clone(&book.models);
        self.named.store(Arc::new(Named { limits, numbers, models }));
        changed
    }

    /// The lists of the limits and models that are known, for every class.
    pub(in crate::ledger) fn lists(&self, shared: &SharedBuckets) -> Lists {
        self.book.lock().lists(shared)
    }

    /// Limits are in force from now on to which clients' own buckets are changed one by one.
    pub(in crate::ledger) fn changes(&self) {
        self.is_changing.store(true, Ordering::Release);
    }

    /// They are all changed.
    pub(in crate::ledger) fn is_changed(&self) {
        self.is_changing.store(false, Ordering::Release);
    }

    /// What is left of a client's own buckets may have to be changed before it is settled; `None`: it
    /// has not.
    #[inline]
    pub(in crate::ledger) fn changing(&self) -> Option<Guard<Arc<Named>>> {
        self.is_changing.load(Ordering::Acquire).then(|| self.named.load())
    }

    /// What the numbers of limits and models stand for now.
    pub(in crate::ledger) fn named(&self) -> Guard<Arc<Named>> {
        self.named.load()
    }

    /// What each limit counted, in the order of their names.
    pub(in crate::ledger) fn counted(&self) -> Vec<(LimitName, Arc<Counted>)> {
        let book = self.book.lock();
        let counted = book.counted.iter().map(|(name, of)| (name.clone(), Arc::clone(of)));
        let mut counted: Vec<_> = counted.collect();
        counted.sort_by(|(a, _), (b, _)| a.cmp(b));
        counted
    }

    /// Which limits apply to each class of clients.
    pub(in crate::ledger) fn applied_to_classes(&self) -> Vec<Arc<Applied>> {
        self.book.lock().classes.values().map(|class| class.applied_now()).collect()
    }

    /// Takes away the shelves that nobody can reach any more. The answer is which buckets went with them
    /// of which something was taken.
    #[must_use = "what is gone is to be noted"]
    pub(in crate::ledger) fn sweep(&self, shared: &SharedBuckets) -> Vec<Gone> {
        self.book.lock().sweep(shared)
    }

    /// What limits have for this model begins anew.
    pub(in crate::ledger) fn forget_model(&self, model: ModelNumber, shared: &SharedBuckets) {
        for limit in self.book.lock().limits.values() {
            // They are read back as forgotten, and need not be noted once more.
            limit.shelves.sweep(|_, _| true, |known| known != model, shared, &mut Vec::new());
        }
    }

    /// The limits in force, by name.
    pub(in crate::ledger) fn limits(&self) -> Vec<Arc<InForce>> {
        self.book.lock().limits.values().cloned().collect()
    }

    /// One of them, as it is written down; `None`: it is no more, or counts something else now.
    pub(in crate::ledger) fn limit_of(&self, id: LimitId<'_>) -> Option<Arc<InForce>> {
        self.limit(id.name).filter(|limit| limit.config.kind() == id.kind)
    }

    /// One of them.
    pub(in crate::ledger) fn limit(&self, name: &str) -> Option<Arc<InForce>> {
        let named = self.named.load();
        named.limits.get(named.numbers.get(name)?).cloned()
    }

    /// The bucket that is called so, which is there from now on. `None`: there is no such limit, or no
    /// such bucket of it.
    pub(in crate::ledger) fn bucket_of<'a>(
        &self,
        name: &LimitBucketName<'a>,
        shared: &SharedBuckets,
    ) -> Option<(Arc<InForce>, At<'a>)> {
        let book = self.book.lock();
        let limit = Arc::clone(book.limits.get(name.limit.name)?);
        let LimitKind { each, .. } = limit.config.kind();
        let is_it = limit.config.kind() == name.limit.kind
            && (name.client.is_some(), name.model.is_some()) == (each.client, each.model);
        let model = match name.model {
            Some(ClientId::OTHER) => Some(ModelName::Other),
            Some(model) => Some(ModelName::Named(Name::try_from(model).ok()?)),
            None => None,
        };
        let number = match &model {
            Some(model) => Some(book.models.number(model)?),
            None => None,
        };
        if !is_it {
            return None;
        }
        if let Some(client) = name.client {
            return Some((
                Arc::clone(&limit),
                At::Beside(client, BesideKey { limit: limit.number, model: number }),
            ));
        }
        let group = name.group.map(Group::try_from).transpose().ok()?;
        let plan = name.plan.map(Name::try_from).transpose().ok()?;
        if (group.is_some(), plan.is_some()) != (each.group, each.plan) {
            return None;
        }
        let key =
            match limit.shelves.get_or_make(&limit.config, (group.as_ref(), plan.as_ref()), shared)
            {
                Shelf::One(key) => key,
                Shelf::ByModel(by_model) => by_model.get_or_make(number?, || model, shared)?,
            };
        Some((limit, At::Shared(key)))
    }

    /// The models in force.
    pub(in crate::ledger) fn models(&self) -> Arc<KnownModels> {
        Arc::clone(&self.book.lock().models)
    }
}

impl Named {
    /// How many limits there are.
    pub(in crate::ledger) fn len(&self) -> usize {
        self.limits.len()
    }

    /// The limits, and the models.
    pub(in crate::ledger) fn configured(&self) -> (Vec<Limit>, &Models) {
        let limits = self.limits.values().map(|limit| limit.config.clone()).collect();
        (limits, self.models.models())
    }

    /// The model of this number, by which requests are told apart; `None`: it is no more.
    pub(in crate::ledger) fn number_of_model(&self, model: &ModelName) -> Option<ModelNumber> {
        self.models.number(model)
    }

    /// Every limit, with its number.
    pub(in crate::ledger) fn limits(&self) -> impl Iterator<Item = (LimitNumber, &InForce)> {
        self.limits.iter().map(|(number, limit)| (*number, &**limit))
    }

    /// Every model, with its number.
    pub(in crate::ledger) fn models(&self) -> &KnownModels {
        &self.models
    }

    /// The limit of this number; `None`: it is no more.
    pub(in crate::ledger) fn limit(&self, number: LimitNumber) -> Option<&InForce> {
        self.limits.get(&number).map(|limit| &**limit)
    }

    /// The model of this number; `None`: it is no more.
    pub(in crate::ledger) fn model(&self, number: ModelNumber) -> Option<&ModelName> {
        self.models.name(number)
    }
}

impl Book {
    fn class_of(&mut self, subject: &Subject<'_>, shared: &SharedBuckets) -> Arc<Class> {
        let key = ClassKey::of(subject, self.named.contains(subject.client));
        if let Some(class) = self.classes.get(&key) {
            return Arc::clone(class);
        }
        let class = Arc::new(Class::new(key.clone(), self.applied(&key, shared)));
        self.classes.insert(key, Arc::clone(&class));
        class
    }

    fn applied(&self, key: &ClassKey, shared: &SharedBuckets) -> Applied {
        let nobody = ClientId::other();
        Applied::new(self.limits.values(), &self.models, &key.subject(&nobody), shared)
    }

    fn replace(&mut self, limits: Vec<Limit>, models: Models, now: UnixMillis) -> Changed {
        let mut changed = Changed::default();
        let before = std::mem::take(&mut self.limits);
        for config in limits {
            let known = before.get(&config.name);
            let goes_on = match known {
                Some(known) if known.config == config => Some(Arc::clone(known)),
                Some(known) => known.with(&config, now).map(Arc::new),
                None => None,
            };
            let limit = goes_on.unwrap_or_else(|| {
                self.last_number = self.last_number.wrapping_add(1);
                let counted = Arc::clone(self.counted.entry(config.name.clone()).or_default());
                Arc::new(InForce::new(LimitNumber(self.last_number), config, counted, now))
            });
            let has_other_numbers = known.is_some_and(|known| {
                known.number == limit.number
                    && (known.config.measure, known.config.trial)
                        != (limit.config.measure, limit.config.trial)
            });
            if has_other_numbers {
                changed.replaced.insert(limit.number, Arc::clone(&limit));
            }
            self.limits.insert(limit.config.name.clone(), limit);
        }
        for (name, known) in before {
            if self.limits.get(&name).is_none_or(|limit| limit.number != known.number) {
                changed.removed.insert(known.number, known);
            }
        }
        if self.counted.len() > COUNTED_MAX {
            self.counted.retain(|name, _| self.limits.contains_key(name));
        }

        let models = self.models.with(models);
        let gone = self.models.models().iter().filter_map(|(name, _)| {
            let model = ModelName::Named(name.clone());
            models.number(&model).is_none().then_some(model)
        });
        changed.forgotten = gone.collect();
        self.models = Arc::new(models);

        let named = self.limits.values().filter_map(|limit| limit.config.matches.client.clone());
        let named = named.collect::<HashSet<_>>();
        changed.named = self.named.symmetric_difference(&named).cloned().collect();
        self.named = named;
        changed
    }

    fn lists(&self, shared: &SharedBuckets) -> Lists {
        let list = |(key, class): (_, &Arc<Class>)| (Arc::clone(class), self.applied(key, shared));
        Lists(self.classes.iter().map(list).collect())
    }

    fn sweep(&mut self, shared: &SharedBuckets) -> Vec<Gone> {
        self.swept_behind = 0;
        let mut gone = Vec::new();
        let groups = self.classes.keys().map(|key| key.group.as_ref()).collect::<HashSet<_>>();
        let plans = self.classes.keys().map(|key| key.plan.as_ref()).collect::<HashSet<_>>();
        let pairs = self
            .classes
            .keys()
            .map(|key| (key.group.as_ref(), key.plan.as_ref()))
            .collect::<HashSet<_>>();
        for limit in self.limits.values() {
            let each = limit.config.each;
            limit.shelves.sweep(
                |group, plan| match (each.group, each.plan) {
                    (false, false) => true,
                    (true, false) => groups.contains(&group),
                    (false, true) => plans.contains(&plan),
                    (true, true) => pairs.contains(&(group, plan)),
                },
                |model| self.models.name(model).is_some(),
                shared,
                &mut gone,
            );
        }
        gone
    }
}

impl Lists {
    /// Puts them in force.
    pub(in crate::ledger) fn apply(self) {
        self.0.into_iter().for_each(|(class, applied)| class.apply(applied));
    }
}

impl Changed {
    /// Whether each client may have something of what was changed: a bucket, or how often it was refused
    /// by what is no more.
    pub(in crate::ledger) fn touches_clients_own(&self) -> bool {
        self.replaced.values().any(|limit| limit.is_clients_own())
            || !self.removed.is_empty()
            || !self.forgotten.is_empty()
    }

    /// Gives the shared buckets of limits that are no more back. Nobody makes one of theirs again.
    pub(in crate::ledger) fn give_back(&self, shared: &SharedBuckets) {
        self.removed.values().for_each(|limit| limit.shelves.close(shared));
    }

    /// The shared buckets that are about to be changed, or given back with their limits.
    pub(in crate::ledger) fn touched_keys(&self) -> impl Iterator<Item = SharedKey> {
        let limits = self.replaced.values().chain(self.removed.values());
        limits.flat_map(|limit| limit.shelves.keys())
    }

    /// Those of limits that go on with other numbers.
    pub(in crate::ledger) fn replaced_keys(
        &self,
    ) -> impl Iterator<Item = (&Arc<InForce>, SharedKey)> {
        let keys = |limit: &InForce| limit.shelves.keys().into_iter();
        self.replaced.values().flat_map(move |limit| keys(limit).map(move |key| (limit, key)))
    }
}
