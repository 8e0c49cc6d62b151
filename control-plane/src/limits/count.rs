//! How many buckets a request would need, told before the configuration that says so is in force.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use foldhash::fast::RandomState;
use limiter::{BUCKETS_MAX, ClientId, Dimension};

use super::{Group, Limit, LimitKey, ModelName, Name, Subject};

/// How many limits of a client are named when it has too many; more than that are too many anyway.
const LIMITS_TOLD_MAX: usize = BUCKETS_MAX + 4;

/// Counts the buckets of clients under a set of limits.
///
/// What clients have in common is counted once for each group and plan; a client adds its own two,
/// and only one that a limit names by its id is counted by itself.
#[derive(Clone, Debug)]
pub struct BucketCount<'a> {
    /// Limits that name no client.
    shared: Vec<&'a Limit>,
    /// Those that name one.
    by_client: HashMap<&'a ClientId, Vec<&'a Limit>, RandomState>,
    /// The most that `shared` come to for one model.
    most_of_class: HashMap<Class, usize, RandomState>,
}

/// What clients have in common by which limits match.
type Class = (Option<Group>, Option<Name>);

impl<'a> BucketCount<'a> {
    /// Of clients under these limits.
    pub fn of(limits: impl IntoIterator<Item = &'a Limit>) -> Self {
        let mut count = Self {
            shared: Vec::new(),
            by_client: HashMap::default(),
            most_of_class: HashMap::default(),
        };
        for limit in limits {
            match &limit.matches.client {
                None => count.shared.push(limit),
                Some(client) => count.by_client.entry(client).or_default().push(limit),
            }
        }
        count
    }

    /// Refuses a client that would have more buckets than a request can need, for the model for
    /// which it has the most. `own` are the client's own limits.
    pub fn check(
        &mut self,
        subject: &Subject<'_>,
        own: &[Dimension],
    ) -> Result<(), TooManyBuckets> {
        let by_name = self.by_client.get(subject.client).map_or(&[][..], Vec::as_slice);
        let class = (subject.group.cloned(), subject.plan.cloned());
        let common = &self.shared;
        let most_shared =
            *self.most_of_class.entry(class).or_insert_with(|| most(common, subject).0);
        if by_name.is_empty() && own.len() + most_shared <= BUCKETS_MAX {
            return Ok(());
        }
        let limits: Vec<_> = common.iter().chain(by_name).copied().collect();
        let (most, model) = most(&limits, subject);
        let buckets = own.len() + most;
        if buckets <= BUCKETS_MAX {
            return Ok(());
        }
        let apply = limits.into_iter().filter(|limit| limit.applies_to(subject, &model));
        let own = own.iter().map(|own| LimitKey::Own(*own));
        let limits = own.chain(apply.map(|limit| LimitKey::Named(limit.name.clone()))).collect();
        Err(TooManyBuckets { client: subject.client.clone(), model, buckets, limits })
    }
}

/// The most that `limits` come to for one model, and for which one.
fn most(limits: &[&Limit], subject: &Subject<'_>) -> (usize, ModelName) {
    let mut of_every_model = 0;
    let mut of_model: BTreeMap<&ModelName, usize> = BTreeMap::new();
    for limit in limits.iter().filter(|limit| limit.concerns(subject)) {
        match &limit.matches.model {
            None => of_every_model += limit.buckets(),
            Some(model) => *of_model.entry(model).or_default() += limit.buckets(),
        }
    }
    // Any model that none of them names has the same number as `other`.
    let named = of_model.into_iter().max_by_key(|(_, buckets)| *buckets);
    let (model, more) = named.map_or((ModelName::Other, 0), |(model, more)| (model.clone(), more));
    (of_every_model + more, model)
}

/// A client that would have too many buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooManyBuckets {
    /// Which one, or `unknown`.
    pub client: ClientId,
    /// For which model it has the most.
    pub model: ModelName,
    /// How many: one a limit, and one more for a trial.
    pub buckets: usize,
    /// Of which limits.
    pub limits: Vec<LimitKey>,
}

impl std::error::Error for TooManyBuckets {}

impl fmt::Display for TooManyBuckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, model, buckets, limits } = self;
        let model = model.as_str();
        write!(
            f,
            "a request of client \"{client}\" for model \"{model}\" would need {buckets} buckets, {BUCKETS_MAX} at most, of the limits "
        )?;
        for (index, limit) in limits.iter().take(LIMITS_TOLD_MAX).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}", limit.as_str())?;
        }
        match limits.len().saturating_sub(LIMITS_TOLD_MAX) {
            0 => Ok(()),
            untold => write!(f, " and {untold} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use proptest::prelude::*;

    use super::*;
    use crate::limits::{Each, LimitMode, LimitName, Match, Measure};

    const OWN: [Dimension; 2] = [Dimension::Rpm, Dimension::Tpm];

    fn limit(name: &str) -> Limit {
        Limit {
            name: LimitName::try_from(name).expect("a name"),
            matches: Match::default(),
            each: Each::default(),
            measure: Measure::Concurrent(NonZeroU64::MIN),
            mode: LimitMode::Enforce,
            trial: None,
        }
    }

    fn limits(count: usize) -> Vec<Limit> {
        (0..count).map(|n| limit(&format!("l{n}"))).collect()
    }

    fn id(text: &str) -> ClientId {
        ClientId::try_from(text).expect("an id")
    }

    fn name(text: &str) -> Name {
        Name::try_from(text).expect("a name")
    }

    fn check(limits: &[Limit], own: &[Dimension]) -> Result<(), TooManyBuckets> {
        let client = id("a");
        let subject = Subject { client: &client, group: None, plan: None };
        BucketCount::of(limits).check(&subject, own)
    }

    #[test]
    fn sixteen_buckets_are_the_most_with_a_clients_own_two_and_trials() {
        assert_eq!(check(&limits(14), &OWN), Ok(()));
        assert_eq!(check(&limits(16), &[]), Ok(()));
        let mut many = limits(14);
        many[3].trial = Some(NonZeroU64::MIN);
        many[4].mode = LimitMode::Shadow;
        let error = check(&many, &OWN).expect_err("one too many");
        assert_eq!(
            error.to_string(),
            "a request of client \"a\" for model \"other\" would need 17 buckets, 16 at most, of the limits rpm, tpm, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13"
        );
        many[3].mode = LimitMode::Off;
        assert_eq!(check(&many, &OWN), Ok(()));
    }

    #[test]
    fn the_model_with_the_most_is_told_and_only_its_limits() {
        let mut many = limits(17);
        for (index, limit) in many.iter_mut().enumerate() {
            let model = ["a", "b"][usize::from(index >= 5)];
            limit.matches.model = Some(ModelName::Named(name(model)));
        }
        assert_eq!(check(&many, &OWN), Ok(()));
        many[0].matches.model = None;
        many[1].matches.model = None;
        let error = check(&many, &[Dimension::Tpm, Dimension::Rpm, Dimension::Rpm]);
        let error = error.expect_err("12 of b, 2 of all, 3 of its own");
        assert_eq!((error.model.as_str(), error.buckets, error.limits.len()), ("b", 17, 17));
    }

    #[test]
    fn very_many_limits_are_told_in_a_line_of_their_first() {
        let error = check(&limits(1_000), &[]).expect_err("too many").to_string();
        assert!(error.ends_with(", l19 and 980 more"), "{error}");
    }

    #[test]
    fn a_million_clients_of_a_thousand_limits_are_counted_by_class() {
        let mut many = limits(1_000);
        for (index, limit) in many.iter_mut().enumerate() {
            match index % 10 {
                0 => limit.matches.client = Some(id(&format!("c{index}"))),
                _ => limit.matches.plan = Some(name(&format!("p{}", index % 100))),
            }
        }
        let plans: Vec<_> = (0..100).map(|n| name(&format!("p{n}"))).collect();
        let mut count = BucketCount::of(&many);
        let clients = 1_000_000;
        for n in 0..clients {
            let client = id(&format!("c{n}"));
            let plan = plans.get(n % 200);
            let subject = Subject { client: &client, group: None, plan };
            assert_eq!(count.check(&subject, &OWN), Ok(()));
        }
        assert_eq!(count.most_of_class.len(), 101);
    }

    fn any_limit() -> impl Strategy<Value = Limit> {
        let of = |values: &'static [&'static str]| {
            prop::option::weighted(0.3, prop::sample::select(values))
        };
        let models = of(&["m", "n", "other"]);
        let mode = prop::sample::select(LimitMode::ALL.to_vec());
        let (client, group, plan) = (of(&["a", "b"]), of(&["g", "g/h"]), of(&["p", "q"]));
        let each = prop::collection::btree_set(prop::sample::select(Each::WORDS.to_vec()), 0..3);
        (client, group, plan, models, each, mode, any::<bool>()).prop_map(
            |(client, group, plan, model, words, mode, has_trial)| {
                let mut each = Each::default();
                for word in words {
                    each.add(word).expect("each once");
                }
                let model = model.map(|text| match text {
                    "other" => ModelName::Other,
                    text => ModelName::Named(name(text)),
                });
                let group = group.map(|text| Group::try_from(text).expect("a group"));
                let matches = Match { client: client.map(id), group, plan: plan.map(name), model };
                let trial = has_trial.then_some(NonZeroU64::MIN);
                Limit { matches, each, mode, trial, ..limit("l") }
            },
        )
    }

    proptest! {
        #[test]
        fn a_client_is_refused_just_when_it_has_too_many_for_some_model(
            limits in prop::collection::vec(any_limit(), 0..60),
        ) {
            let mut count = BucketCount::of(&limits);
            let models = ["m", "n", "x"].map(|model| ModelName::Named(name(model)));
            for client in ["a", "b", "c", "unknown"].map(id) {
                for group in [None, Some("g"), Some("g/h"), Some("gg")] {
                    for plan in [None, Some("p"), Some("q")] {
                        let group = group.map(|text| Group::try_from(text).expect("a group"));
                        let plan = plan.map(name);
                        let subject =
                            Subject { client: &client, group: group.as_ref(), plan: plan.as_ref() };
                        let of_model = |model: &ModelName| -> usize {
                            let apply = limits.iter().filter(|l| l.applies_to(&subject, model));
                            apply.map(Limit::buckets).sum()
                        };
                        let most = models.iter().chain([&ModelName::Other]).map(of_model).max();
                        let most = most.expect("some models") + OWN.len();
                        match count.check(&subject, &OWN) {
                            Ok(()) => prop_assert!(most <= BUCKETS_MAX, "{most}"),
                            Err(error) => {
                                prop_assert!(most > BUCKETS_MAX);
                                prop_assert_eq!(error.buckets, most);
                                prop_assert_eq!(of_model(&error.model) + OWN.len(), most);
                            }
                        }
                    }
                }
            }
        }
    }
}
