//! A time as people and programs read it.

use jiff::Timestamp;
use limiter::UnixMillis;

/// To the millisecond, in UTC; `None` for a time beyond the year 9999.
pub(crate) fn rfc3339(time: UnixMillis) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
    Some(format!("{time:.3}"))
}
