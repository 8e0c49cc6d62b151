//! Patterns of which it cannot be said which of two models a name is of.

use std::{cmp::Reverse, collections::BTreeMap, fmt};

use super::{Name, Pattern, Patterns};

/// Two patterns of two models that weigh the same and mean a name in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// The one that is given first.
    pub first: TiedPattern,
    /// The other one.
    pub second: TiedPattern,
    /// A name that both mean.
    pub name: String,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TiedPattern {
    /// Its model.
    pub model: Name,
    /// Its place in the model's list, from 0 on.
    pub item: usize,
    /// The pattern.
    pub pattern: Pattern,
}

impl fmt::Display for Tie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second, name } = self;
        write!(
            f,
            "the patterns \"{}\" of model \"{}\" and \"{}\" of model \"{}\" both match \"{name}\", and neither has more literal characters",
            first.pattern, first.model, second.pattern, second.model
        )
    }
}

/// A pattern as it is compared with others.
struct Entry<'a> {
    weight: (bool, Reverse<usize>),
    prefix: &'a str,
    suffix: &'a str,
    /// Its model among all, and its place there.
    at: (usize, usize),
    name: &'a Name,
    pattern: &'a Pattern,
}

/// Each pattern that ties with one before it, with the first of those.
///
/// Only those are compared that weigh the same and one of which begins as the other does: in the
/// order of their prefixes they are neighbours.
pub(super) fn ties(models: &BTreeMap<Name, Patterns>) -> Vec<Tie> {
    let mut all = Vec::new();
    for (model, (name, patterns)) in models.iter().enumerate() {
        for (item, pattern) in patterns.as_slice().iter().enumerate() {
            all.push(Entry::of((model, item), name, pattern));
        }
    }
    all.sort_unstable_by_key(|entry| (entry.weight, entry.prefix, entry.at));

    let mut firsts: BTreeMap<(usize, usize), &Entry<'_>> = BTreeMap::new();
    let mut seconds: BTreeMap<(usize, usize), &Entry<'_>> = BTreeMap::new();
    for (index, one) in all.iter().enumerate() {
        let rest = all.get(index + 1..).unwrap_or_default();
        for other in rest.iter().take_while(|other| one.begins(other)) {
            if one.at.0 == other.at.0 || !one.ends_as(other) {
                continue;
            }
            let (first, second) = if one.at < other.at { (one, other) } else { (other, one) };
            let known = firsts.entry(second.at).or_insert(first);
            if first.at < known.at {
                *known = first;
            }
            seconds.insert(second.at, second);
        }
    }
    let pairs = firsts.into_values().zip(seconds.into_values());
    pairs.filter_map(|(first, second)| first.tie(second)).collect()
}

impl<'a> Entry<'a> {
    fn of(at: (usize, usize), name: &'a Name, pattern: &'a Pattern) -> Self {
        let weight = (pattern.has_any(), Reverse(pattern.literals()));
        Self { weight, prefix: pattern.prefix(), suffix: pattern.suffix(), at, name, pattern }
    }

    fn begins(&self, other: &Self) -> bool {
        self.weight == other.weight && other.prefix.starts_with(self.prefix)
    }

    fn ends_as(&self, other: &Self) -> bool {
        self.suffix.ends_with(other.suffix) || other.suffix.ends_with(self.suffix)
    }

    fn tie(&self, second: &Self) -> Option<Tie> {
        let name = self.pattern.common(second.pattern)?;
        Some(Tie { first: self.tied(), second: second.tied(), name })
    }

    fn tied(&self) -> TiedPattern {
        let (model, pattern) = (self.name.clone(), self.pattern.clone());
        TiedPattern { model, item: self.at.1, pattern }
    }
}
