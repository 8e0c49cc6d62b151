//! Ids of events: which process numbers them, and the number.

use std::fmt;

use limiter::UnixMillis;

/// Which process numbers events: two of them never have the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Epoch(String);

impl Epoch {
    /// Of a process that starts now: a later one is greater.
    pub(super) fn new(now: UnixMillis) -> Self {
        Self(format!("{:012x}{:08x}", now.0, rand::random::<u32>()))
    }

    /// Its last digits, by which people tell processes apart.
    pub(super) fn tail(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(8)..).unwrap_or_default()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an event is known by; as text `EPOCH-NUMBER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId {
    pub(super) epoch: Epoch,
    pub(super) number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

impl EventId {
    /// Reads what somebody says that they heard last. What is none is nobody's here.
    pub fn read(text: &str) -> Option<Self> {
        let (epoch, number) = text.trim().rsplit_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| is_number)?;
        Some(Self { epoch: Epoch(epoch.to_owned()), number })
    }
}
