//! What is configured and done in a history, in words that neither side of the comparison owns.

use std::{collections::BTreeMap, num::NonZeroU64};

use flowguard::{
    clients::{ClientConfig, Limits},
    limits::{
        Each, Group, Limit, LimitMode, LimitName, Match, Measure, ModelName, Models, Name, Pattern,
        Patterns,
    },
};
use limiter::{ClientId, Quota, Window};

use crate::world::limit;

/// A limit as an operator writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) client: Option<&'static str>,
    pub(crate) group: Option<&'static str>,
    pub(crate) plan: Option<&'static str>,
    pub(crate) model: Option<&'static str>,
    pub(crate) each: Vec<&'static str>,
    pub(crate) kind: Kind,
    pub(crate) amount: u64,
    pub(crate) per_s: u32,
    pub(crate) burst: u64,
    pub(crate) mode: Mode,
    pub(crate) trial: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Requests,
    Tokens,
    Concurrent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Enforce,
    Shadow,
    Off,
}

/// A client as an operator writes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Who {
    pub(crate) rpm: Option<u64>,
    pub(crate) tpm: Option<u64>,
    pub(crate) is_disabled: bool,
    pub(crate) group: Option<&'static str>,
    pub(crate) plan: Option<&'static str>,
}

pub(crate) const GROUPS: [&str; 4] = ["a", "a/b", "a/b/c", "ab"];
pub(crate) const PLANS: [&str; 2] = ["p", "q"];

/// Every model that can be configured, with its patterns.
pub(crate) const MODELS: [(&str, &[&str]); 3] =
    [("alpha", &["alpha", "Alpha-*"]), ("mini", &["*-mini"]), ("beta", &["beta*", "*x*beta"])];

/// What requests call their models.
pub(crate) const RAW_MODELS: [Option<&str>; 8] = [
    None,
    Some("alpha"),
    Some("ALPHA-2"),
    Some("alpha-mini"),
    Some("x-MINI"),
    Some("beta-mini"),
    Some("axbeta"),
    Some("none of them"),
];

impl Spec {
    pub(crate) fn has_each(&self, word: &str) -> bool {
        self.each.contains(&word)
    }

    pub(crate) fn to_limit(&self) -> Limit {
        let mut each = Each::default();
        for word in &self.each {
            each.add(word).unwrap();
        }
        let quota = || {
            let window = Window::from_secs(self.per_s).unwrap();
            Quota::new(self.amount, window, Some(self.burst)).unwrap()
        };
        Limit {
            name: LimitName::try_from(&*self.name).unwrap(),
            matches: Match {
                client: self.client.map(|id| ClientId::try_from(id).unwrap_or(ClientId::unknown())),
                group: self.group.map(|group| Group::try_from(group).unwrap()),
                plan: self.plan.map(|plan| Name::try_from(plan).unwrap()),
                model: self.model.map(|model| match model {
                    "other" => ModelName::Other,
                    model => ModelName::Named(Name::try_from(model).unwrap()),
                }),
            },
            each,
            measure: match self.kind {
                Kind::Requests => Measure::Requests(quota()),
                Kind::Tokens => Measure::Tokens(quota()),
                Kind::Concurrent => Measure::Concurrent(NonZeroU64::new(self.amount).unwrap()),
            },
            mode: match self.mode {
                Mode::Enforce => LimitMode::Enforce,
                Mode::Shadow => LimitMode::Shadow,
                Mode::Off => LimitMode::Off,
            },
            trial: self.trial.map(|trial| NonZeroU64::new(trial).unwrap()),
        }
    }
}

impl Who {
    pub(crate) fn to_config(&self, id: &str) -> ClientConfig {
        let limits = Limits { rpm: self.rpm.map(limit), tpm: self.tpm.map(limit) };
        ClientConfig {
            enabled: !self.is_disabled,
            group: self.group.map(|group| Group::try_from(group).unwrap()),
            plan: self.plan.map(|plan| Name::try_from(plan).unwrap()),
            ..ClientConfig::new(ClientId::try_from(id).unwrap(), limits)
        }
    }
}

/// The limits that there are, by place, and which of [`MODELS`] are on.
#[derive(Clone, Debug)]
pub(crate) struct RuleSet {
    pub(crate) specs: BTreeMap<usize, Spec>,
    pub(crate) are_on: [bool; 3],
}

impl RuleSet {
    pub(crate) fn of(specs: Vec<Spec>) -> Self {
        let mut set = Self { specs: BTreeMap::new(), are_on: [true; 3] };
        set.put_all(specs);
        set
    }

    pub(crate) fn put_all(&mut self, specs: Vec<Spec>) {
        self.specs = specs.into_iter().enumerate().collect();
    }

    /// A limit goes on with other numbers, and counts the same; whether there is one.
    pub(crate) fn renumber(&mut self, limit: usize, spec: Spec) -> bool {
        let Some(known) = self.specs.get_mut(&limit) else { return false };
        let (each, kind) = (known.each.clone(), known.kind);
        *known = Spec { each, kind, ..spec };
        true
    }

    /// What can be in force of it: a limit for a model that is off is gone.
    pub(crate) fn in_force(&mut self) -> Vec<Spec> {
        for (at, spec) in &mut self.specs {
            spec.name = format!("l{at}");
        }
        let models = MODELS.iter().zip(self.are_on);
        let off = models.filter_map(|((name, _), is_on)| (!is_on).then_some(*name));
        let off = off.collect::<Vec<_>>();
        self.specs.retain(|_, spec| spec.model.is_none_or(|model| !off.contains(&model)));
        self.specs.values().cloned().collect()
    }
}

/// Clients that are in every group and on every plan all the time: what nobody is in has no buckets.
pub(crate) fn always() -> Vec<(String, Who)> {
    let groups = GROUPS.map(Some).into_iter().chain([None]);
    let both = groups
        .flat_map(|group| PLANS.map(Some).into_iter().chain([None]).map(move |plan| (group, plan)));
    let named = both.map(|(group, plan)| {
        let id = format!("always-{}-{}", group.unwrap_or("none"), plan.unwrap_or("none"));
        (id, Who { group, plan, ..Who::default() })
    });
    named.collect()
}

/// Those of [`MODELS`] that are switched on.
pub(crate) fn models(are_on: [bool; 3]) -> Models {
    let on = MODELS.iter().zip(are_on).filter_map(|(model, is_on)| is_on.then_some(model));
    let patterns = |texts: &[&str]| {
        let patterns = texts.iter().map(|text| Pattern::try_from(*text).unwrap());
        Patterns::new(patterns.collect()).unwrap()
    };
    let on = on.map(|(name, texts)| (Name::try_from(*name).unwrap(), patterns(texts)));
    Models::new(on.collect::<BTreeMap<_, _>>()).unwrap()
}
