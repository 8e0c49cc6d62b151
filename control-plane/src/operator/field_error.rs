//! What is wrong with a draft: each error names the field, its value and what is allowed.

use std::{error::Error, fmt};

use limiter::{ClientId, InvalidClientId, PER_MINUTE_MAX};

use crate::excerpt::Excerpt;

/// How many errors of one draft are told; a body of 256 KiB has room for tens of thousands.
const ERRORS_TOLD_MAX: usize = 20;

/// One thing that is wrong with a draft: which field, its value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A field that has to be there is not.
    #[error("{field} is required")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// Not a client id.
    #[error("client_id {allowed}, not {value}")]
    Id {
        /// What one looks like.
        allowed: InvalidClientId,
        /// What was given.
        value: Excerpt,
    },
    /// An id that stands for what is not configured.
    #[error(
        "client_id must not be \"{0}\": \"unknown\" and \"other\" stand for what is not configured"
    )]
    ReservedId(ClientId),
    /// An id that differs from the one in the path.
    #[error("client_id must be {path} as in the path, or absent, not {value}")]
    OtherId {
        /// The id in the path.
        path: Excerpt,
        /// What was given.
        value: Excerpt,
    },
    /// Not a limit.
    #[error("{field} must be null or an integer from 1 to {PER_MINUTE_MAX}, not {value}")]
    Limit {
        /// `rpm` or `tpm`.
        field: &'static str,
        /// What was given.
        value: Excerpt,
    },
    /// Neither true nor false.
    #[error("enabled must be true or false, not {value}")]
    Enabled {
        /// What was given.
        value: Excerpt,
    },
    /// Not a number of tokens.
    #[error("min_estimate must be null or an integer from 0 to {PER_MINUTE_MAX}, not {value}")]
    MinEstimate {
        /// What was given.
        value: Excerpt,
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
        name: Excerpt,
    },
}

impl FieldError {
    /// The field that it is about; `None` where that is the id that the call is addressed to, or no
    /// field at all.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Missing { field } | Self::Limit { field, .. } | Self::Repeated { field } => {
                Some(field)
            }
            Self::OtherId { .. } => Some("client_id"),
            Self::Enabled { .. } => Some("enabled"),
            Self::MinEstimate { .. } => Some("min_estimate"),
            Self::Id { .. } | Self::ReservedId(_) | Self::Unknown { .. } => None,
        }
    }
}

/// All that is wrong with a draft, told in one line: with the fields' values in the order of the
/// fields, then with the fields themselves.
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

    /// Those that are told.
    pub fn told(&self) -> &[FieldError] {
        &self.told
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
