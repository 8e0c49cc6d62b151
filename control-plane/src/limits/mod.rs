//! Limits beside a client's own two: which requests each is for, and to what it limits them. What an
//! operator configured, and nothing of what was spent.
//!
//! There is one kind of limit and one law: every limit that matches a request is charged, in one
//! atomic step, or none is.

mod count;
mod json;
mod kind;
mod limit;
mod models;
mod name;
mod pattern;
mod per;
mod scope;
mod ties;

/// How many limits can be configured.
pub const LIMITS_MAX: usize = 1_000;

pub use count::{BucketCount, TooManyBuckets};
pub use json::{LimitJson, MatchJson};
pub use kind::{Counts, LimitKind};
pub use limit::{Limit, LimitMode, Measure};
pub use models::{InvalidModels, MODELS_MAX, Models, PATTERNS_MAX};
pub use name::{
    GROUP_DEPTH_MAX, Group, InvalidGroup, InvalidLimitName, InvalidName, LimitKey, LimitName,
    NAME_LEN_MAX, Name,
};
pub use pattern::{
    InvalidPattern, InvalidPatterns, MODEL_LEN_MAX, PATTERNS_PER_MODEL_MAX, Pattern, Patterns,
};
pub use per::{InvalidPer, Per, UNITS};
pub use scope::{Each, InvalidEach, Match, ModelName, Subject};
pub use ties::{Tie, TiedPattern};
