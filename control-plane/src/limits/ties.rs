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

/// Where a pattern stands: its model among all, and its place there.
type At = (usize, usize);

/// Each pattern that ties with one before it, with the first of those.
///
/// Only those are compared that weigh the same and one of which begins as the other does: in the
/// order of their prefixes they are neighbours.
pub(super) fn ties(models: &BTreeMap<Name, Patterns>) -> Vec<Tie> {
    let mut all: Vec<(At, &Name, &Pattern)> = Vec::new();
    for (model, (name, patterns)) in models.iter().enumerate() {
        let of_model = patterns.as_slice().iter().enumerate();
        all.extend(of_model.map(|(item, pattern)| ((model, item), name, pattern)));
    }
    let weight = |pattern: &Pattern| (pattern.has_any(), Reverse(pattern.literals()));
    all.sort_by_cached_key(|(at, _, pattern)| (weight(pattern), pattern.prefix().to_owned(), *at));

    let mut firsts: BTreeMap<At, Tie> = BTreeMap::new();
    for (index, one) in all.iter().enumerate() {
        let begins_so = |other: &&(At, &Name, &Pattern)| {
            weight(one.2) == weight(other.2) && other.2.prefix().starts_with(one.2.prefix())
        };
        for other in all.iter().skip(index + 1).take_while(begins_so) {
            let (first, second) = if one.0 < other.0 { (one, other) } else { (other, one) };
            let is_told = |tie: &Tie| (&tie.first.model, tie.first.item) <= (first.1, first.0.1);
            if first.1 == second.1 || firsts.get(&second.0).is_some_and(is_told) {
                continue;
            }
            if let Some(name) = first.2.common(second.2) {
                let tied = |(at, model, pattern): &(At, &Name, &Pattern)| TiedPattern {
                    model: (*model).clone(),
                    item: at.1,
                    pattern: (*pattern).clone(),
                };
                firsts.insert(second.0, Tie { first: tied(first), second: tied(second), name });
            }
        }
    }
    firsts.into_values().collect()
}
