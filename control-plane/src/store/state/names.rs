//! What the files are called. All begin alike, so that a person can move them together.

use std::fmt;

use super::header::NUMBER_MAX;

/// The snapshot that is in force.
pub(super) const SNAPSHOT: &str = "state.snapshot";

const JOURNAL: &str = "state.journal-";

/// Behind the name of a file until it is whole.
const UNFINISHED: &str = ".new";

/// One of the two files of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    A,
    B,
}

/// What a file of the journal is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JournalName {
    pub(super) generation: u64,
    pub(super) side: Side,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl JournalName {
    /// `None`: it is none.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (generation, side) = name.strip_prefix(JOURNAL)?.split_once('-')?;
        let side = match side {
            "a" => Side::A,
            "b" => Side::B,
            _ => return None,
        };
        let generation = generation.parse().ok().filter(|generation| *generation <= NUMBER_MAX)?;
        let parsed = Self { generation, side };
        // No two names for one file: `07` is no number here.
        (parsed.to_string() == name).then_some(parsed)
    }

    pub(super) fn other(self) -> Self {
        Self { side: self.side.other(), ..self }
    }
}

impl fmt::Display for JournalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::A => 'a',
            Side::B => 'b',
        };
        write!(f, "{JOURNAL}{}-{side}", self.generation)
    }
}

/// What `name` is called until it is whole.
pub(super) fn unfinished(name: &str) -> String {
    format!("{name}{UNFINISHED}")
}

/// Whether this is a file of the state that never became whole.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(UNFINISHED)
        .is_some_and(|name| name == SNAPSHOT || JournalName::parse(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_generation_and_side_and_no_other_name_does() {
        let name = JournalName { generation: 12, side: Side::B };
        assert_eq!(name.to_string(), "state.journal-12-b");
        assert_eq!(JournalName::parse("state.journal-12-b"), Some(name));
        assert_eq!(name.other().to_string(), "state.journal-12-a");
        for other in [
            "state.journal-012-b",
            "state.journal-+12-b",
            "state.journal-12-c",
            "state.journal-12-b.new",
            "state.journal-99999999999999999999-b",
            "state.journal-12",
            "state.snapshot",
            "configuration.redb",
        ] {
            assert_eq!(JournalName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_file_of_the_state_is_an_unfinished_one() {
        assert!(is_unfinished("state.snapshot.new"));
        assert!(is_unfinished("state.journal-1-a.new"));
        assert!(!is_unfinished("state.snapshot"));
        assert!(!is_unfinished("configuration.redb.new"));
    }
}
