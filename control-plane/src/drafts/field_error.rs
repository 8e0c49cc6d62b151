//! What is wrong with a draft: each error names the field, its value and what is allowed.

use std::{error::Error, fmt};

use limiter::{AMOUNT_MAX, ClientId, InvalidClientId, PER_MINUTE_MAX};
use proto::MODEL_NAME_BYTES_MAX;

use crate::{
    clients::InvalidIdentity,
    credentials::{InvalidDigest, InvalidPublicPart, InvalidTokenName},
    excerpt::Excerpt,
    limits::{InvalidGroup, InvalidLimitName, InvalidName, InvalidPattern, InvalidPer},
};

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
    /// A key or a token where a name belongs, which everybody may read.
    #[error(
        "{field} must not have a key or a token in it (fgk_…, fga_…): what is configured is shown, and \
         written to logs"
    )]
    Secret {
        /// Its name.
        field: &'static str,
    },
    /// An id or a name that differs from the one in the path.
    #[error("{field} must be {path} as in the path, or absent, not {value}")]
    OtherId {
        /// `client_id` or `name`.
        field: &'static str,
        /// The id in the path.
        path: Excerpt,
        /// What was given.
        value: Excerpt,
    },
    /// Not a number of requests, tokens or places.
    #[error("{field} must be null or an integer from 1 to {max}, not {value}")]
    Limit {
        /// Its name.
        field: &'static str,
        /// The largest that is allowed.
        max: u64,
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
    /// Not a value of its field.
    #[error("{field} {allowed}, not {value}")]
    Value {
        /// The field's name.
        field: &'static str,
        /// What one looks like.
        allowed: Allowed,
        /// What was given.
        value: Excerpt,
    },
    /// Something in a list that is no value of it.
    #[error("{field}[{item}] {allowed}, not {value}")]
    Item {
        /// The field's name.
        field: &'static str,
        /// Its place in the list, from 0 on.
        item: usize,
        /// What one looks like.
        allowed: Allowed,
        /// What was given.
        value: Excerpt,
    },
    /// Something that stands in a list twice.
    #[error("{field} must have each value once, not {value} twice")]
    RepeatedItem {
        /// The field's name.
        field: &'static str,
        /// The place of the second one, from 0 on.
        item: usize,
        /// What it is.
        value: Excerpt,
    },
    /// Two measures in one limit.
    #[error(
        "{second} must not be given with {first}: a limit has one of requests, tokens and concurrent"
    )]
    SecondMeasure {
        /// The one that is taken as the limit's.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// What needs a window, in a limit that has none.
    #[error("{field} must not be given with concurrent: places come back, and none refills")]
    WithoutWindow {
        /// Its name.
        field: &'static str,
    },
    /// Two things are supposed at a time.
    #[error(
        "{second} must not be given with {first}: a preview takes one of client, limit and config"
    )]
    SecondSupposed {
        /// The one that is taken.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// Not an object.
    #[error("{field} must be an object, not {value}")]
    Object {
        /// Its name.
        field: &'static str,
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
    #[error("{name} is not a field: {}", .of.fields())]
    Unknown {
        /// Of what it would be one.
        of: Fields,
        /// The name that was given.
        name: Excerpt,
    },
}

/// What a field can hold. Each text begins with `must be`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Allowed {
    /// A client's id, also `unknown`.
    #[error("{0}, and not \"other\"")]
    Client(InvalidClientId),
    /// A group.
    #[error(transparent)]
    Group(#[from] InvalidGroup),
    /// The name of a model or a plan.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The name of a model, also `other`.
    #[error(
        "must be \"other\" or the name of a model, 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -"
    )]
    Model,
    /// A limit's name.
    #[error(transparent)]
    LimitName(#[from] InvalidLimitName),
    /// A window.
    #[error(transparent)]
    Per(#[from] InvalidPer),
    /// A pattern.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// An identity.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
    /// A token's name.
    #[error(transparent)]
    TokenName(#[from] InvalidTokenName),
    /// A scope of a token.
    #[error("must be one of read, write, keys, tokens, metrics and decide")]
    Scope,
    /// The public part of a key or a token.
    #[error(transparent)]
    PublicPart(#[from] InvalidPublicPart),
    /// The digest of a key or a token.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
    /// A time.
    #[error("must be a time in RFC 3339, from 1970 to 2106, as in \"2027-01-31T12:00:00Z\"")]
    Time,
    /// A time to come.
    #[error(
        "must be null or a time to come, in RFC 3339 and before 2106-02-07, as in \
         \"2027-01-31T12:00:00Z\""
    )]
    TimeToCome,
    /// A number of tokens.
    #[error("must be an integer from 0 to {AMOUNT_MAX}")]
    Tokens,
    /// The name of a model, as a request can have it.
    #[error("must be 1 to {MODEL_NAME_BYTES_MAX} characters of A-Z a-z 0-9 . _ : @ + = ~ / -")]
    RequestModel,
    /// A kind of thing for each of which there is a bucket.
    #[error("must be client, group, plan or model")]
    Each,
    /// A mode.
    #[error("must be enforce, shadow or off")]
    Mode,
    /// A list.
    #[error("must be a list of {0}")]
    List(&'static str),
    /// What a limit matches.
    #[error("must be an object of client, group, plan and model, or {{}} for every request")]
    Match,
}

/// Of what something is a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// A client.
    Client,
    /// A limit.
    Limit,
    /// What a limit matches.
    Match,
    /// A model.
    Model,
    /// A new key.
    Key,
    /// A new token.
    Token,
    /// A key, as it is written down.
    KeyRecord,
    /// A token, as it is written down.
    TokenRecord,
    /// What is supposed.
    Preview,
}

impl Fields {
    /// All that there are.
    const fn fields(self) -> &'static str {
        match self {
            Self::Client => {
                "client_id, rpm, tpm, enabled, min_estimate, group, plan and identities are"
            }
            Self::Limit => {
                "name, match, each, requests, tokens, concurrent, per, burst, mode and trial are"
            }
            Self::Match => "client, group, plan and model in match are",
            Self::Model => "name and patterns are",
            Self::Key => "expires_at is the only one",
            Self::Token => "name, scopes and expires_at are",
            Self::KeyRecord => "public_part, client_id, sha256, created_at and expires_at are",
            Self::Preview => "client, limit and config are",
            Self::TokenRecord => "public_part, name, scopes, sha256, created_at and expires_at are",
        }
    }
}

impl FieldError {
    /// The field that it is about; `None` where that is the id that the call is addressed to, or no
    /// field at all.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Missing { field }
            | Self::Secret { field }
            | Self::Limit { field, .. }
            | Self::OtherId { field, .. }
            | Self::Value { field, .. }
            | Self::Item { field, .. }
            | Self::RepeatedItem { field, .. }
            | Self::SecondMeasure { second: field, .. }
            | Self::SecondSupposed { second: field, .. }
            | Self::Object { field, .. }
            | Self::WithoutWindow { field }
            | Self::Repeated { field } => Some(field),
            Self::Enabled { .. } => Some("enabled"),
            Self::MinEstimate { .. } => Some("min_estimate"),
            Self::Id { .. } | Self::ReservedId(_) | Self::Unknown { .. } => None,
        }
    }

    /// The place in the field's list of what it is about, from 0 on; `None` where that is the whole
    /// field.
    pub fn item(&self) -> Option<usize> {
        match self {
            Self::Item { item, .. } | Self::RepeatedItem { item, .. } => Some(*item),
            _ => None,
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
