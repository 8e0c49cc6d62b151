//! The line of those who wait: refused requests are told moments that do not collide.
//!
//! Twenty who wait for the same bucket would all be told the same millisecond: one passes then, and
//! nineteen come back for nothing. A line is what will be left of a bucket once everybody who was
//! told a moment has passed: a second balance of the same quota, which never stands above the first.
//! A refused request is told when the line covers it, and takes its place there.
//!
//! It decides nothing. A request that the bucket covers passes, whoever was told what.

use crate::{Balance, Bucket, Charge, Tokens, UnixMillis, Wait};

/// The furthest moment that is given to one request alone. Who would have to wait longer is told
/// the exact time and takes no place: some client libraries give up on longer waits, and a place that
/// nobody comes for would only make others wait.
pub const LINE_MS_MAX: u64 = 60_000;

/// What will be left of one bucket when everybody who was told a moment has passed.
///
/// It belongs to the quota that the bucket has: when that changes, so do all moments, and the line
/// begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    refilled_at: UnixMillis,
    whole: i64,
    rest: u32,
}

/// A client whose requests wait has two.
const _: () = assert!(size_of::<Line>() <= 24);

/// One bucket that a refused request is charged to, the line of those who wait for it, and what the
/// request costs there.
#[derive(Debug)]
pub struct Waiting<'a> {
    /// The bucket, which has decided at the same moment.
    pub bucket: &'a Bucket,
    /// Its line.
    pub line: &'a mut Line,
    /// What the request costs in the bucket.
    pub cost: Tokens,
}

/// When a refused request is to come back, whose exact wait is `exact`: at a moment of its own, at
/// which all the lines cover it. It passes then, if all others come when they were told to. The
/// request takes its place in every line, also in that of a bucket that does not refuse it now.
///
/// It is never told an earlier moment than the exact one, and none later than [`LINE_MS_MAX`]: where
/// the lines are longer, it is told the exact one and takes no place.
pub fn line_up(exact: Wait, waits: &mut [Waiting<'_>], now: UnixMillis) -> Wait {
    let Wait::Millis(mut wait_ms) = exact else { return exact };
    for Waiting { bucket, line, cost } in waits.iter_mut() {
        line.follow(bucket, now);
        wait_ms = wait_ms.max(line.balance(bucket, now).ms_until(cost.get()));
    }
    if wait_ms > LINE_MS_MAX {
        return exact;
    }
    let told = UnixMillis(now.0.saturating_add(wait_ms));
    for Waiting { bucket, line, cost } in waits {
        line.change(bucket, |line| line.take_at(*cost, told));
    }
    Wait::Millis(wait_ms)
}

impl Line {
    /// The line of a bucket for which nobody waits.
    pub fn empty(bucket: &Bucket) -> Self {
        let level = bucket.level();
        Self { refilled_at: level.refilled_at, whole: level.whole, rest: level.rest }
    }

    /// Whether nobody waits who was told a moment.
    pub fn is_empty(&self, bucket: &Bucket) -> bool {
        *self == Self::empty(bucket)
    }

    /// What will be left of the bucket, as it looks at `now`.
    pub fn balance(&self, bucket: &Bucket, now: UnixMillis) -> Balance {
        self.of(bucket).balance(now)
    }

    /// The time until `now` has passed, and requests may have been admitted: the line never stands
    /// above the bucket. By this a request that comes when it was told to leaves the line: the bucket
    /// pays now what was taken from the line before.
    pub fn follow(&mut self, bucket: &Bucket, now: UnixMillis) {
        let mut bucket = *bucket;
        bucket.refill(now);
        self.change(&bucket, |line| line.follow(&bucket));
    }

    /// A charge of the bucket was corrected to what was used: what comes back, or is owed, will be
    /// there, or be missing, for those who wait as well.
    pub fn settle(&mut self, bucket: &Bucket, charge: Charge, used: Tokens, now: UnixMillis) {
        self.change(bucket, |line| line.settle(charge, used, now));
    }

    /// The line as a bucket of the same quota.
    fn of(&self, bucket: &Bucket) -> Bucket {
        bucket.with_balance(self.refilled_at, self.whole, self.rest)
    }

    fn change(&mut self, bucket: &Bucket, change: impl FnOnce(&mut Bucket)) {
        let mut line = self.of(bucket);
        change(&mut line);
        *self = Self::empty(&line);
    }
}
