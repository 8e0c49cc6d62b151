//! What became of the requests.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// The `error` codes of answers that FlowGuard gives in the upstream's place.
const REFUSALS: [&str; 9] = [
    "missing_header",
    "invalid_header",
    "unknown_client",
    "rpm_exceeded",
    "tpm_exceeded",
    "request_limit_exceeded",
    "token_limit_exceeded",
    "concurrency_exceeded",
    "limiter_unavailable",
];

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered.
    Answered {
        /// The status.
        status: u16,
        /// FlowGuard's `error` code, when FlowGuard refused it.
        refusal: Option<&'static str>,
        /// From sending it to the end of the answer.
        latency: Duration,
    },
    /// There was no whole answer, and why.
    Failed(&'static str),
    /// It was not sent: too many before it were still unanswered.
    NotSent,
}

/// The outcomes of all requests so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    answers: BTreeMap<(u16, &'static str), u64>,
    failures: BTreeMap<&'static str, u64>,
    latencies: Vec<Duration>,
    not_sent: u64,
    admitted: u64,
}

impl Tally {
    /// Counts a request.
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Answered { status, refusal, latency } => {
                *self.answers.entry((*status, refusal.unwrap_or(""))).or_default() += 1;
                self.admitted += u64::from(refusal.is_none());
                self.latencies.push(*latency);
            }
            Outcome::Failed(reason) => *self.failures.entry(reason).or_default() += 1,
            Outcome::NotSent => self.not_sent += 1,
        }
    }

    /// The answers by status and FlowGuard's code, which is empty for an admitted request.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (u16, &'static str, u64)> {
        self.answers.iter().map(|(&(status, reason), &count)| (status, reason, count))
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

    /// How many reached the upstream, or Envoy's own answer in its place.
    pub(crate) fn admitted(&self) -> u64 {
        self.admitted
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

/// FlowGuard's code for an answer, which may have the form of one vendor or another. An error of the
/// upstream's own can have the same form, so that of a 429 the message tells.
pub(crate) fn refusal(body: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Error {
        Flowguard(String),
        Vendor { code: Option<String>, message: String },
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    let code = match body.error {
        Error::Flowguard(code) => code,
        Error::Vendor { message, .. } if message.contains(" for this client on ") => {
            by_message(&message)?.to_owned()
        }
        Error::Vendor { code, .. } => code?,
    };
    REFUSALS.into_iter().find(|known| *known == code)
}

/// The code of a refusal that a vendor's form tells in words.
fn by_message(message: &str) -> Option<&'static str> {
    let words = [
        ("requests per min (RPM)", "rpm_exceeded"),
        ("tokens per min (TPM)", "tpm_exceeded"),
        ("concurrent requests (limit ", "concurrency_exceeded"),
        ("requests per ", "request_limit_exceeded"),
        ("tokens per ", "token_limit_exceeded"),
    ];
    let (_, what) = message.split_once(" for this client on ")?;
    words.into_iter().find(|(words, _)| what.starts_with(words)).map(|(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, refusal: Option<&'static str>, latency_ms: u64) -> Outcome {
        Outcome::Answered { status, refusal, latency: Duration::from_millis(latency_ms) }
    }

    #[test]
    fn each_request_is_counted_once() {
        let mut tally = Tally::default();
        for outcome in [
            answered(200, None, 5),
            answered(429, None, 5),
            answered(429, Some("rpm_exceeded"), 1),
            Outcome::Failed("connection lost"),
            Outcome::NotSent,
        ] {
            tally.add(&outcome);
        }
        assert_eq!((tally.total(), tally.admitted(), tally.not_sent()), (5, 2, 1));
        let answers: Vec<_> = tally.answers().collect();
        assert_eq!(answers, [(200, "", 1), (429, "", 1), (429, "rpm_exceeded", 1)]);
    }

    #[test]
    fn a_percentile_is_a_latency_that_was_measured() {
        let mut tally = Tally::default();
        assert_eq!(tally.percentiles([50, 100]), None);
        for latency in (1..=100).rev() {
            tally.add(&answered(200, None, latency));
        }
        let expected = [50, 90, 99, 100].map(Duration::from_millis);
        assert_eq!(tally.percentiles([50, 90, 99, 100]), Some(expected));
        let mut one = Tally::default();
        one.add(&answered(200, None, 7));
        assert_eq!(one.percentiles([50, 99]), Some([Duration::from_millis(7); 2]));
    }

    #[test]
    fn a_refusal_is_known_in_every_form() {
        let openai = br#"{"error":{"message":"Rate limit reached for this client on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
        assert_eq!(refusal(openai), Some("rpm_exceeded"));
        let anthropic = br#"{"type":"error","error":{"type":"rate_limit_error","message":"Request too large for this client on tokens per min (TPM): Limit 5, Requested 6. No wait will make it fit."}}"#;
        assert_eq!(refusal(anthropic), Some("tpm_exceeded"));
        for (what, code) in [
            ("tokens per day (limit budget)", "token_limit_exceeded"),
            ("requests per min (limit org)", "request_limit_exceeded"),
            ("concurrent requests (limit running)", "concurrency_exceeded"),
        ] {
            let named = format!(
                r#"{{"type":"error","error":{{"type":"rate_limit_error","message":"Rate limit reached for this client on {what}: Limit 8, Requested 1. Please try again in 1s."}}}}"#
            );
            assert_eq!(refusal(named.as_bytes()), Some(code));
        }
        let unavailable = br#"{"error":{"message":"The rate limiter did not decide in time","type":"server_error","param":null,"code":"limiter_unavailable"}}"#;
        assert_eq!(refusal(unavailable), Some("limiter_unavailable"));
    }

    #[test]
    fn an_upstream_s_own_429_is_no_refusal() {
        let ours = br#"{"error":"tpm_exceeded","message":"Token rate limit exceeded"}"#;
        assert_eq!(refusal(ours), Some("tpm_exceeded"));
        let theirs = br#"{"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM): Limit 1","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#;
        assert_eq!(refusal(theirs), None);
        assert_eq!(refusal(br#"{"error":"overloaded"}"#), None);
        assert_eq!(refusal(b"no healthy upstream"), None);
    }
}
