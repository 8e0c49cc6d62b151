//! The table at the end of a load.

use std::fmt;
use std::time::Duration;

use super::limits::{Limits, bound};
use super::tally::Tally;

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Each request has its outcome.
    Done,
    /// Ctrl-C came before.
    Interrupted,
}

/// What a load showed. Its text is a table.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The client.
    pub(crate) client: String,
    /// How many requests were asked for.
    pub(crate) requests: u32,
    /// The estimate of each.
    pub(crate) tokens: u64,
    /// What became of them.
    pub(crate) tally: Tally,
    /// The client's limits before the first request.
    pub(crate) limits: Limits,
    /// From before the first request to after the last answer.
    pub(crate) elapsed: Duration,
    /// Whether it is the whole.
    pub(crate) ended: Ended,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interrupted = if self.ended == Ended::Interrupted { ", interrupted" } else { "" };
        writeln!(
            f,
            "{}: {} of {} requests, {} tokens each, in {:.1} s{interrupted}\n",
            self.client,
            self.tally.total(),
            self.requests,
            self.tokens,
            self.elapsed.as_secs_f64(),
        )?;
        self.outcomes(f)?;
        self.latency(f)?;
        writeln!(f, "{:<14}{:>12}{:>12}", "", "admitted", "at most")?;
        let admitted = self.tally.admitted();
        self.against(f, "requests", admitted, self.limits.rpm)?;
        self.against(f, "tokens", admitted.saturating_mul(self.tokens), self.limits.tpm)
    }
}

impl Report {
    fn outcomes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<8}{:<24}{:>10}", "status", "reason", "requests")?;
        for (status, reason, count) in self.tally.answers() {
            let reason = if reason.is_empty() { "admitted" } else { reason };
            writeln!(f, "{status:<8}{reason:<24}{count:>10}")?;
        }
        for (reason, count) in self.tally.failures() {
            writeln!(f, "{:<8}{reason:<24}{count:>10}", "-")?;
        }
        if self.tally.not_sent() > 0 {
            let reason = "not sent, too many open";
            writeln!(f, "{:<8}{reason:<24}{:>10}", "-", self.tally.not_sent())?;
        }
        writeln!(f)
    }

    fn latency(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(latencies) = self.tally.percentiles([50, 90, 99, 100]) else { return Ok(()) };
        writeln!(f, "{:<14}{:>10}{:>10}{:>10}{:>10}", "latency", "p50", "p90", "p99", "max")?;
        write!(f, "{:<14}", "milliseconds")?;
        for latency in latencies {
            write!(f, "{:>10.1}", latency.as_secs_f64() * 1000.0)?;
        }
        writeln!(f, "\n")
    }

    /// One limit's row. The bound is what a full bucket could give, with the refill of the time.
    fn against(
        &self,
        f: &mut fmt::Formatter<'_>,
        unit: &str,
        admitted: u64,
        per_minute: Option<u64>,
    ) -> fmt::Result {
        let Some(per_minute) = per_minute.filter(|_| self.limits.enabled) else {
            return writeln!(f, "{unit:<14}{admitted:>12}{:>12}", "no limit");
        };
        let bound = bound(per_minute, self.elapsed);
        let refill = bound.saturating_sub(per_minute);
        let verdict = if admitted > bound { ": MORE than the limit allows" } else { "" };
        writeln!(
            f,
            "{unit:<14}{admitted:>12}{bound:>12}  ({per_minute} + {refill} refilled){verdict}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::Outcome;
    use super::*;

    fn report() -> Report {
        let mut tally = Tally::default();
        for number in 1..=4 {
            let refusal = (number > 2).then_some("tpm_exceeded");
            let status = if refusal.is_some() { 429 } else { 200 };
            let latency = Duration::from_micros(number * 1250);
            tally.add(&Outcome::Answered { status, refusal, latency });
        }
        tally.add(&Outcome::Failed("connection lost"));
        Report {
            client: "a".to_owned(),
            requests: 8,
            tokens: 50,
            tally,
            limits: Limits { rpm: None, tpm: Some(100), enabled: true },
            elapsed: Duration::from_millis(1200),
            ended: Ended::Interrupted,
        }
    }

    #[test]
    fn the_table_shows_outcomes_latency_and_what_the_limit_allowed() {
        let expected = "\
a: 5 of 8 requests, 50 tokens each, in 1.2 s, interrupted

status  reason                    requests
200     admitted                         2
429     tpm_exceeded                     2
-       connection lost                  1

latency              p50       p90       p99       max
milliseconds         2.5       5.0       5.0       5.0

                  admitted     at most
requests                 2    no limit
tokens                 100         102  (100 + 2 refilled)
";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn more_than_the_limit_allows_stands_out() {
        let mut report = report();
        report.limits.rpm = Some(1);
        assert!(report.to_string().contains("(1 + 0 refilled): MORE than the limit allows"));
    }

    #[test]
    fn a_disabled_client_has_no_limit() {
        let mut report = report();
        report.limits.enabled = false;
        assert!(!report.to_string().contains("refilled"));
    }
}
