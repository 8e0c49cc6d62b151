//! Every balance against the oracle's, to the unit; and what the oracle that forgets nothing says to
//! a verdict.

use flowguard::ledger::{UnknownSnapshot, WorkerId};
use proto::decision::{Decision as Told, Verdict};

use super::{World, serve::wait};
use crate::{
    oracle::{Ask, Balance, Decision, Name, Oracle, Standing},
    process::Process,
    store::wanted,
};

impl World {
    pub(super) fn compare(&mut self) {
        if let Some(process) = &self.process
            && let Err(difference) = same(process, &self.oracle)
        {
            self.violated(difference);
        }
    }

    /// What a verdict does to clients, by an oracle that forgets nothing.
    pub(super) fn measure(
        &mut self,
        worker: Name,
        ask: &Ask,
        verdict: &Verdict,
        is_known: bool,
        now: u64,
    ) {
        let waits = self.plan.waits;
        let oracle = self.unforgetting.as_mut().unwrap_or(&mut self.oracle);
        let is_admitted = verdict.decision() == Told::Admitted;
        if is_known || (is_admitted && oracle.is_known(worker, ask.id)) {
            return;
        }
        let reserved = oracle.reserves(ask);
        let client = oracle.client_of(&ask.client);
        let judged = client.judge(reserved, now);
        if is_admitted {
            let deficit = client.deficit(reserved, now);
            self.report.over_admission = self.report.over_admission.max(deficit);
        } else {
            match judged {
                Decision::Admitted => self.report.wrongly_refused += 1,
                Decision::Refused(_, exact) => {
                    let (exact, told) = (exact.unwrap_or(0), wait(verdict).unwrap_or(0));
                    let error = told.abs_diff(told.clamp(exact, waits.latest(exact)));
                    self.report.wait_error_ms = self.report.wait_error_ms.max(error);
                }
            }
        }
        if let Some(oracle) = &mut self.unforgetting {
            if is_admitted {
                oracle.charge(worker, ask, reserved, now);
            } else {
                oracle.end(worker, ask.id, crate::oracle::End::Canceled, now);
            }
        }
    }
}

/// Whether a process that begins knows what the oracle does.
pub(super) fn same_at_start(process: &Process, oracle: &Oracle) -> Result<(), String> {
    same(process, oracle)?;
    for (name, id) in oracle.held_by_worker() {
        // Nobody has a stream yet, so that this changes nothing.
        let worker = process.ledger.join(WorkerId(name));
        let is_held = worker.holds(id);
        process.ledger.leave(&worker);
        if !is_held {
            return Err(format!("{name} does not hold {id}"));
        }
    }
    Ok(())
}

/// Whether a process knows what the oracle does.
pub(super) fn same(process: &Process, oracle: &Oracle) -> Result<(), String> {
    let now = process.now();
    for (id, client) in oracle.clients() {
        let Some(snapshot) = process.ledger.snapshot(id) else {
            return Err(format!("{id} is not configured"));
        };
        if wanted(&snapshot.config) != client.wanted {
            return Err(format!("{id} has {:?}, and not {:?}", snapshot.config, client.wanted));
        }
        same_standing(id, &snapshot.standing, client.standing_of_wanted(now))?;
    }
    if process.ledger.len() != oracle.clients().count() {
        return Err(format!("{} clients are configured", process.ledger.len()));
    }
    if let UnknownSnapshot::Shared(unknown) = process.ledger.unknown_snapshot() {
        let expected = oracle.unknown().standing_of_wanted(now);
        same_standing("unknown", &unknown.standing, expected)?;
    }
    let (least, most) = oracle.held_between();
    let held = process.ledger.held();
    if held < least || held > most {
        return Err(format!("{held} requests are held, and not {least} to {most}"));
    }
    Ok(())
}

fn same_standing(
    id: &str,
    real: &flowguard::ledger::Standing,
    expected: Standing,
) -> Result<(), String> {
    let known = Standing {
        requests: real.requests.map(|balance| of(&balance)),
        tokens: real.tokens.map(|balance| of(&balance)),
    };
    if known == expected {
        return Ok(());
    }
    Err(format!("{id} has {known:?}, and by the oracle {expected:?}"))
}

fn of(balance: &limiter::Balance) -> Balance {
    Balance {
        limit: balance.limit(),
        whole: balance.whole(),
        rest: balance.rest(),
        full_in_ms: balance.full_in_ms(),
    }
}
