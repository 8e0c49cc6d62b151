//! The lines of a client's own buckets: those who wait are told a moment each (`RETRY_AFTER=spread`).
//!
//! They are in memory only. What was told before a restart is kept by those who were told it; who asks
//! after it is told moments as if nobody waited.

use limiter::{Bucket, Charge, Dimension, LINE_MS_MAX, Line, Tokens, UnixMillis, Wait, Waiting};
use smallvec::SmallVec;

/// The lines, by limit. A client that nobody refuses has only this pointer, and so has one after an
/// admission when nobody waits any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Option<Box<ByLimit>>);

#[derive(Clone, Debug, Default)]
struct ByLimit {
    requests: Option<Line>,
    tokens: Option<Line>,
}

/// The buckets of the limits in force, and what a request costs in each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs<'a> {
    pub(super) requests: Option<(&'a Bucket, Tokens)>,
    pub(super) tokens: Option<(&'a Bucket, Tokens)>,
}

impl Lines {
    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A request is refused and would pass in `exact`: when it is told to come back.
    pub(super) fn line_up(&mut self, exact: Wait, costs: Costs<'_>, now: UnixMillis) -> Wait {
        if exact > Wait::Millis(LINE_MS_MAX) {
            return exact;
        }
        let lines = self.0.get_or_insert_default();
        let mut waits = SmallVec::<[Waiting<'_>; 2]>::new();
        for (line, cost) in
            [(&mut lines.requests, costs.requests), (&mut lines.tokens, costs.tokens)]
        {
            if let Some((bucket, cost)) = cost {
                let line = line.get_or_insert_with(|| Line::empty(bucket));
                waits.push(Waiting { bucket, line, cost });
            }
        }
        limiter::line_up(exact, &mut waits, now)
    }

    /// A request was admitted. Lines in which nobody waits any more are let go.
    #[inline]
    pub(super) fn follow(&mut self, costs: Costs<'_>, now: UnixMillis) {
        let Some(lines) = &mut self.0 else { return };
        follow(&mut lines.requests, costs.requests, now);
        follow(&mut lines.tokens, costs.tokens, now);
        if lines.requests.is_none() && lines.tokens.is_none() {
            self.0 = None;
        }
    }

    /// A charge of a limit's bucket was corrected to what was used.
    #[inline]
    pub(super) fn settle(
        &mut self,
        limit: Dimension,
        bucket: &Bucket,
        (charge, used): (Charge, Tokens),
        now: UnixMillis,
    ) {
        if let Some(line) = self.of(limit) {
            line.settle(bucket, charge, used, now);
        }
    }

    /// Another limit is in force: no moment that was told under the one before is kept to.
    pub(super) fn begin_anew(&mut self) {
        self.0 = None;
    }

    fn of(&mut self, limit: Dimension) -> Option<&mut Line> {
        let lines = self.0.as_mut()?;
        match limit {
            Dimension::Rpm => lines.requests.as_mut(),
            Dimension::Tpm => lines.tokens.as_mut(),
        }
    }
}

/// Nobody waits for a limit that is not in force.
fn follow(line: &mut Option<Line>, cost: Option<(&Bucket, Tokens)>, now: UnixMillis) {
    *line = line.zip(cost).and_then(|(mut line, (bucket, _))| {
        line.follow(bucket, now);
        (!line.is_empty(bucket)).then_some(line)
    });
}
