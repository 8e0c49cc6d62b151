//! Under which condition a write is done: `If-Match` and `If-None-Match` of RFC 9110, whichever API
//! they come by.

use std::{fmt, mem};

use super::{Kind, OperatorError, Tag};
use crate::excerpt::Excerpt;

/// What has to be there for a write to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Whatever there is.
    #[default]
    Anything,
    /// Something, whatever it is.
    Something,
    /// What has one of these tags.
    Tags(Vec<String>),
    /// Nothing: the write is to create it.
    Nothing,
}

impl Precondition {
    /// Reads what an API was sent for the one and the other; nothing but blanks is no condition.
    pub fn parse(if_match: &str, if_none_match: &str) -> Result<Self, OperatorError> {
        let matched = Self::if_match(if_match);
        match (&matched, if_none_match.trim()) {
            (_, "") => Ok(matched),
            (Self::Anything, "*") => Ok(Self::Nothing),
            (_, "*") => Err(OperatorError::NeverHolds),
            (_, other) => Err(OperatorError::NoneOfTags { found: Excerpt::new(other) }),
        }
    }

    /// Reads `*`, or tags with commas between; a tag without quotation marks is one, too.
    pub fn if_match(text: &str) -> Self {
        let mut tags = Vec::new();
        let (mut tag, mut is_quoted) = (String::new(), false);
        for c in text.chars().chain([',']) {
            match c {
                '"' => {
                    is_quoted = !is_quoted;
                    tag.push(c);
                }
                ',' if !is_quoted => tags.push(mem::take(&mut tag)),
                c => tag.push(c),
            }
        }
        // What is left has a quotation mark too many, and is no tag.
        tags.push(tag);
        let tags: Vec<_> =
            tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).collect();
        match tags.as_slice() {
            [] => Self::Anything,
            ["*"] => Self::Something,
            tags => Self::Tags(tags.iter().map(|tag| unquoted(tag).to_owned()).collect()),
        }
    }

    /// Refuses a write to what is called so where the condition does not hold. `found` is the tag of
    /// what is there.
    pub(super) fn check(
        &self,
        kind: Kind,
        name: &str,
        found: Option<Tag>,
    ) -> Result<(), OperatorError> {
        self.check_tag(|| kind.named(name), found)
    }

    /// The same of a write to everything.
    pub(super) fn check_all(&self, found: Tag) -> Result<(), OperatorError> {
        self.check_tag(|| "the configuration".to_owned(), Some(found))
    }

    fn check_tag(
        &self,
        what: impl FnOnce() -> String,
        found: Option<Tag>,
    ) -> Result<(), OperatorError> {
        let holds = match (self, &found) {
            (Self::Anything, _) | (Self::Something, Some(_)) | (Self::Nothing, None) => true,
            (Self::Tags(tags), Some(found)) => tags.iter().any(|tag| tag == found.as_str()),
            (Self::Something | Self::Tags(_), None) | (Self::Nothing, Some(_)) => false,
        };
        if holds {
            return Ok(());
        }
        let what = what();
        Err(match (self, found) {
            (_, None) => OperatorError::NothingToMatch { what },
            (Self::Nothing, Some(found)) => OperatorError::AlreadyThere { what, found },
            (wanted, Some(found)) => {
                let wanted = Excerpt::new(&wanted.to_string());
                OperatorError::RevisionMismatch { what, found, wanted }
            }
        })
    }
}

fn unquoted(tag: &str) -> &str {
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

/// The tags that are wanted.
impl fmt::Display for Precondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything | Self::Nothing => Ok(()),
            Self::Something => f.write_str("*"),
            Self::Tags(tags) => {
                for (index, tag) in tags.iter().enumerate() {
                    let separator = if index == 0 { "" } else { " or " };
                    write!(f, "{separator}\"{tag}\"")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Revision;

    fn tag(revision: u64) -> Tag {
        Tag::stored(Revision::new(revision))
    }

    #[track_caller]
    fn check(text: &str, holds: bool, holds_of_nothing: bool) {
        let condition = Precondition::if_match(text);
        assert_eq!(condition.check(Kind::Client, "a", Some(tag(17))).is_ok(), holds, "{text}");
        assert_eq!(condition.check(Kind::Client, "a", None).is_ok(), holds_of_nothing, "{text}");
    }

    #[test]
    fn the_tag_has_to_be_among_those_that_are_named() {
        for text in [r#""17""#, "17", r#""1", "17""#, r#""a,b","17""#, r#" "17" ,"#, "*"] {
            check(text, true, false);
        }
        for text in [r#""18""#, r#"W/"17""#, r#""1","7""#, r#""17"#, r#""""#, r#"*, "1""#] {
            check(text, false, false);
        }
        for text in ["", " ", ",,"] {
            check(text, true, true);
        }
    }

    #[test]
    fn nothing_may_be_there_where_if_none_match_is_a_star() {
        let none = Precondition::parse("", " * ").expect("a condition");
        assert_eq!(none, Precondition::Nothing);
        none.check(Kind::Client, "a", None).expect("it can be created");
        let refused = none.check(Kind::Client, "a", Some(tag(17))).expect_err("it is there");
        assert_eq!(
            refused.to_string(),
            "client \"a\" is there already, with the ETag \"17\": leave If-None-Match out to replace it"
        );
        assert_eq!(Precondition::parse(" ", " ").expect("none"), Precondition::Anything);
    }

    #[test]
    fn what_cannot_hold_of_any_write_is_refused() {
        let told = |if_match: &str, if_none_match: &str| {
            Precondition::parse(if_match, if_none_match).expect_err("no condition").to_string()
        };
        assert_eq!(
            told("", r#""17""#),
            "If-None-Match of a write must be *, or be left out, not \"17\": tags go into If-Match"
        );
        for matched in ["*", "17"] {
            assert_eq!(
                told(matched, "*"),
                "If-Match and If-None-Match: * never hold both: leave one of them out"
            );
        }
    }

    #[test]
    fn what_does_not_match_is_told_with_both_tags() {
        let told = |text: &str, found: Option<u64>| {
            let refused = Precondition::if_match(text).check(Kind::Client, "a", found.map(tag));
            refused.expect_err("no match").to_string()
        };
        assert_eq!(
            told(r#""1", "2""#, Some(3)),
            "client \"a\" has the ETag \"3\" by now, not \"1\" or \"2\": read it again and make the change anew"
        );
        assert_eq!(
            told("*", None),
            "client \"a\" is not there, so that no If-Match holds: leave that out to create it"
        );
    }
}
