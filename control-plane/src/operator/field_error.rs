//! What is wrong with a draft: each error names the field, its value and what is allowed.

use std::{error::Error, fmt};

use limiter::{ClientId, InvalidClientId, PER_MINUTE_MAX};

/// How many errors of one draft are told; a body of 256 KiB has room for tens of thousands.
const ERRORS_TOLD_MAX: usize = 20;

/// Characters of a refused value or name that are repeated.
const SHOWN_CHARS_MAX: usize = 64;

/// One thing that is wrong with a draft: which field, its value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A field that has to be there is not.
    #[error("{field} is required")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A client id that cannot be one.
    #[error("client_id {allowed}, not {value}")]
    Id {
        /// What can be one.
        allowed: InvalidClientId,
        /// What was given.
        value: Shown,
    },
    /// An id that stands for what is not configured.
    #[error(
        "client_id must not be \"{0}\": \"unknown\" and \"other\" stand for what is not configured"
    )]
    ReservedId(ClientId),
    /// Another id than the call is addressed to.
    #[error("client_id must be {path} as in the path, or absent, not {value}")]
    OtherId {
        /// The id in the path.
        path: Shown,
        /// What was given.
        value: Shown,
    },
    /// A limit that is none.
    #[error("{field} must be null or an integer from 1 to {PER_MINUTE_MAX}, not {value}")]
    Limit {
        /// `rpm` or `tpm`.
        field: &'static str,
        /// What was given.
        value: Shown,
    },
    /// Neither enabled nor disabled.
    #[error("enabled must be true or false, not {value}")]
    Enabled {
        /// What was given.
        value: Shown,
    },
    /// No number of tokens.
    #[error("min_estimate must be null or an integer from 0 to {PER_MINUTE_MAX}, not {value}")]
    MinEstimate {
        /// What was given.
        value: Shown,
    },
    /// Two values for one field.
    #[error("{field} must be given once, not twice")]
    Repeated {
        /// Its name.
        field: &'static str,
    },
    /// No such field.
    #[error("{name} is not a field: client_id, rpm, tpm, enabled and min_estimate are")]
    Unknown {
        /// The name that was given.
        name: Shown,
    },
}

/// All that is wrong with a draft, in the order of the fields; told in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    told: Vec<FieldError>,
    untold: usize,
}

impl FieldErrors {
    /// Adds one; beyond the first few they are only counted.
    pub fn push(&mut self, error: FieldError) {
        if self.told.len() < ERRORS_TOLD_MAX {
            self.told.push(error);
        } else {
            self.untold += 1;
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// The first of them.
    pub fn first(&self) -> Option<&FieldError> {
        self.told.first()
    }

    pub(super) fn append(&mut self, others: &Self) {
        others.told.iter().cloned().for_each(|error| self.push(error));
        self.untold += others.untold;
    }

    pub(super) fn keep<T>(&mut self, value: Result<T, FieldError>) -> Option<T> {
        value.map_err(|error| self.push(error)).ok()
    }
}

impl Error for FieldErrors {}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.told.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        match self.untold {
            0 => Ok(()),
            untold => write!(f, "; and {untold} more"),
        }
    }
}

/// A caller's text as it may stand in a message or a log: one line, not too long, and without
/// characters that a terminal obeys or nobody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// Shows `json`, the text of a JSON value.
    pub fn new(json: &str) -> Self {
        let mut shown = String::new();
        let mut chars = json.chars();
        for c in chars.by_ref().take(SHOWN_CHARS_MAX) {
            match c {
                '"' | '\'' | '\\' => shown.push(c),
                _ => shown.extend(c.escape_debug()),
            }
        }
        if chars.next().is_some() {
            shown.push('…');
        }
        Self(shown)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_in_one_line_and_cut_where_it_is_too_long() {
        assert_eq!(Shown::new("[1,\n\t\u{202e}2]").to_string(), "[1,\\n\\t\\u{202e}2]");
        let long = "ü".repeat(SHOWN_CHARS_MAX + 1);
        assert_eq!(Shown::new(&long).to_string(), "ü".repeat(SHOWN_CHARS_MAX) + "…");
    }
}
