//! Which names of models are meant by a model.

use std::{collections::BTreeSet, fmt, sync::Arc};

use memchr::memmem;
use serde::{Serialize, Serializer};

/// Characters in the longest pattern, and bytes in the longest name of a model in a request.
pub const MODEL_LEN_MAX: usize = 128;

/// How many patterns a model can have.
pub const PATTERNS_PER_MODEL_MAX: usize = 64;

/// What stands for any run of characters, also for none.
const ANY: char = '*';

/// A pattern of names: 1 to 128 characters of `A-Z a-z 0-9 . _ : @ + = ~ / -` and `*`, which stands
/// for any run of characters, also for none. Letters are compared without case.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As an operator wrote it.
    text: Arc<str>,
    /// The same in small letters.
    lower: Arc<str>,
}

impl Pattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many characters it has besides `*`.
    pub fn literals(&self) -> usize {
        self.lower.chars().filter(|c| *c != ANY).count()
    }

    /// Whether it stands for more than one name.
    pub(super) fn has_any(&self) -> bool {
        self.lower.contains(ANY)
    }

    /// What its names begin with.
    pub(super) fn prefix(&self) -> &str {
        self.lower.split_once(ANY).map_or(&*self.lower, |(prefix, _)| prefix)
    }

    /// What its names end with behind that.
    pub(super) fn suffix(&self) -> &str {
        self.lower.rsplit_once(ANY).map_or("", |(_, suffix)| suffix)
    }

    /// What its names have in between.
    fn middle(&self) -> &str {
        let inside = self.lower.split_once(ANY).and_then(|(_, rest)| rest.rsplit_once(ANY));
        inside.map_or("", |(middle, _)| middle)
    }

    /// Whether `name`, in small letters, is meant. Each part is looked for once, from where the one
    /// before it ended first, so that a name is read once or twice whatever the pattern.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        let (prefix, suffix) = (self.prefix().as_bytes(), self.suffix().as_bytes());
        let Some(name) = name.strip_prefix(prefix) else { return false };
        if !self.has_any() {
            return name.is_empty();
        }
        let Some(mut inside) = name.strip_suffix(suffix) else { return false };
        self.middle().split(ANY).all(|part| match memmem::find(inside, part.as_bytes()) {
            Some(at) => {
                inside = inside.get(at + part.len()..).unwrap_or_default();
                true
            }
            None => false,
        })
    }

    /// A name, of one letter or more, that both mean, in small letters.
    ///
    /// Of two with `*` there is one if one's prefix begins the other's and one's suffix ends the
    /// other's: behind the longer prefix comes all that the one has in between, then all of the
    /// other's, then the longer suffix.
    pub(super) fn common(&self, other: &Self) -> Option<String> {
        match (self.has_any(), other.has_any()) {
            (false, _) => other.matches(self.lower.as_bytes()).then(|| self.lower.to_string()),
            (true, false) => other.common(self),
            (true, true) => {
                let prefix =
                    longer(self.prefix(), other.prefix(), |long, short| long.starts_with(short))?;
                let suffix =
                    longer(self.suffix(), other.suffix(), |long, short| long.ends_with(short))?;
                let name = [prefix, self.middle(), other.middle(), suffix].concat();
                let name = name.replace(ANY, "");
                // Stars alone mean every name, of which the empty one is none.
                Some(if name.is_empty() { "a".to_owned() } else { name })
            }
        }
    }
}

/// The longer one of two, if the shorter is a part of it.
fn longer<'a>(
    one: &'a str,
    other: &'a str,
    is_part: impl Fn(&str, &str) -> bool,
) -> Option<&'a str> {
    let (long, short) = if one.len() < other.len() { (other, one) } else { (one, other) };
    is_part(long, short).then_some(long)
}

impl TryFrom<&str> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: &str) -> Result<Self, InvalidPattern> {
        let is_allowed = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'.' | b'_' | b':' | b'@' | b'+' | b'=' | b'~' | b'/' | b'-' | b'*'
                )
        };
        if !(1..=MODEL_LEN_MAX).contains(&text.len()) || !text.bytes().all(is_allowed) {
            return Err(InvalidPattern);
        }
        let text: Arc<str> = text.into();
        let lower = if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            text.to_ascii_lowercase().into()
        } else {
            Arc::clone(&text)
        };
        Ok(Self { text, lower })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The patterns of one model: 1 to [`PATTERNS_PER_MODEL_MAX`], none of them twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns(Arc<[Pattern]>);

impl Patterns {
    /// These, in this order.
    pub fn new(patterns: Vec<Pattern>) -> Result<Self, InvalidPatterns> {
        let mut seen = BTreeSet::new();
        if let Some(item) = patterns.iter().position(|pattern| !seen.insert(&*pattern.lower)) {
            return Err(InvalidPatterns::Repeated { item });
        }
        if (1..=PATTERNS_PER_MODEL_MAX).contains(&patterns.len()) {
            Ok(Self(patterns.into()))
        } else {
            Err(InvalidPatterns::Count(patterns.len()))
        }
    }

    /// The patterns in the order in which they were given.
    pub fn as_slice(&self) -> &[Pattern] {
        &self.0
    }
}

/// A list of texts.
impl Serialize for Patterns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Pattern::as_str))
    }
}

/// Text that is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MODEL_LEN_MAX} characters of A-Z a-z 0-9 . _ : @ + = ~ / - *")]
pub struct InvalidPattern;

/// Patterns that are no model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPatterns {
    /// None, or more than a model can have.
    #[error("must be 1 to {PATTERNS_PER_MODEL_MAX} patterns, not {0}")]
    Count(usize),
    /// One stands there twice, letters compared without case.
    #[error("must be patterns none of which stands there twice")]
    Repeated {
        /// The place of the second one in the list.
        item: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::try_from(text).expect("a pattern")
    }

    /// By the meaning of `*` alone.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|run| naive(rest, &name[run..])),
            Some((letter, rest)) => name.first() == Some(letter) && naive(rest, &name[1..]),
        }
    }

    /// Every name of up to so many letters.
    fn names(len_max: usize) -> Vec<String> {
        let mut names = vec![String::new()];
        let mut last = names.clone();
        for _ in 0..len_max {
            last = last.iter().flat_map(|name| ["a", "b"].map(|c| format!("{name}{c}"))).collect();
            names.extend_from_slice(&last);
        }
        names
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_pattern_means_what_its_stars_say(text in "[ab*]{1,8}") {
            let pattern = pattern(&text);
            for name in names(8) {
                prop_assert_eq!(
                    pattern.matches(name.as_bytes()),
                    naive(text.as_bytes(), name.as_bytes()),
                    "{} {}", text, name
                );
            }
        }

        #[test]
        fn two_patterns_have_a_name_in_common_or_none_is_found_among_all(
            one in "[ab*]{1,5}",
            other in "[ab*]{1,5}",
        ) {
            let common = pattern(&one).common(&pattern(&other));
            prop_assert_eq!(&common.is_some(), &pattern(&other).common(&pattern(&one)).is_some());
            let is_both =
                |name: &str| [&one, &other].iter().all(|p| naive(p.as_bytes(), name.as_bytes()));
            if let Some(name) = common {
                prop_assert!(is_both(&name), "{} of {} and {}", name, one, other);
            } else {
                // A name in common need not be longer than all letters of both.
                let found = names(10).into_iter().find(|name| is_both(name));
                prop_assert_eq!(found, None, "{} and {}", one, other);
            }
        }
    }

    #[test]
    fn what_every_name_matches_is_told_by_a_name_that_a_model_can_have() {
        assert_eq!(pattern("*").common(&pattern("**")).as_deref(), Some("a"));
    }

    #[test]
    fn patterns_are_checked() {
        for text in ["gpt-4o", "*", "GPT-4o*", "a/b:c@d+e=f~g._h-", &"*".repeat(128)] {
            assert_eq!(pattern(text).as_str(), text);
        }
        for text in ["", "a b", "ä", "a?", "[a]", "a\\*", &"a".repeat(129)] {
            assert_eq!(Pattern::try_from(text), Err(InvalidPattern), "{text}");
        }
        assert_eq!(Patterns::new(vec![]), Err(InvalidPatterns::Count(0)));
        let twice = vec![pattern("a"), pattern("b"), pattern("A")];
        assert_eq!(Patterns::new(twice), Err(InvalidPatterns::Repeated { item: 2 }));
        let many = |count: usize| (0..count).map(|n| pattern(&n.to_string())).collect();
        assert!(Patterns::new(many(64)).is_ok());
        assert_eq!(Patterns::new(many(65)), Err(InvalidPatterns::Count(65)));
    }

    #[test]
    fn a_name_is_read_in_time_that_grows_with_it_alone() {
        let hostile = pattern(&"a*".repeat(64));
        assert!(!hostile.matches("a".repeat(63).as_bytes()));
        assert!(hostile.matches("a".repeat(64).as_bytes()));
    }
}
