//! What happened: one client's counters, since the process started, and what those before it counted.

mod count;
mod counted;
mod histogram;
mod learned;

use std::num::NonZeroU64;

use limiter::{Dimension, Tokens, UnixMillis};

use count::Count;
pub(super) use counted::CountedHere;
pub use histogram::{DURATION_BUCKETS_MS, Histogram};
use learned::LearnedEstimate;
pub(super) use learned::REMEMBERED;

use super::rules::LimitNumber;
use crate::{limits::LimitKey, store::state::Tallies};

/// A client's counters.
#[derive(Debug, Default)]
pub(super) struct Record {
    admitted: Count,
    rpm_dropped: u64,
    tpm_dropped: u64,
    tokens_used: u64,
    last_request: Option<NonZeroU64>,
    /// Made when there is the first one.
    refused_in_shadow: Option<Box<RefusedInShadow>>,
    /// Likewise.
    beside: Option<Box<BesideTallies>>,
    /// Made when the first request ends: most clients of a large ledger never ask.
    ended: Option<Box<Ended>>,
    /// What earlier processes counted.
    before: Option<Box<Tallies>>,
}

/// Requests that were refused by a worker in shadow, and passed: they are among the admitted ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusedInShadow {
    /// Those that RPM refused.
    pub rpm: u64,
    /// Those that TPM refused.
    pub tpm: u64,
    /// Those that another limit refused.
    pub limit: u64,
}

/// What a process counted of a client, without what is longer to read.
pub(super) struct Counted {
    pub(super) admitted: u64,
    pub(super) rpm_dropped: u64,
    pub(super) tpm_dropped: u64,
    pub(super) limit_dropped: u64,
    pub(super) refused_in_shadow: u64,
    pub(super) tokens_used: u64,
}

/// What limits beside a client's own two refused.
#[derive(Debug, Default)]
struct BesideTallies {
    /// Requests, each counted once.
    dropped: u64,
    /// Of these, the ones that earlier processes counted.
    dropped_before: u64,
    /// By limit, over all processes, in the order of the limits' numbers.
    by_limit: Vec<(LimitNumber, LimitCount)>,
    /// What processes counted that share the limits.
    elsewhere: Vec<(LimitNumber, LimitCount)>,
}

impl BesideTallies {
    fn count_by(&self, limit: LimitNumber) -> LimitCount {
        let counts = self.by_limit.iter().chain(&self.elsewhere);
        let of_limit = counts.filter(|(number, _)| *number == limit);
        of_limit.fold(LimitCount::default(), |sum, (_, count)| sum.and(count))
    }
}

/// How often one limit refused a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LimitCount {
    /// Requests that it refused.
    pub(super) refused: u64,
    /// Requests that it would have refused.
    pub(super) would_refuse: u64,
}

impl LimitCount {
    pub(super) fn and(self, other: &Self) -> Self {
        Self {
            refused: self.refused.saturating_add(other.refused),
            would_refuse: self.would_refuse.saturating_add(other.would_refuse),
        }
    }

    /// Without those that are counted elsewhere.
    pub(super) fn without(self, counted: &Self) -> Self {
        Self {
            refused: self.refused.saturating_sub(counted.refused),
            would_refuse: self.would_refuse.saturating_sub(counted.would_refuse),
        }
    }
}

/// What is known of requests that have ended.
#[derive(Debug, Default)]
struct Ended {
    durations: Histogram,
    tokens_refunded: u64,
    tokens_charged_further: u64,
    /// Only where estimates are learned.
    learned: Option<Box<LearnedEstimate>>,
}

/// A client's counters, of this process, as they stood at one moment.
#[derive(Clone, Debug, Default)]
pub struct RecordSnapshot {
    /// Requests that were admitted, but for those that went away before they were forwarded. In
    /// shadow a request that is refused passes, and is one of these.
    pub admitted: u64,
    /// Which of them were refused in shadow.
    pub refused_in_shadow: RefusedInShadow,
    /// Requests that RPM refused.
    pub rpm_dropped: u64,
    /// Requests that TPM refused.
    pub tpm_dropped: u64,
    /// Requests that limits beside these two refused.
    pub limit_dropped: u64,
    /// Of these, the ones that earlier processes counted.
    pub limit_dropped_before: u64,
    /// Tokens of the requests that ended, as they were charged in the end.
    pub tokens_used: u64,
    /// What was given back of their estimates.
    pub tokens_refunded: u64,
    /// What was charged beyond their estimates.
    pub tokens_charged_further: u64,
    /// What a request is taken to need at least; `None` when that is not learned, or not yet.
    pub learned_estimate: Option<Tokens>,
    /// When it last asked.
    pub last_request: Option<UnixMillis>,
    /// How long its requests took, from request to end of response.
    pub durations: Histogram,
    /// What earlier processes counted.
    pub before: Tallies,
}

impl RecordSnapshot {
    /// What this process and those before it counted.
    pub fn over_all_processes(&self) -> Tallies {
        self.before.and(&Tallies {
            admitted: self.admitted,
            overcounted: 0,
            rpm_dropped: self.rpm_dropped,
            tpm_dropped: self.tpm_dropped,
            tokens_used: self.tokens_used,
            last_request: self.last_request.map_or(0, |at| at.0),
            durations: self.durations.count(),
            durations_us: self.durations.sum_us(),
        })
    }
}

impl Record {
    #[inline]
    pub(super) fn admitted(&mut self, now: UnixMillis) {
        self.last_request = NonZeroU64::new(now.0);
        self.admitted.add(1);
    }

    #[inline]
    pub(super) fn dropped(&mut self, limit: &LimitKey, requests: u64, now: UnixMillis) {
        self.last_request = NonZeroU64::new(now.0);
        let dropped = match limit {
            LimitKey::Own(Dimension::Rpm) => &mut self.rpm_dropped,
            LimitKey::Own(Dimension::Tpm) => &mut self.tpm_dropped,
            LimitKey::Named(_) => &mut self.beside.get_or_insert_default().dropped,
        };
        *dropped = dropped.saturating_add(requests);
    }

    /// A limit beside the client's two refused some of them.
    pub(super) fn refused_by(&mut self, limit: LimitNumber, requests: u64) {
        let count = self.count_of(limit);
        count.refused = count.refused.saturating_add(requests);
    }

    /// Such a limit would have refused a request.
    pub(super) fn would_refuse(&mut self, limit: LimitNumber) {
        let count = self.count_of(limit);
        count.would_refuse = count.would_refuse.saturating_add(1);
    }

    #[expect(clippy::indexing_slicing, reason = "the index was found, or it was just put there")]
    fn count_of(&mut self, limit: LimitNumber) -> &mut LimitCount {
        let by_limit = &mut self.beside.get_or_insert_default().by_limit;
        let index = by_limit.binary_search_by_key(&limit, |(limit, _)| *limit);
        let index = index.unwrap_or_else(|index| {
            by_limit.insert(index, (limit, LimitCount::default()));
            index
        });
        &mut by_limit[index].1
    }

    /// How often such limits refused, in all processes: requests, each counted once, and by limit.
    pub(super) fn beside(&self) -> Option<(u64, impl Iterator<Item = (LimitNumber, LimitCount)>)> {
        let beside = self.beside.as_deref()?;
        let is_here = |number| beside.by_limit.iter().any(|(here, _)| *here == number);
        let elsewhere = beside.elsewhere.iter().filter(move |(number, _)| !is_here(*number));
        let numbers = beside.by_limit.iter().chain(elsewhere).map(|(number, _)| *number);
        Some((beside.dropped, numbers.map(|number| (number, beside.count_by(number)))))
    }

    /// What of it is of this limit.
    pub(super) fn count_by(&self, limit: LimitNumber) -> LimitCount {
        self.beside.as_deref().map(|beside| beside.count_by(limit)).unwrap_or_default()
    }

    /// Other processes, which share the limits, have counted so much by now.
    pub(super) fn others_counted(&mut self, others: &CountedHere) {
        let &CountedHere { tallies, dropped, limits: ref by_limit } = others;
        self.before = Some(Box::new(tallies));
        if dropped > 0 || !by_limit.is_empty() || self.beside.is_some() {
            let beside = self.beside.get_or_insert_default();
            beside.dropped = beside.dropped - beside.dropped_before + dropped;
            beside.dropped_before = dropped;
            by_limit.clone_into(&mut beside.elsewhere);
        }
    }

    /// All that this process counted.
    pub(super) fn counted_here(&self) -> CountedHere {
        let beside = self.beside.as_deref();
        CountedHere {
            tallies: self.tallies_of_this_process(),
            dropped: beside.map_or(0, |beside| beside.dropped - beside.dropped_before),
            limits: beside.map(|beside| beside.by_limit.clone()).unwrap_or_default(),
        }
    }

    /// Earlier processes counted so much.
    pub(super) fn count_beside_before(
        &mut self,
        dropped: u64,
        by_limit: Vec<(LimitNumber, LimitCount)>,
    ) {
        let mut by_limit = by_limit;
        by_limit.sort_unstable_by_key(|(limit, _)| *limit);
        let tallies =
            BesideTallies { dropped, dropped_before: dropped, by_limit, elsewhere: Vec::new() };
        self.beside = Some(Box::new(tallies));
    }

    /// Keeps what is of limits that are still there.
    pub(super) fn retain_limits(&mut self, is_known: impl Fn(LimitNumber) -> bool) {
        if let Some(beside) = &mut self.beside {
            beside.by_limit.retain(|(limit, _)| is_known(*limit));
        }
    }

    /// A request was refused, and passes all the same where its filter is in shadow.
    pub(super) fn not_admitted(&mut self, limit: &LimitKey, in_shadow: bool, now: UnixMillis) {
        if in_shadow {
            self.refused_in_shadow(limit, now);
        } else {
            self.dropped(limit, 1, now);
        }
    }

    fn refused_in_shadow(&mut self, limit: &LimitKey, now: UnixMillis) {
        self.admitted(now);
        let refused = self.refused_in_shadow.get_or_insert_default();
        let by_limit = match limit {
            LimitKey::Own(Dimension::Rpm) => &mut refused.rpm,
            LimitKey::Own(Dimension::Tpm) => &mut refused.tpm,
            LimitKey::Named(_) => &mut refused.limit,
        };
        *by_limit = by_limit.saturating_add(1);
    }

    /// A request went away before it was forwarded.
    #[inline]
    pub(super) fn canceled(&mut self) {
        self.admitted.take_back(1);
    }

    /// Nobody will know what became of a request: its charge stands.
    #[inline]
    pub(super) fn lost(&mut self, reserved: Tokens) {
        self.tokens_used = self.tokens_used.saturating_add(reserved.get());
    }

    /// A request ended and was charged `cost`.
    #[inline]
    pub(super) fn settled(&mut self, reserved: Tokens, cost: Tokens, duration_us: Option<u64>) {
        let (reserved, cost) = (reserved.get(), cost.get());
        self.tokens_used = self.tokens_used.saturating_add(cost);
        let ended = self.ended.get_or_insert_default();
        let refunded = reserved.saturating_sub(cost);
        ended.tokens_refunded = ended.tokens_refunded.saturating_add(refunded);
        ended.tokens_charged_further =
            ended.tokens_charged_further.saturating_add(cost.saturating_sub(reserved));
        if let Some(duration_us) = duration_us {
            ended.durations.record(duration_us);
        }
    }

    /// A request that ended as it should used so much.
    pub(super) fn learn(&mut self, used: Tokens, now: UnixMillis) {
        let ended = self.ended.get_or_insert_default();
        ended.learned.get_or_insert_default().learn(used, now);
    }

    /// The usage of a deleted client must not shape the estimates of its successor.
    pub(super) fn unlearn(&mut self) {
        if let Some(ended) = &mut self.ended {
            ended.learned = None;
        }
    }

    pub(super) fn learned_estimate(&self, now: UnixMillis) -> Option<Tokens> {
        self.ended.as_deref()?.learned.as_deref()?.estimate(now)
    }

    /// What this process counted, as far as it is counted in numbers alone.
    pub(super) fn counted(&self) -> Counted {
        let in_shadow = self.refused_in_shadow.as_deref().copied().unwrap_or_default();
        let limit_dropped =
            self.beside.as_deref().map_or(0, |beside| beside.dropped - beside.dropped_before);
        Counted {
            admitted: self.admitted.shown(),
            rpm_dropped: self.rpm_dropped,
            tpm_dropped: self.tpm_dropped,
            limit_dropped,
            refused_in_shadow: in_shadow.rpm + in_shadow.tpm + in_shadow.limit,
            tokens_used: self.tokens_used,
        }
    }

    /// How often each limit beside the client's two refused, as this process counted it.
    pub(super) fn refused_here(&self) -> &[(LimitNumber, LimitCount)] {
        self.beside.as_deref().map_or(&[], |beside| &beside.by_limit)
    }

    pub(super) fn snapshot(&self, now: UnixMillis) -> RecordSnapshot {
        let ended = self.ended.as_deref();
        RecordSnapshot {
            admitted: self.admitted.shown(),
            refused_in_shadow: self.refused_in_shadow.as_deref().copied().unwrap_or_default(),
            rpm_dropped: self.rpm_dropped,
            tpm_dropped: self.tpm_dropped,
            limit_dropped: self.beside.as_deref().map_or(0, |beside| beside.dropped),
            limit_dropped_before: self.beside.as_deref().map_or(0, |beside| beside.dropped_before),
            tokens_used: self.tokens_used,
            tokens_refunded: ended.map_or(0, |ended| ended.tokens_refunded),
            tokens_charged_further: ended.map_or(0, |ended| ended.tokens_charged_further),
            learned_estimate: self.learned_estimate(now),
            last_request: self.last_request.map(|at| UnixMillis(at.get())),
            durations: ended.map(|ended| ended.durations.clone()).unwrap_or_default(),
            before: self.before.as_deref().copied().unwrap_or_default(),
        }
    }

    /// All that was ever counted.
    pub(super) fn tallies(&self) -> Tallies {
        let now = self.tallies_of_this_process();
        match &self.before {
            Some(before) => before.and(&now),
            None => now,
        }
    }

    fn tallies_of_this_process(&self) -> Tallies {
        let ended = self.ended.as_deref();
        Tallies {
            admitted: self.admitted.shown(),
            overcounted: self.admitted.overcounted(),
            rpm_dropped: self.rpm_dropped,
            tpm_dropped: self.tpm_dropped,
            tokens_used: self.tokens_used,
            last_request: self.last_request.map_or(0, NonZeroU64::get),
            durations: ended.map_or(0, |ended| ended.durations.count()),
            durations_us: ended.map_or(0, |ended| ended.durations.sum_us()),
        }
    }

    /// Earlier processes counted so much.
    pub(super) fn count_before(&mut self, tallies: Tallies) {
        self.admitted = Count::overcounted_by(tallies.overcounted);
        self.before = Some(Box::new(tallies));
    }

    /// What was learned, the oldest first, and when the last of it was.
    pub(super) fn learned(&self) -> Option<(Vec<u64>, UnixMillis)> {
        Some(self.ended.as_deref()?.learned.as_deref()?.remembered())
    }

    /// An earlier process learned so much.
    pub(super) fn learned_before(
        &mut self,
        used: impl Iterator<Item = Tokens>,
        learned_at: UnixMillis,
    ) {
        let learned = self.ended.get_or_insert_default().learned.insert(Box::default());
        used.for_each(|used| learned.learn(used, learned_at));
    }
}
