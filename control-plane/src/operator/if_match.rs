//! Under which condition a write is done: `If-Match` of RFC 9110, whichever API it comes by.

use std::{fmt, mem};

use super::{Kind, OperatorError, Tag};
use crate::excerpt::Excerpt;

/// What has to be there for a write to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// Nothing.
    #[default]
    Anything,
    /// Something, whatever it is.
    Something,
    /// What has one of these tags.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Reads `*`, or tags with commas between; a tag without quotation marks is one, too. Nothing but
    /// blanks is no condition.
    pub fn parse(text: &str) -> Self {
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
        let holds = match self {
            Self::Anything => true,
            Self::Something => found.is_some(),
            Self::Tags(tags) => {
                found.as_ref().is_some_and(|found| tags.iter().any(|tag| tag == found.as_str()))
            }
        };
        if holds {
            return Ok(());
        }
        let what = what();
        Err(match found {
            None => OperatorError::NothingToMatch { what },
            Some(found) => {
                let wanted = Excerpt::new(&self.to_string());
                OperatorError::RevisionMismatch { what, found, wanted }
            }
        })
    }
}

fn unquoted(tag: &str) -> &str {
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

impl fmt::Display for IfMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => Ok(()),
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

    #[track_caller]
    fn check(text: &str, holds: bool, holds_of_nothing: bool) {
        let condition = IfMatch::parse(text);
        let tag = Tag::stored(Revision::new(17));
        assert_eq!(condition.check(Kind::Client, "a", Some(tag)).is_ok(), holds, "{text}");
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
    fn what_does_not_match_is_told_with_both_tags() {
        let told = |text: &str, tag: Option<u64>| {
            let tag = tag.map(|tag| Tag::stored(Revision::new(tag)));
            let refused = IfMatch::parse(text).check(Kind::Client, "a", tag);
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
