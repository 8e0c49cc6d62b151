//! What a whole configuration changes, by kind and name.

use std::fmt;

use super::{Kind, Tag};
use crate::counted::counted;

/// How many names of each list are told: what a person reads, and what an answer has room for.
pub(super) const NAMES_TOLD_MAX: usize = 1_000;

/// What a whole configuration changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What there was not before.
    pub created: ByKind,
    /// What was another before.
    pub replaced: ByKind,
    /// What there is not any more.
    pub deleted: ByKind,
    /// How many clients and limits of those replaced lose something by it: a limit, a group, a plan.
    pub reduced: usize,
}

/// Names of things of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByKind {
    /// Clients' ids.
    pub clients: Names,
    /// Limits' names.
    pub limits: Names,
    /// Models' names.
    pub models: Names,
    /// Keys' public parts.
    pub keys: Names,
    /// Tokens' public parts.
    pub tokens: Names,
}

/// Some names, the first of which are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The first thousand.
    pub told: Vec<String>,
    /// How many there are.
    pub count: usize,
}

/// What putting a whole configuration in force came to, or would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// What it changes.
    pub difference: Difference,
    /// Whether nothing was done.
    pub is_dry_run: bool,
    /// The tag of everything from now on.
    pub tag: Tag,
}

impl ByKind {
    pub(super) fn add(&mut self, kind: Kind, name: &str) {
        let names = match kind {
            Kind::Client => &mut self.clients,
            Kind::Limit => &mut self.limits,
            Kind::Model => &mut self.models,
            Kind::Key => &mut self.keys,
            Kind::Token => &mut self.tokens,
        };
        names.count += 1;
        if names.told.len() < NAMES_TOLD_MAX {
            names.told.push(name.to_owned());
        }
    }

    /// Those of each kind.
    pub fn all(&self) -> [(Kind, &Names); 5] {
        let Self { clients, limits, models, keys, tokens } = self;
        [
            (Kind::Client, clients),
            (Kind::Limit, limits),
            (Kind::Model, models),
            (Kind::Key, keys),
            (Kind::Token, tokens),
        ]
    }

    /// How many of all kinds.
    pub fn count(&self) -> usize {
        self.all().into_iter().map(|(_, names)| names.count).sum()
    }
}

impl Difference {
    /// Names that are not told.
    pub fn untold(&self) -> usize {
        let lists = [&self.created, &self.replaced, &self.deleted];
        let untold = |(_, names): (Kind, &Names)| names.count - names.told.len();
        lists.into_iter().flat_map(ByKind::all).map(untold).sum()
    }
}

impl fmt::Display for ByKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who has no keys and tokens reads nothing of them.
        let is_told = |kind, count| count > 0 || !matches!(kind, Kind::Key | Kind::Token);
        let all = self.all().into_iter().filter(|(kind, names)| is_told(*kind, names.count));
        let counts: Vec<_> = all.map(|(kind, names)| counted(names.count, kind.word())).collect();
        f.write_str(&counts.join(", "))
    }
}

/// What to tell the caller.
impl fmt::Display for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { created, replaced, deleted, reduced } = &self.difference;
        let changes = created.count() + replaced.count() + deleted.count();
        let done = match (changes, self.is_dry_run) {
            (0, true) => {
                return f.write_str("Nothing would be changed: this is the configuration in force");
            }
            (0, false) => {
                return f.write_str("Nothing was changed: this is the configuration in force");
            }
            (_, true) => "Nothing was changed, for this is a dry run",
            (_, false) => "The configuration was replaced",
        };
        write!(f, "{done}: created {created}; replaced {replaced}; deleted {deleted}")?;
        if *reduced > 0 {
            write!(f, "; {reduced} of those replaced lose a limit, a group or a plan")?;
        }
        Ok(())
    }
}
