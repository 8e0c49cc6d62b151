//! A backup: clients and what is left of their limits, as a document that people and programs read.
//!
//! It has one thing a line, in JSON: first what it is, then the models, the limits and what is kept of
//! tokens, then each client with what is kept of its keys and its records behind it, then the records of all that are not configured, and at last how much all of that was. So a
//! million clients are written and read without being held, what is wrong has a line, and one that
//! was cut off has no end.
//!
//! Requests under way are not in it: whoever reads it later could never learn how they ended. What
//! they reserved stays charged.

mod document;
mod ending;
mod line;
mod lines;

pub use document::{Document, Step};
pub use ending::Ending;
pub use line::{Counts, FORMAT, FirstLine, Header, Line};
pub use lines::{LINE_BYTES_MAX, Lines, LinesError};
