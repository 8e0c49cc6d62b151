//! The models that have a name here, and which of them a request is for.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    fmt,
};

use foldhash::fast::RandomState;

use super::{ModelName, Name, Pattern, Patterns, Tie, pattern::MODEL_LEN_MAX, ties::ties};

/// How many models can be configured: as many as the largest catalogs of gateways have.
pub const MODELS_MAX: usize = 1_000;

/// How many patterns all models can have together.
pub const PATTERNS_MAX: usize = 4_096;

/// All configured models, ready to be asked.
///
/// A name is of the model that has it without a `*`; else of the one whose pattern has the most
/// literal characters of those that match it; else it is [`ModelName::Other`].
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// In the order of their names.
    all: Vec<Model>,
    /// By the whole name that is meant, in small letters.
    exact: HashMap<Box<[u8]>, usize, RandomState>,
    /// Patterns that begin with something, by what.
    by_prefix: Index,
    /// All others, by what they end with.
    by_suffix: Index,
}

#[derive(Clone, Debug)]
struct Model {
    name: Name,
    known_as: ModelName,
    patterns: Patterns,
}

/// Patterns with a `*`, by one of their ends. A name has few ends that any pattern has, and only the
/// patterns of these are compared with it.
#[derive(Clone, Debug, Default)]
struct Index {
    /// The lengths that ends have, each once and the longest first: those are likely to weigh most.
    lengths: Vec<usize>,
    /// Those of an end, the one with the most literal characters first.
    patterns: HashMap<Box<[u8]>, Vec<Weighed>, RandomState>,
}

#[derive(Clone, Debug)]
struct Weighed {
    literals: usize,
    model: usize,
    pattern: Pattern,
}

/// What a request is for that is for no configured model.
static OTHER: ModelName = ModelName::Other;

impl Models {
    /// These models. Refuses too many, and two patterns that make a name one of either.
    pub fn new(models: BTreeMap<Name, Patterns>) -> Result<Self, InvalidModels> {
        if models.len() > MODELS_MAX {
            return Err(InvalidModels::TooMany { models: models.len() });
        }
        let patterns = models.values().map(|patterns| patterns.as_slice().len()).sum();
        if patterns > PATTERNS_MAX {
            return Err(InvalidModels::TooManyPatterns { patterns });
        }
        let ties = ties(&models);
        if !ties.is_empty() {
            return Err(InvalidModels::Ties(ties));
        }
        Ok(Self::compile(models))
    }

    fn compile(models: BTreeMap<Name, Patterns>) -> Self {
        let mut compiled = Self::default();
        for (model, (name, patterns)) in models.into_iter().enumerate() {
            for pattern in patterns.as_slice() {
                compiled.add(pattern, model);
            }
            let known_as = ModelName::Named(name.clone());
            compiled.all.push(Model { name, known_as, patterns });
        }
        compiled.by_prefix.finish();
        compiled.by_suffix.finish();
        compiled
    }

    fn add(&mut self, pattern: &Pattern, model: usize) {
        let weighed = || Weighed { literals: pattern.literals(), model, pattern: pattern.clone() };
        if !pattern.has_any() {
            self.exact.insert(pattern.prefix().as_bytes().into(), model);
        } else if pattern.prefix().is_empty() {
            self.by_suffix.add(pattern.suffix(), weighed());
        } else {
            self.by_prefix.add(pattern.prefix(), weighed());
        }
    }

    /// The model that a request for `raw` is for. One longer than 128 bytes is of none.
    pub fn resolve(&self, raw: &str) -> &ModelName {
        let found = self.position(raw).and_then(|model| self.all.get(model));
        found.map_or(&OTHER, |model| &model.known_as)
    }

    /// The same as its place among all, which are in the order of their names; `None` is
    /// [`ModelName::Other`].
    pub fn position(&self, raw: &str) -> Option<usize> {
        let mut buffer = [0; MODEL_LEN_MAX];
        let name = buffer.get_mut(..raw.len())?;
        name.copy_from_slice(raw.as_bytes());
        name.make_ascii_lowercase();
        let name = &*name;
        if let Some(model) = self.exact.get(name) {
            return Some(*model);
        }
        let begins = |length: usize| name.get(..length);
        let ends = |length: usize| name.get(name.len().checked_sub(length)?..);
        let mut best = None;
        self.by_prefix.best(name, begins, &mut best);
        self.by_suffix.best(name, ends, &mut best);
        best.map(|best| best.model)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Patterns)> {
        self.all.iter().map(|model| (&model.name, &model.patterns))
    }

    /// The patterns of the model that is called so.
    pub fn get(&self, name: &str) -> Option<&Patterns> {
        let at = self.all.binary_search_by(|model| model.name.as_str().cmp(name)).ok()?;
        self.all.get(at).map(|model| &model.patterns)
    }

    /// Whether a limit can name the model: it is configured, or stands for all that are not.
    pub fn has(&self, model: &ModelName) -> bool {
        match model {
            ModelName::Named(name) => self.get(name.as_str()).is_some(),
            ModelName::Other => true,
        }
    }

    /// The models as they were given, to make others of.
    pub fn to_map(&self) -> BTreeMap<Name, Patterns> {
        self.iter().map(|(name, patterns)| (name.clone(), patterns.clone())).collect()
    }
}

impl PartialEq for Models {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Models {}

impl Index {
    fn add(&mut self, end: &str, weighed: Weighed) {
        self.patterns.entry(end.as_bytes().into()).or_default().push(weighed);
    }

    fn finish(&mut self) {
        for of_one_end in self.patterns.values_mut() {
            of_one_end.sort_by_key(|weighed| Reverse(weighed.literals));
        }
        self.lengths = self.patterns.keys().map(|end| end.len()).collect();
        self.lengths.sort_unstable_by(|one, other| other.cmp(one));
        self.lengths.dedup();
    }

    /// Puts the pattern that matches `name` with the most literal characters in the place of `best`,
    /// if it has more.
    fn best<'a, 'n>(
        &'a self,
        name: &'n [u8],
        end: impl Fn(usize) -> Option<&'n [u8]>,
        best: &mut Option<&'a Weighed>,
    ) {
        for of_one_end in self.lengths.iter().filter_map(|length| self.patterns.get(end(*length)?))
        {
            let more =
                |weighed: &&Weighed| best.is_none_or(|best| weighed.literals > best.literals);
            let found =
                of_one_end.iter().take_while(more).find(|weighed| weighed.pattern.matches(name));
            *best = found.or(*best);
        }
    }
}

/// Models that cannot be configured together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidModels {
    /// More than [`MODELS_MAX`].
    TooMany {
        /// How many there would be.
        models: usize,
    },
    /// More than [`PATTERNS_MAX`].
    TooManyPatterns {
        /// How many there would be.
        patterns: usize,
    },
    /// Each pattern that ties with one before it, with the first of those.
    Ties(Vec<Tie>),
}

impl std::error::Error for InvalidModels {}

impl fmt::Display for InvalidModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { models } => {
                write!(f, "there can be {MODELS_MAX} models, not {models}")
            }
            Self::TooManyPatterns { patterns } => write!(
                f,
                "there can be {PATTERNS_MAX} patterns of all models together, not {patterns}"
            ),
            Self::Ties(ties) => {
                for (index, tie) in ties.iter().take(TIES_TOLD_MAX).enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{tie}")?;
                }
                match ties.len().saturating_sub(TIES_TOLD_MAX) {
                    0 => Ok(()),
                    untold => write!(f, "; and {untold} more"),
                }
            }
        }
    }
}

/// How many ties are told in one line.
const TIES_TOLD_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::try_from(text).expect("a name")
    }

    fn map(models: &[(&str, &[&str])]) -> BTreeMap<Name, Patterns> {
        let pattern = |text: &&str| Pattern::try_from(*text).expect("a pattern");
        let patterns = |texts: &[&str]| {
            Patterns::new(texts.iter().map(pattern).collect()).expect("some patterns")
        };
        models.iter().map(|(model, texts)| (name(model), patterns(texts))).collect()
    }

    fn models(given: &[(&str, &[&str])]) -> Models {
        Models::new(map(given)).expect("models without ties")
    }

    fn told(given: &[(&str, &[&str])]) -> String {
        Models::new(map(given)).expect_err("not together").to_string()
    }

    #[test]
    fn a_name_without_a_star_goes_before_patterns_and_then_the_most_literal_one() {
        let models = models(&[
            ("gpt-4o", &["gpt-4o", "gpt-4o-2*"]),
            ("mini", &["*-mini", "o4-mini"]),
            ("claude", &["*claude*"]),
            ("haiku", &["*claude*haiku*"]),
            ("rest", &["g*"]),
        ]);
        for (raw, expected) in [
            ("gpt-4o", "gpt-4o"),
            ("GPT-4O", "gpt-4o"),
            ("gpt-4o-2024-08-06", "gpt-4o"),
            ("gpt-4o-2", "gpt-4o"),
            ("gpt-4o-mini", "mini"),
            ("gpt-4o-2-mini", "gpt-4o"),
            ("o4-mini", "mini"),
            ("-mini", "mini"),
            ("anthropic/claude-3", "claude"),
            ("claude-haiku", "haiku"),
            ("haiku-claude", "claude"),
            ("g", "rest"),
            ("", "other"),
            ("llama", "other"),
            ("gpt-4o\u{e4}", "rest"),
        ] {
            assert_eq!(models.resolve(raw).as_str(), expected, "{raw}");
            let at = models.position(raw).and_then(|at| models.iter().nth(at));
            assert_eq!(at.map_or("other", |(name, _)| name.as_str()), expected, "{raw}");
        }
        let long = "g".repeat(128);
        assert_eq!(models.resolve(&long).as_str(), "rest");
        assert_eq!(models.resolve(&(long + "g")).as_str(), "other");
    }

    #[test]
    fn two_patterns_that_tie_on_a_name_are_refused_and_both_are_named() {
        assert_eq!(
            told(&[("a", &["x", "gpt*"]), ("b", &["*GPT"])]),
            "the patterns \"gpt*\" of model \"a\" and \"*GPT\" of model \"b\" both match \"gptgpt\", and neither has more literal characters"
        );
        assert_eq!(
            told(&[("a", &["Gpt"]), ("b", &["y", "gpt"]), ("c", &["GPT"])]),
            "the patterns \"Gpt\" of model \"a\" and \"gpt\" of model \"b\" both match \"gpt\", and neither has more literal characters; \
             the patterns \"Gpt\" of model \"a\" and \"GPT\" of model \"c\" both match \"gpt\", and neither has more literal characters"
        );
        for together in [
            [("a", &["gpt*"][..]), ("b", &["gpt"][..])],
            [("a", &["gpt*"][..]), ("b", &["gpT-*"][..])],
            [("a", &["ab*"][..]), ("b", &["ac*"][..])],
            [("a", &["*ab"][..]), ("b", &["*cb"][..])],
            [("a", &["x*", "*x"][..]), ("b", &["yz*"][..])],
        ] {
            models(&together);
        }
    }

    #[test]
    fn there_can_be_a_thousand_models_and_4096_patterns_and_they_are_judged_at_once() {
        let of = |count: usize, each: usize| -> BTreeMap<Name, Patterns> {
            let patterns = |model: usize| {
                let pattern = |n: usize| Pattern::try_from(&*format!("*{n:03}-{model:04}"));
                let all: Result<_, _> = (0..each).map(pattern).collect();
                Patterns::new(all.expect("patterns")).expect("not too many")
            };
            (0..count).map(|model| (name(&format!("m{model}")), patterns(model))).collect()
        };
        let most = Models::new(of(64, 64)).expect("4,096 that have no name in common");
        assert_eq!(most.resolve("gpt-063-0001").as_str(), "m1");
        assert!(Models::new(of(1_000, 4)).is_ok());
        assert_eq!(Models::new(of(1_001, 1)), Err(InvalidModels::TooMany { models: 1_001 }));
        assert_eq!(
            Models::new(of(65, 64)),
            Err(InvalidModels::TooManyPatterns { patterns: 4_160 })
        );
    }

    /// The same by looking at every pattern.
    fn naive<'a>(models: &'a BTreeMap<Name, Patterns>, raw: &str) -> Option<&'a Name> {
        let all = models.iter().flat_map(|(name, of)| of.as_slice().iter().map(move |p| (name, p)));
        let matching = all.filter(|(_, pattern)| pattern.matches(raw.as_bytes()));
        matching.max_by_key(|(_, p)| (!p.has_any(), p.literals())).map(|(name, _)| name)
    }

    proptest! {
        #[test]
        fn models_are_found_or_refused_as_all_their_patterns_say(
            patterns in prop::collection::vec(("[abc]", "[ab*]{1,5}"), 1..12),
            names in prop::collection::vec("[ab]{0,8}", 20),
        ) {
            let mut lists: BTreeMap<String, Vec<Pattern>> = BTreeMap::new();
            for (model, text) in &patterns {
                let list = lists.entry(model.clone()).or_default();
                let pattern = Pattern::try_from(&**text).expect("a pattern");
                if !list.contains(&pattern) {
                    list.push(pattern);
                }
            }
            let map: BTreeMap<Name, Patterns> = lists
                .into_iter()
                .map(|(model, list)| (name(&model), Patterns::new(list).expect("a few")))
                .collect();
            let all: Vec<_> =
                map.iter().flat_map(|(m, of)| of.as_slice().iter().map(move |p| (m, p))).collect();
            let is_tie = |(one, p): (&Name, &Pattern), (other, q): (&Name, &Pattern)| {
                one != other
                    && (p.has_any(), p.literals()) == (q.has_any(), q.literals())
                    && p.common(q).is_some()
            };
            let tied: Vec<_> = (0..all.len())
                .filter_map(|at| Some((at, (0..at).find(|before| is_tie(all[*before], all[at]))?)))
                .map(|(second, first)| (all[first], all[second]))
                .collect();
            match Models::new(map.clone()) {
                Ok(models) => {
                    prop_assert_eq!(tied, vec![]);
                    prop_assert_eq!(models.to_map(), map.clone());
                    for raw in names {
                        let expected = naive(&map, &raw).map_or("other", Name::as_str);
                        prop_assert_eq!(models.resolve(&raw.to_uppercase()).as_str(), expected);
                    }
                }
                Err(InvalidModels::Ties(ties)) => {
                    let told: Vec<_> = ties
                        .iter()
                        .map(|Tie { first, second, .. }| {
                            ((&first.model, &first.pattern), (&second.model, &second.pattern))
                        })
                        .collect();
                    prop_assert_eq!(told, tied);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
