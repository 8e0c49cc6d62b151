//! What became of the requests.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::Refusal;

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered.
    Answered {
        /// The status.
        status: u16,
        /// Why, when FlowGuard refused it.
        refusal: Option<Refusal>,
        /// Tokens that it was charged at least, whatever its response is taken for.
        tokens: u64,
        /// From sending it to the end of the answer.
        latency: Duration,
    },
    /// There was no whole answer, and why.
    Failed(&'static str),
    /// It was not sent: too many before it were still unanswered.
    NotSent,
}

/// What was admitted of one client's requests: they reached the upstream, or Envoy's own answer in
/// its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// How many.
    pub(crate) requests: u64,
    /// Tokens that they were charged at least.
    pub(crate) tokens: u64,
}

/// The outcomes of all requests so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    answers: BTreeMap<(u16, Option<Refusal>), u64>,
    failures: BTreeMap<&'static str, u64>,
    latencies: Vec<Duration>,
    not_sent: u64,
    admitted: BTreeMap<usize, Admitted>,
}

impl Tally {
    /// Counts a request of the client with this number.
    pub(crate) fn add(&mut self, client: usize, outcome: Outcome) {
        match outcome {
            Outcome::Answered { status, refusal, tokens, latency } => {
                if refusal.is_none() {
                    let admitted = self.admitted.entry(client).or_default();
                    admitted.requests += 1;
                    admitted.tokens = admitted.tokens.saturating_add(tokens);
                }
                *self.answers.entry((status, refusal)).or_default() += 1;
                self.latencies.push(latency);
            }
            Outcome::Failed(reason) => *self.failures.entry(reason).or_default() += 1,
            Outcome::NotSent => self.not_sent += 1,
        }
    }

    /// The answers by status and by what refused them, which is nothing for an admitted request.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (u16, Option<&Refusal>, u64)> {
        self.answers.iter().map(|((status, refusal), &count)| (*status, refusal.as_ref(), count))
    }

    /// The requests without an answer, by reason.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.failures.iter().map(|(&reason, &count)| (reason, count))
    }

    /// How many were not sent.
    pub(crate) fn not_sent(&self) -> u64 {
        self.not_sent
    }

    /// How many were counted in all.
    pub(crate) fn total(&self) -> u64 {
        self.answers.values().chain(self.failures.values()).sum::<u64>() + self.not_sent
    }

    /// What was admitted of all clients.
    pub(crate) fn admitted(&self) -> u64 {
        self.admitted.values().map(|client| client.requests).sum()
    }

    /// What was admitted of the client with this number.
    pub(crate) fn admitted_of(&self, client: usize) -> Admitted {
        self.admitted.get(&client).copied().unwrap_or_default()
    }

    /// The latencies that so many percent of the answers did not exceed, by nearest rank; `None`
    /// without an answer.
    pub(crate) fn percentiles<const N: usize>(
        &self,
        percents: [usize; N],
    ) -> Option<[Duration; N]> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        Some(percents.map(|percent| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted[rank.saturating_sub(1).min(last)]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, refusal: Option<Refusal>, latency_ms: u64) -> Outcome {
        let latency = Duration::from_millis(latency_ms);
        Outcome::Answered { status, refusal, tokens: 10, latency }
    }

    fn by(code: &'static str, limit: Option<&str>) -> Refusal {
        Refusal { code, limit: limit.map(str::to_owned) }
    }

    #[test]
    fn each_request_is_counted_once() {
        let mut tally = Tally::default();
        let rpm = by("rpm_exceeded", None);
        for outcome in [
            answered(200, None, 5),
            answered(429, None, 5),
            answered(429, Some(rpm.clone()), 1),
            Outcome::Failed("connection lost"),
            Outcome::NotSent,
        ] {
            tally.add(0, outcome);
        }
        assert_eq!((tally.total(), tally.admitted(), tally.not_sent()), (5, 2, 1));
        let answers: Vec<_> = tally.answers().collect();
        assert_eq!(answers, [(200, None, 1), (429, None, 1), (429, Some(&rpm), 1)]);
    }

    #[test]
    fn refusals_are_counted_by_limit_and_what_was_admitted_by_client() {
        let mut tally = Tally::default();
        let [org, team] = ["org", "team"].map(|name| by("token_limit_exceeded", Some(name)));
        for (client, refusal) in
            [(0, None), (1, None), (1, None), (0, Some(&org)), (1, Some(&team)), (1, Some(&org))]
        {
            tally.add(client, answered(429, refusal.cloned(), 1));
        }
        let answers: Vec<_> = tally.answers().collect();
        assert_eq!(answers, [(429, None, 3), (429, Some(&org), 2), (429, Some(&team), 1)]);
        assert_eq!(tally.admitted_of(0), Admitted { requests: 1, tokens: 10 });
        assert_eq!(tally.admitted_of(1), Admitted { requests: 2, tokens: 20 });
        assert_eq!(tally.admitted_of(2), Admitted::default());
    }

    #[test]
    fn a_percentile_is_a_latency_that_was_measured() {
        let mut tally = Tally::default();
        assert_eq!(tally.percentiles([50, 100]), None);
        for latency in (1..=100).rev() {
            tally.add(0, answered(200, None, latency));
        }
        let expected = [50, 90, 99, 100].map(Duration::from_millis);
        assert_eq!(tally.percentiles([50, 90, 99, 100]), Some(expected));
        let mut one = Tally::default();
        one.add(0, answered(200, None, 7));
        assert_eq!(one.percentiles([50, 99]), Some([Duration::from_millis(7); 2]));
    }
}
