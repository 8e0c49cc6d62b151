//! What is stored of one bucket, and what a caller knows of its limit.

use std::cmp::Ordering;

use limiter::{Bucket, Level, Quota, UnixMillis, Window};
use thiserror::Error;

use super::exact::{Exact, signed_double, signed_of_double};

/// Bytes of a stored bucket: its format and eight doubles.
pub const VALUE_LEN: usize = 65;

/// The only format so far.
const FORMAT: u8 = 1;

/// A bucket as it is stored.
///
/// In bytes it is the format, then epoch, revision, the time of the last refill in milliseconds, the
/// amount, the burst, the window in milliseconds, whole tokens and the rest, each as a double with its
/// least byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Raised when the bucket begins anew: what was charged to it before is of no matter after.
    pub epoch: Exact,
    /// The bucket, under the revision of its limit.
    pub bucket: Bucket,
}

/// What a caller knows of a limit, told with every call: the bucket goes on under it, unless it is
/// under a later one already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Raised when all that was spent is to be forgotten: by a reset, or when a client was deleted and
    /// another one created under its id. A number that only grows, as the revision of the
    /// configuration that did it, never comes twice.
    pub epoch: Exact,
    /// Raised with each change of the quota, within one epoch.
    pub revision: u32,
    /// Since when this revision is in force, by the store's clock.
    pub since: Exact,
    /// The quota in force.
    pub quota: Quota,
}

/// Bytes that are no bucket of a format that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnreadableValue {
    /// It was written by another version.
    #[error("a bucket of format {0}, and only format {FORMAT} is known here")]
    Format(u8),
    /// So many bytes are no bucket.
    #[error("a bucket of {0} bytes, which has {VALUE_LEN}")]
    Length(usize),
    /// Its numbers are none that a bucket can have.
    #[error("a bucket with numbers that no bucket can have")]
    Numbers,
}

impl Value {
    /// A bucket that nothing was taken from.
    pub fn full(told: &Told, now: UnixMillis) -> Self {
        let bucket = Bucket::full(told.quota, now).with_revision(told.revision);
        Self { epoch: told.epoch, bucket }
    }

    /// Goes on at `now` under what is told. In a later epoch the bucket begins anew; what is older than
    /// the bucket's own is from somebody who has not read the latest write, and does nothing.
    #[must_use]
    pub fn follow(mut self, told: &Told, now: UnixMillis) -> Self {
        if told.epoch > self.epoch {
            self = Self::full(told, now);
        } else if told.epoch == self.epoch && told.revision > self.bucket.level().revision {
            self.bucket.change(told.quota, UnixMillis(told.since.get()));
            self.bucket = self.bucket.with_revision(told.revision);
        }
        self.bucket.refill(now);
        self
    }

    /// Goes on from what a server has and what was seen on another one, of which either may have lost
    /// something. A later epoch is a later bucket, and within one the lower balance is taken.
    #[must_use]
    pub fn merge(self, seen: Self, now: UnixMillis) -> Self {
        match self.epoch.cmp(&seen.epoch) {
            Ordering::Equal => {
                Self { epoch: self.epoch, bucket: self.bucket.merge(seen.bucket, now) }
            }
            Ordering::Less => seen,
            Ordering::Greater => self,
        }
    }

    /// Goes on at `now` from what a server has, and from what was seen and may be lost there. One that is
    /// neither there nor was seen is full.
    #[must_use]
    pub fn going_on(
        (found, seen): (Option<Self>, Option<Self>),
        told: &Told,
        now: UnixMillis,
    ) -> Self {
        let found = found.map(|value| value.follow(told, now));
        let seen = seen.map(|value| value.follow(told, now));
        match (found, seen) {
            (Some(found), Some(seen)) => found.merge(seen, now),
            (Some(value), None) | (None, Some(value)) => value,
            (None, None) => Self::full(told, now),
        }
    }

    /// Whether it is as good as one that was never charged.
    pub fn is_full(&self, now: UnixMillis) -> bool {
        self.bucket.balance(now).used() == 0
    }

    /// The bucket in bytes.
    pub fn to_bytes(&self) -> [u8; VALUE_LEN] {
        let Level { quota, revision, whole, rest, refilled_at } = self.bucket.level();
        let doubles = [
            self.epoch.double(),
            revision.into(),
            number(refilled_at.0),
            number(quota.amount()),
            number(quota.burst()),
            number(quota.window().millis()),
            // A balance is at most ten minutes of the largest amount away from 0.
            signed_double(whole).unwrap_or_default(),
            rest.into(),
        ];
        let mut bytes = [FORMAT; VALUE_LEN];
        let (_, body) = bytes.split_at_mut(1);
        for (place, double) in body.chunks_exact_mut(size_of::<f64>()).zip(doubles) {
            place.copy_from_slice(&double.to_le_bytes());
        }
        bytes
    }
}

impl TryFrom<&[u8]> for Value {
    type Error = UnreadableValue;

    fn try_from(bytes: &[u8]) -> Result<Self, UnreadableValue> {
        let (body, format) = match bytes {
            [format, body @ ..] if bytes.len() == VALUE_LEN => (body, *format),
            _ => return Err(UnreadableValue::Length(bytes.len())),
        };
        if format != FORMAT {
            return Err(UnreadableValue::Format(format));
        }
        read(body).ok_or(UnreadableValue::Numbers)
    }
}

/// The eight doubles of a bucket.
fn read(body: &[u8]) -> Option<Value> {
    let (doubles, _) = body.as_chunks::<8>();
    let mut doubles = doubles.iter().map(|bytes| f64::from_le_bytes(*bytes));
    let mut next = || doubles.next();
    let mut whole_number = || Exact::of_double(next()?).ok().map(Exact::get);
    let epoch = Exact::try_from(whole_number()?).ok()?;
    let revision = u32::try_from(whole_number()?).ok()?;
    let refilled_at = UnixMillis(whole_number()?);
    let (amount, burst, window_ms) = (whole_number()?, whole_number()?, whole_number()?);
    let window = Window::from_secs(u32::try_from(window_ms / 1_000).ok()?).ok()?;
    if window.millis() != window_ms {
        return None;
    }
    let quota = Quota::new(amount, window, Some(burst)).ok()?;
    let whole = signed_of_double(next()?).ok()?;
    let rest = u32::try_from(Exact::of_double(next()?).ok()?.get()).ok()?;
    let bucket = Bucket::at(Level { quota, revision, whole, rest, refilled_at }).ok()?;
    Some(Value { epoch, bucket })
}

/// Every number of a level is below 2^53, but for a time that no clock tells.
fn number(number: u64) -> f64 {
    Exact::try_from(number).unwrap_or_default().double()
}
