//! The table at the end of a load.

use std::fmt;
use std::time::Duration;

use super::answer::Refusal;
use super::error::LoadError;
use super::limits::{Limits, bound};
use super::standing::Standing;
use super::tally::{Admitted, Tally};

/// Clients that are named above the table; of more it says how many.
const NAMED_MAX: usize = 4;

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Each request has its outcome.
    Done,
    /// Ctrl-C came before.
    Interrupted,
}

/// A client that requests were sent as.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    /// Its id.
    pub(crate) id: String,
    /// Its own limits before the first request.
    pub(crate) limits: Limits,
}

/// What a load showed. Its text is a table.
#[derive(Debug)]
pub(crate) struct Report {
    /// The clients.
    pub(crate) senders: Vec<Sender>,
    /// How many requests were asked for.
    pub(crate) requests: u32,
    /// The estimate of each.
    pub(crate) tokens: u64,
    /// What became of them.
    pub(crate) tally: Tally,
    /// For each client, how the other limits stand that apply to it; or why nobody told.
    pub(crate) standings: Result<Vec<Vec<Standing>>, LoadError>,
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
            self.who(),
            self.tally.total(),
            self.requests,
            self.tokens,
            self.elapsed.as_secs_f64(),
        )?;
        self.outcomes(f)?;
        self.latency(f)?;
        self.own_limits(f)?;
        self.other_limits(f)
    }
}

impl Report {
    fn who(&self) -> String {
        if self.senders.len() > NAMED_MAX {
            return format!("{} clients", self.senders.len());
        }
        let ids: Vec<&str> = self.senders.iter().map(|sender| sender.id.as_str()).collect();
        ids.join(", ")
    }

    fn outcomes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = |refusal: Option<&Refusal>| match refusal {
            None => "admitted".to_owned(),
            Some(Refusal { code, limit: None }) => (*code).to_owned(),
            Some(Refusal { code, limit: Some(limit) }) => format!("{code} {limit}"),
        };
        let status = |status: u16| status.to_string();
        let answers = self.tally.answers();
        let mut rows: Vec<(String, String, u64)> = answers
            .map(|(number, refusal, count)| (status(number), reason(refusal), count))
            .collect();
        let failures = self.tally.failures();
        rows.extend(failures.map(|(reason, count)| ("-".to_owned(), reason.to_owned(), count)));
        if self.tally.not_sent() > 0 {
            let reason = "not sent, too many open".to_owned();
            rows.push(("-".to_owned(), reason, self.tally.not_sent()));
        }
        let width = width(24, rows.iter().map(|(_, reason, _)| reason));
        writeln!(f, "{:<8}{:<width$}{:>10}", "status", "reason", "requests")?;
        for (status, reason, count) in rows {
            writeln!(f, "{status:<8}{reason:<width$}{count:>10}")?;
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

    /// Each client's own limits. They bound what it was admitted, whatever else applies to it.
    fn own_limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = |sender: &Sender, unit: &str| match &self.senders[..] {
            [_] => unit.to_owned(),
            _ => format!("{} {unit}", sender.id),
        };
        let width = width(14, self.senders.iter().map(|sender| label(sender, "requests")));
        writeln!(f, "{:<width$}{:>12}{:>12}", "", "admitted", "at most")?;
        for (number, sender) in self.senders.iter().enumerate() {
            let Admitted { requests, tokens } = self.tally.admitted_of(number);
            let limits = sender.limits;
            for (unit, admitted, per_minute) in
                [("requests", requests, limits.rpm), ("tokens", tokens, limits.tpm)]
            {
                write!(f, "{:<width$}{admitted:>12}", label(sender, unit))?;
                match per_minute.filter(|_| limits.enabled) {
                    Some(per_minute) => self.against(f, admitted, per_minute)?,
                    None => writeln!(f, "{:>12}", self.without_own(number))?,
                }
            }
        }
        Ok(())
    }

    /// What bounds a client that has no such limit of its own, as far as that is known.
    fn without_own(&self, sender: usize) -> &'static str {
        let others = self.standings.as_ref().ok().and_then(|all| all.get(sender));
        if others.is_some_and(Vec::is_empty) { "no limit" } else { "none of own" }
    }

    /// The bound is what a full bucket could give, with the refill of the time.
    fn against(&self, f: &mut fmt::Formatter<'_>, admitted: u64, per_minute: u64) -> fmt::Result {
        let bound = bound(per_minute, self.elapsed);
        let refill = bound.saturating_sub(per_minute);
        let verdict = if admitted > bound { ": MORE than the limit allows" } else { "" };
        writeln!(f, "{bound:>12}  ({per_minute} + {refill} refilled){verdict}")
    }

    /// The limits beside these, and what is left of them. Others may use them too, and a window may
    /// have begun long before: what they allowed these clients is not known here.
    fn other_limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standings = match &self.standings {
            Ok(standings) => standings,
            Err(error) => return writeln!(f, "\nno other limits are shown: {error}"),
        };
        if standings.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let label = |sender: &Sender, limit: &str| match &self.senders[..] {
            [_] => limit.to_owned(),
            _ => format!("{} {limit}", sender.id),
        };
        let rows: Vec<(String, &Standing)> = self
            .senders
            .iter()
            .zip(standings)
            .flat_map(|(sender, standings)| {
                standings.iter().map(move |standing| (label(sender, &standing.name), standing))
            })
            .collect();
        let width = width(14, rows.iter().map(|(label, _)| label));
        writeln!(
            f,
            "\n{:<width$}{:<12}{:>12}{:>12}{:>14}",
            "other limits", "of", "limit", "left", "would refuse"
        )?;
        for (label, Standing { measure, limit, remaining, would_refuse, .. }) in rows {
            writeln!(
                f,
                "{label:<width$}{measure:<12}{limit:>12}{remaining:>12}{would_refuse:>14}"
            )?;
        }
        Ok(())
    }
}

/// The width of a column of these texts, with a space behind the longest.
fn width(least: usize, texts: impl Iterator<Item = impl AsRef<str>>) -> usize {
    texts.map(|text| text.as_ref().len() + 1).max().unwrap_or_default().max(least)
}

#[cfg(test)]
mod tests {
    use super::super::tally::Outcome;
    use super::*;

    fn sender(id: &str, rpm: Option<u64>, tpm: Option<u64>) -> Sender {
        Sender { id: id.to_owned(), limits: Limits { rpm, tpm, enabled: true } }
    }

    fn standing(name: &str, limit: u64, remaining: u64, would_refuse: u64) -> Standing {
        let (name, measure) = (name.to_owned(), "tokens".to_owned());
        Standing { name, measure, limit, remaining, would_refuse }
    }

    fn report() -> Report {
        let mut tally = Tally::default();
        for number in 1..=4 {
            let is_refused = number > 2;
            let refusal = is_refused.then_some(Refusal { code: "tpm_exceeded", limit: None });
            let status = if is_refused { 429 } else { 200 };
            let latency = Duration::from_micros(number * 1250);
            tally.add(0, Outcome::Answered { status, refusal, tokens: 50, latency });
        }
        tally.add(0, Outcome::Failed("connection lost"));
        Report {
            senders: vec![sender("a", None, Some(100))],
            requests: 8,
            tokens: 50,
            tally,
            standings: Ok(vec![vec![]]),
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
    fn other_limits_are_listed_with_what_is_left_and_refusals_by_their_names() {
        let mut report = report();
        report.senders.push(sender("bob", None, None));
        let limit = Some("an-organization".to_owned());
        let refusal = Some(Refusal { code: "token_limit_exceeded", limit });
        let latency = Duration::from_millis(5);
        report.tally.add(1, Outcome::Answered { status: 429, refusal, tokens: 0, latency });
        let org = standing("an-organization", 3000, 20, 0);
        report.standings = Ok(vec![vec![org.clone(), standing("trial", 9, 0, 3)], vec![org]]);
        report.ended = Ended::Done;
        let expected = "\
a, bob: 6 of 8 requests, 50 tokens each, in 1.2 s

status  reason                                 requests
200     admitted                                      2
429     token_limit_exceeded an-organization          1
429     tpm_exceeded                                  2
-       connection lost                               1

latency              p50       p90       p99       max
milliseconds         3.8       5.0       5.0       5.0

                  admitted     at most
a requests               2 none of own
a tokens               100         102  (100 + 2 refilled)
bob requests             0 none of own
bob tokens               0 none of own

other limits        of                 limit        left  would refuse
a an-organization   tokens              3000          20             0
a trial             tokens                 9           0             3
bob an-organization tokens              3000          20             0
";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn a_table_that_lacks_the_other_limits_says_why() {
        let mut report = report();
        let (url, answer) = ("http://localhost:9091".to_owned(), "it answers 503".to_owned());
        report.standings = Err(LoadError::NotTheRestApi { url, answer });
        let text = report.to_string();
        assert!(text.contains("requests                 2 none of own\n"), "{text}");
        assert!(text.contains("\nno other limits are shown: http://localhost:9091 "), "{text}");
    }

    #[test]
    fn more_than_the_limit_allows_stands_out() {
        let mut report = report();
        report.senders[0].limits.rpm = Some(1);
        assert!(report.to_string().contains("(1 + 0 refilled): MORE than the limit allows"));
    }

    #[test]
    fn a_disabled_client_has_no_limit() {
        let mut report = report();
        report.senders[0].limits.enabled = false;
        assert!(!report.to_string().contains("refilled"));
    }
}
