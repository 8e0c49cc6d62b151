//! From when to when something is valid.

use std::num::NonZeroU32;

use jiff::Timestamp;
use limiter::UnixMillis;

/// A whole second from 1970-01-01T00:00:01Z to 2106-02-07T06:28:15Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(NonZeroU32);

impl UnixSeconds {
    /// `None` for a second that is out of range.
    pub fn new(seconds: u32) -> Option<Self> {
        NonZeroU32::new(seconds).map(Self)
    }

    /// Seconds since 1970.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The second that `time` is in; the nearest one for what is out of range.
    pub fn at(time: UnixMillis) -> Self {
        let seconds = u32::try_from(time.0 / 1_000).unwrap_or(u32::MAX);
        Self(NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN))
    }

    /// A time in RFC 3339; what is below a second is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let time: Timestamp = text.parse().ok()?;
        Self::new(u32::try_from(time.as_second()).ok()?)
    }

    /// In RFC 3339, UTC.
    pub fn rfc3339(self) -> String {
        Timestamp::from_second(i64::from(self.get()))
            .map(|time| time.to_string())
            .unwrap_or_default()
    }
}

/// When something was made, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Validity {
    /// When it was made.
    pub created: UnixSeconds,
    /// From when on it is valid no more; `None`: until it is revoked.
    pub expires: Option<UnixSeconds>,
}

impl Validity {
    /// Whether it has ended.
    pub fn is_over(self, now: UnixMillis) -> bool {
        self.expires.is_some_and(|expires| UnixSeconds::at(now) >= expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_the_second_that_it_names() {
        let expires = UnixSeconds::parse("2026-11-27T09:00:00Z").unwrap();
        let validity = Validity { created: UnixSeconds::new(1).unwrap(), expires: Some(expires) };
        let at = u64::from(expires.get()) * 1_000;
        assert!(!validity.is_over(UnixMillis(at - 1)));
        assert!(validity.is_over(UnixMillis(at)));
        assert!(!Validity { expires: None, ..validity }.is_over(UnixMillis(u64::MAX)));
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let time = UnixSeconds::parse("2026-11-27T10:00:00.9+01:00").unwrap();
        assert_eq!(time.rfc3339(), "2026-11-27T09:00:00Z");
        for wrong in ["", "tomorrow", "1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z", "2026-11-27"]
        {
            assert_eq!(UnixSeconds::parse(wrong), None, "{wrong}");
        }
    }
}
