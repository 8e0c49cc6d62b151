//! Whether a measurement measured what its name says: every request got the scenario's answer.
//!
//! The client tells errors from other answers, Envoy counts the classes of statuses, and the filter counts the decisions. The
//! three are compared for each measurement.

use std::ops::Sub;

use super::error::BenchError;
use super::scenario::{Expected, Scenario};
use super::wrk::Seen;
use harness::admin::Admin;
use harness::envoy::Envoy;

/// What an Envoy has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    status_2xx: u64,
    status_4xx: u64,
    admitted: u64,
    rpm_exceeded: u64,
}

impl Counted {
    /// Everything since the Envoy started.
    pub(crate) async fn by(envoy: &Envoy) -> Self {
        let statuses = envoy.stats("http.proxy.downstream_rq_").await;
        let decisions = envoy.stats("flowguard_decisions").await;
        let decided = |outcome: &str| {
            let suffix = format!("flowguard_decisions.outcome={outcome}");
            decisions
                .iter()
                .filter(|(name, _)| name.ends_with(&suffix))
                .map(|(_, count)| count)
                .sum()
        };
        let status = |class: &str| {
            statuses.get(&format!("http.proxy.downstream_rq_{class}")).copied().unwrap_or_default()
        };
        Self {
            status_2xx: status("2xx"),
            status_4xx: status("4xx"),
            admitted: decided("admitted"),
            rpm_exceeded: decided("rpm_exceeded"),
        }
    }
}

impl Sub for Counted {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            status_2xx: self.status_2xx.saturating_sub(before.status_2xx),
            status_4xx: self.status_4xx.saturating_sub(before.status_4xx),
            admitted: self.admitted.saturating_sub(before.admitted),
            rpm_exceeded: self.rpm_exceeded.saturating_sub(before.rpm_exceeded),
        }
    }
}

/// Checks that the answers of one measurement were the scenario's.
///
/// One in a thousand may be another: the refill of a minute lets one request of a refused client pass, and a machine
/// that stalls for longer than the decision timeout costs what was waiting.
pub(crate) fn check_answers(
    scenario: &Scenario,
    connections: u32,
    requests: u64,
    errors: u64,
    counted: Counted,
) -> Result<(), BenchError> {
    let Counted { status_2xx, status_4xx, admitted, rpm_exceeded } = counted;
    let passed = status_2xx.min(requests.saturating_sub(errors));
    let (expected, right) = match scenario.expected {
        Expected::Passed => ("200 without a decision", passed.saturating_sub(admitted)),
        Expected::Admitted => ("200 by a decision", passed.min(admitted)),
        Expected::Refused => ("429 by a decision", status_4xx.min(rpm_exceeded).min(errors)),
    };
    if right + 1 + requests / 1000 >= requests {
        return Ok(());
    }
    Err(BenchError::WrongAnswers {
        scenario: scenario.name,
        connections,
        expected,
        requests,
        errors,
        status_2xx,
        status_4xx,
        admitted,
        rpm_exceeded,
    })
}

/// Checks that clients really took turns: each one has asked, or as many as there were requests.
pub(crate) async fn check_clients(
    scenario: &Scenario,
    admin: &Admin,
    seen: &Seen,
) -> Result<(), BenchError> {
    if scenario.clients == 1 {
        return Ok(());
    }
    let answer = admin.http().get("/api/v1/stats").send().await.json();
    let asked = (1..=scenario.clients)
        .map(|number| &answer["stats"][scenario.client_id(number)]["total_requests"])
        .filter(|total_requests| total_requests.as_u64() > Some(0))
        .count();
    let expected = scenario.clients.min(seen.requests as usize);
    if asked < expected {
        return Err(BenchError::MissingClients { scenario: scenario.name, expected, asked });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::scenario::SCENARIOS;
    use super::*;

    const NOTHING: Counted = Counted { status_2xx: 0, status_4xx: 0, admitted: 0, rpm_exceeded: 0 };

    fn check(expected: Expected, errors: u64, counted: Counted) -> Result<(), BenchError> {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.expected == expected);
        let scenario = scenario.expect("a scenario of each kind");
        check_answers(scenario, 32, 10_000, errors, counted)
    }

    #[test]
    fn each_kind_of_scenario_is_proven_by_its_own_counts() {
        let passed = Counted { status_2xx: 10_000, ..NOTHING };
        let admitted = Counted { status_2xx: 10_000, admitted: 10_000, ..NOTHING };
        let refused = Counted { status_4xx: 10_000, rpm_exceeded: 10_000, ..NOTHING };
        for (expected, errors, right) in [
            (Expected::Passed, 0, passed),
            (Expected::Admitted, 0, admitted),
            (Expected::Refused, 10_000, refused),
        ] {
            assert!(check(expected, errors, right).is_ok(), "{expected:?}");
            for wrong in [passed, admitted, refused].into_iter().filter(|counted| *counted != right)
            {
                assert!(check(expected, errors, wrong).is_err(), "{expected:?} {wrong:?}");
            }
            assert!(check(expected, 5_000, right).is_err(), "{expected:?}");
        }
    }

    #[test]
    fn a_few_other_answers_are_borne_and_more_are_not() {
        let admitted = |admitted| Counted { status_2xx: admitted, admitted, ..NOTHING };
        assert!(check(Expected::Admitted, 11, admitted(9_989)).is_ok());
        let error = check(Expected::Admitted, 12, admitted(9_988)).expect_err("too many");
        assert_eq!(
            error.to_string(),
            "`enforce-memory` (connections: 32) was to be answered 200 by a decision every time, but of 10000 requests the client saw \
             12 errors, Envoy counted 9988 times 2xx and 0 times 4xx, and the filter 9988 admitted and 0 refused for RPM"
        );
    }
}
