//! Limits beside clients' own two, by the text alone: which requests each is for, which of them share a
//! bucket, and which model a request is for.

use std::collections::BTreeMap;

use super::bucket::Numbers;

/// A name of anything. All that a run has are known before it begins.
pub(crate) type Word = &'static str;

/// Every model without a name, and none.
pub(crate) const OTHER: Word = "other";

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Which requests it is for: whoever is all of these.
    pub(crate) client: Option<Word>,
    pub(crate) group: Option<Word>,
    pub(crate) plan: Option<Word>,
    pub(crate) model: Option<Word>,
    /// What has a bucket of its own for each value.
    pub(crate) each: Each,
    /// What it counts.
    pub(crate) measure: Measure,
    /// Whether it refuses.
    pub(crate) mode: Mode,
    /// A second number, which refuses nothing.
    pub(crate) trial: Option<u64>,
}

/// What has a bucket of its own for each value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "any of them may be among them")]
pub(crate) struct Each {
    pub(crate) client: bool,
    pub(crate) group: bool,
    pub(crate) plan: bool,
    pub(crate) model: bool,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Requests in a window.
    Requests(Numbers),
    /// Tokens in a window.
    Tokens(Numbers),
    /// Requests at a time.
    Concurrent(u64),
}

/// Whether a limit refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Enforce,
    Shadow,
    Off,
}

/// Who asks, and for which model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) client: Word,
    pub(crate) group: Option<Word>,
    pub(crate) plan: Option<Word>,
    pub(crate) model: Word,
}

/// All that an operator wants beside clients: limits by their names, and the patterns of models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) limits: BTreeMap<Word, Rule>,
    pub(crate) models: BTreeMap<Word, &'static [Word]>,
}

impl Rule {
    /// Whether it is for requests of this subject, for whichever model.
    pub(crate) fn concerns(&self, subject: Subject) -> bool {
        let is = |wanted: Option<Word>, has: Option<Word>| wanted.is_none() || wanted == has;
        let is_beneath = self.group.is_none_or(|above| {
            subject.group.is_some_and(|group| {
                group == above
                    || group.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
            })
        });
        self.mode != Mode::Off
            && is(self.client, Some(subject.client))
            && is(self.plan, subject.plan)
            && is_beneath
            && (!self.each.group || subject.group.is_some())
            && (!self.each.plan || subject.plan.is_some())
    }

    /// Whether it is for a request of this subject.
    pub(crate) fn applies(&self, subject: Subject) -> bool {
        self.concerns(subject) && self.model.is_none_or(|model| model == subject.model)
    }

    /// What it limits to by its second number: its burst is as large a part of it as the limit's is of
    /// the limit, rounded up.
    pub(crate) fn on_trial(&self) -> Option<Measure> {
        let trial = self.trial?;
        let of = |numbers: Numbers| {
            let burst = u128::from(numbers.burst) * u128::from(trial);
            let burst = burst.div_ceil(u128::from(numbers.amount));
            Numbers { amount: trial, burst: u64::try_from(burst).unwrap_or(trial), ..numbers }
        };
        Some(match self.measure {
            Measure::Requests(numbers) => Measure::Requests(of(numbers)),
            Measure::Tokens(numbers) => Measure::Tokens(of(numbers)),
            Measure::Concurrent(_) => Measure::Concurrent(trial),
        })
    }

    /// Whether what was spent of one is spent of the other: they count the same, for each of the same.
    pub(crate) fn goes_on_as(&self, other: &Self) -> bool {
        let kinds = [self, other].map(|rule| std::mem::discriminant(&rule.measure));
        kinds[0] == kinds[1] && self.each == other.each
    }
}

impl Measure {
    /// What is there when nothing was taken.
    pub(crate) fn capacity(&self) -> u64 {
        match self {
            Self::Requests(numbers) | Self::Tokens(numbers) => numbers.burst,
            Self::Concurrent(places) => *places,
        }
    }

    /// What a request costs that reserves so many tokens.
    pub(crate) fn cost(&self, tokens: u64) -> u64 {
        if matches!(self, Self::Tokens(_)) { tokens } else { 1 }
    }
}

impl Rules {
    /// The model that a request is for, by what it calls it.
    pub(crate) fn model(&self, called: &str) -> Word {
        let called = called.to_ascii_lowercase();
        let all =
            || self.models.iter().flat_map(|(model, of)| of.iter().map(move |p| (*model, *p)));
        if called.is_empty() {
            return OTHER;
        }
        if let Some((model, _)) = all().find(|(_, pattern)| *pattern == called) {
            return model;
        }
        let matching = all().filter(|(_, pattern)| matches(pattern.as_bytes(), called.as_bytes()));
        let literals = |pattern: Word| pattern.bytes().filter(|byte| *byte != b'*').count();
        matching.max_by_key(|(_, pattern)| literals(pattern)).map_or(OTHER, |(model, _)| model)
    }
}

/// Whether a pattern, in which `*` is any run, is all of `text`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some((b'*', rest)), None) => matches(rest, text),
        (Some((b'*', rest)), Some((_, later))) => matches(rest, text) || matches(pattern, later),
        (Some((one, rest)), Some((first, later))) => one == first && matches(rest, later),
        (Some(_), None) => false,
    }
}
