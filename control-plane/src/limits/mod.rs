//! Limits beside a client's own two: which requests each is for, and to what it limits them. What an
//! operator configured, and nothing of what was spent.
//!
//! There is one kind of limit and one law: every limit that matches a request is charged, in one
//! atomic step, or none is.

mod limit;
mod name;
mod scope;

pub use limit::{Limit, LimitMode, Measure};
pub use name::{Group, InvalidGroup, InvalidLimitName, InvalidName, LimitKey, LimitName, Name};
pub use scope::{Each, Match, ModelName, Subject};
