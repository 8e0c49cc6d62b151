//! Random limits beside clients' own two, random models, and where clients belong.

use flowguard::limits::{self, Group, LimitMode, LimitName, ModelName, Name, Pattern, Patterns};
use limiter::{ClientId, Quota, Window};

use crate::{
    oracle::{Each, Measure, Mode, Numbers, OTHER, Rule, Rules, Word},
    plan::{CLIENTS, ClientPlan},
    random::Random,
};

/// A decision tells of sixteen buckets, of which a client's own are two.
const BUCKETS_MAX: usize = 14;

/// How limits are called, not in the order of their names.
const NAMES: [Word; 10] =
    ["org", "per-model", "day", "running", "provider", "a", "zz", "rest", "team-2", "9"];

const GROUPS: [Word; 5] = ["acme", "acme/research", "acme/research/one", "acmeology", "beta"];

const PLANS: [Word; 2] = ["pro", "free"];

/// Models and patterns, of which none ties with another.
const MODELS: [(Word, &[Word]); 5] = [
    ("gpt-4o", &["gpt-4o", "gpt-4o-2*"]),
    ("gpt-4o", &["gpt*"]),
    ("mini", &["*-mini"]),
    ("haiku", &["*claude-haiku*", "haiku"]),
    ("haiku", &["*claude*"]),
];

/// How requests call their models; most of them are of none.
pub(crate) const CALLED: [Word; 9] = [
    "",
    "gpt-4o",
    "GPT-4o-2024-08-06",
    "gpt-4o-mini",
    "o4-mini",
    "anthropic.claude-haiku-4:0",
    "haiku",
    "Claude-3",
    "llama",
];

const WINDOWS_S: [u64; 9] = [1, 7, 30, 60, 60, 720, 3_600, 86_400, 31 * 86_400];

/// The word that a text is.
pub(crate) fn word(text: &str) -> Option<Word> {
    GROUPS.iter().chain(&PLANS).find(|word| **word == text).copied()
}

/// A group and a plan, or none.
pub(crate) fn belongs(random: &mut Random) -> (Option<Word>, Option<Word>) {
    let (has_group, has_plan) = (!random.percent(20), !random.percent(25));
    (has_group.then(|| random.pick(&GROUPS)), has_plan.then(|| random.pick(&PLANS)))
}

impl Rules {
    /// What a run begins with.
    pub(crate) fn of(clients: &[ClientPlan], random: &mut Random) -> Self {
        let mut rules = Self::default();
        rules.change_models(random);
        for _ in 0..random.below(9) {
            rules.put(clients, random);
        }
        rules
    }

    /// Something else is wanted.
    pub(crate) fn change(&mut self, clients: &[ClientPlan], random: &mut Random) {
        let names: Vec<_> = self.limits.keys().copied().collect();
        if names.is_empty() || random.percent(20) {
            return self.put(clients, random);
        }
        if random.percent(25) {
            return self.change_models(random);
        }
        let name = random.pick(&names);
        let Some(limit) = self.limits.get_mut(name) else { return };
        let other = Rule::of(clients, &self.models.keys().copied().collect::<Vec<_>>(), random);
        match random.below(7) {
            0 => {
                self.limits.remove(name);
            }
            1 => *limit = other,
            2 => limit.mode = other.mode,
            3 => limit.trial = other.trial,
            4 => {
                let Rule { client, group, plan, model, .. } = other;
                *limit = Rule { client, group, plan, model, ..*limit };
            }
            _ => limit.measure = changed(limit.measure, random),
        }
        self.keep_within_bounds();
    }

    fn put(&mut self, clients: &[ClientPlan], random: &mut Random) {
        let models: Vec<_> = self.models.keys().copied().collect();
        let rule = Rule::of(clients, &models, random);
        self.limits.insert(random.pick(&NAMES), rule);
        self.keep_within_bounds();
    }

    fn change_models(&mut self, random: &mut Random) {
        self.models = MODELS.into_iter().filter(|_| random.percent(60)).collect();
        let models = &self.models;
        let is_there = |model: Word| model == OTHER || models.contains_key(model);
        self.limits.retain(|_, limit| limit.model.is_none_or(is_there));
    }

    fn keep_within_bounds(&mut self) {
        let count = |rules: &Self| {
            let trials = rules.limits.values().filter(|rule| rule.trial.is_some());
            rules.limits.len() + trials.count()
        };
        while self.limits.len() > 8 {
            self.limits.pop_first();
        }
        while count(self) > BUCKETS_MAX {
            let on_trial = self.limits.values_mut().find(|rule| rule.trial.is_some());
            if let Some(rule) = on_trial {
                rule.trial = None;
            }
        }
    }

    /// As an operator writes the limits.
    pub(crate) fn to_limits(&self) -> Vec<limits::Limit> {
        self.limits.iter().map(|(name, rule)| rule.to_limit(name)).collect()
    }

    /// As an operator writes the models.
    pub(crate) fn to_models(&self) -> limits::Models {
        let models = self.models.iter().map(|(name, patterns)| {
            let patterns = patterns.iter().map(|text| Pattern::try_from(*text).expect("a pattern"));
            (to_name(name), Patterns::new(patterns.collect()).expect("some patterns"))
        });
        limits::Models::new(models.collect()).expect("no ties")
    }
}

impl Rule {
    fn of(clients: &[ClientPlan], models: &[Word], random: &mut Random) -> Self {
        let mut is = |percent| random.percent(percent);
        let each = Each { client: is(35), group: is(20), plan: is(20), model: is(30) };
        let (for_client, for_group, for_plan, for_model) = (is(15), is(30), is(25), is(30));
        let models = [models, &[OTHER]].concat();
        let measure = Measure::of(clients, random);
        Self {
            client: for_client.then(|| random.pick(&CLIENTS)),
            group: for_group.then(|| random.pick(&GROUPS)),
            plan: for_plan.then(|| random.pick(&PLANS)),
            model: for_model.then(|| random.pick(&models)),
            each,
            measure,
            mode: random.pick(&[
                Mode::Enforce,
                Mode::Enforce,
                Mode::Enforce,
                Mode::Enforce,
                Mode::Shadow,
                Mode::Off,
            ]),
            trial: random.percent(30).then(|| {
                let amount = measure.amount();
                random.pick(&[amount / 2 + 1, amount * 2, amount.div_ceil(7)]).min(AMOUNT_MAX)
            }),
        }
    }

    fn to_limit(self, name: Word) -> limits::Limit {
        let Each { client, group, plan, model } = self.each;
        limits::Limit {
            name: LimitName::try_from(name).expect("a limit's name"),
            matches: limits::Match {
                client: self.client.map(|id| ClientId::try_from(id).expect("an id")),
                group: self.group.map(|text| Group::try_from(text).expect("a group")),
                plan: self.plan.map(to_name),
                model: self.model.map(|model| match model {
                    OTHER => ModelName::Other,
                    name => ModelName::Named(to_name(name)),
                }),
            },
            each: limits::Each { client, group, plan, model },
            measure: match self.measure {
                Measure::Requests(numbers) => limits::Measure::Requests(numbers.to_quota()),
                Measure::Tokens(numbers) => limits::Measure::Tokens(numbers.to_quota()),
                Measure::Concurrent(places) => {
                    limits::Measure::Concurrent(places.try_into().expect("some places"))
                }
            },
            mode: match self.mode {
                Mode::Enforce => LimitMode::Enforce,
                Mode::Shadow => LimitMode::Shadow,
                Mode::Off => LimitMode::Off,
            },
            trial: self.trial.map(|trial| trial.try_into().expect("a number")),
        }
    }
}

/// The largest number of a limit.
const AMOUNT_MAX: u64 = 1_000_000_000_000;

impl Measure {
    fn of(clients: &[ClientPlan], random: &mut Random) -> Self {
        let window_s = random.pick(&WINDOWS_S);
        // What all clients together ask for by the second is some tens of requests at most.
        let of = |amount: u64, at_once: u64, random: &mut Random| {
            let amount = amount.clamp(1, AMOUNT_MAX);
            let is_whole = random.percent(40);
            let burst = if is_whole { amount } else { at_once.clamp(1, amount) };
            Numbers { amount, burst, window_ms: window_s * 1_000 }
        };
        match random.below(5) {
            0 | 1 => {
                let amount = (window_s * random.between(1, 90)).div_ceil(60);
                Self::Requests(of(amount, random.between(1, 40), random))
            }
            2 | 3 => {
                let usual: Vec<_> = clients.iter().map(|client| client.tokens).collect();
                let usual = random.pick(&usual);
                let requests = random.between(1, 90);
                let amount = usual.saturating_mul(window_s * requests) / 60;
                Self::Tokens(of(amount, usual * random.between(1, 40), random))
            }
            _ => Self::Concurrent(random.between(1, 6)),
        }
    }

    fn amount(&self) -> u64 {
        match self {
            Self::Requests(numbers) | Self::Tokens(numbers) => numbers.amount,
            Self::Concurrent(places) => *places,
        }
    }
}

impl Numbers {
    fn to_quota(self) -> Quota {
        let window_s = u32::try_from(self.window_ms / 1_000).expect("a month at most");
        let window = Window::from_secs(window_s).expect("a window");
        Quota::new(self.amount, window, Some(self.burst)).expect("a burst within the amount")
    }
}

/// The same with other numbers.
fn changed(measure: Measure, random: &mut Random) -> Measure {
    let mut other = |numbers: Numbers| {
        let amount = match random.below(3) {
            0 => numbers.amount * 7 / 3 + 1,
            1 => numbers.amount / 3 + 1,
            _ => numbers.amount,
        };
        let amount = amount.min(AMOUNT_MAX);
        let burst = random.pick(&[numbers.burst, numbers.burst / 2 + 1, numbers.burst * 3]);
        let window_ms =
            if random.percent(30) { 1_000 * random.pick(&WINDOWS_S) } else { numbers.window_ms };
        Numbers { amount, burst: burst.min(amount), window_ms }
    };
    match measure {
        Measure::Requests(numbers) => Measure::Requests(other(numbers)),
        Measure::Tokens(numbers) => Measure::Tokens(other(numbers)),
        Measure::Concurrent(_) => Measure::Concurrent(random.between(1, 6)),
    }
}

fn to_name(text: Word) -> Name {
    Name::try_from(text).expect("a name")
}
