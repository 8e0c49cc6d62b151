//! A time as people and programs read it.

use jiff::Timestamp;
use limiter::UnixMillis;

/// To the millisecond, in UTC; `None` for a time beyond the year 9999.
pub(crate) fn rfc3339(time: UnixMillis) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
    Some(format!("{time:.3}"))
}

/// The same of Unix seconds, and these as they are where no year has them.
pub(crate) fn rfc3339_of_seconds(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
