//! Every balance against the oracle's, to the unit; and what the oracle that forgets nothing says to
//! a verdict.

use flowguard::{
    ledger::{LimitStanding, UnknownSnapshot, WorkerId},
    store::state::{BucketLevel, BucketName, BucketRecord, LimitBucketName, Record},
};
use limiter::{Bucket, Level, Quota, UnixMillis, Window};
use proto::decision::{Decision as Told, Verdict};

use super::{World, verdicts::wait_of};
use crate::{
    oracle::{Ask, Balance, Decision, Name, Numbers, OTHER, Oracle, Standing, Subject, Tally},
    process::Process,
    rules::word,
    store::wanted,
};

impl World {
    pub(super) fn compare(&mut self) {
        if let Some(process) = &self.process
            && let Err(difference) = same(process, &self.oracle)
        {
            self.edge.violated(difference);
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
        let judged = oracle.judge(ask, reserved, now).decision;
        if is_admitted {
            let deficit = oracle.deficit(ask, reserved, now);
            self.edge.report.over_admission = self.edge.report.over_admission.max(deficit);
        } else {
            match judged {
                Decision::Admitted => self.edge.report.wrongly_refused += 1,
                Decision::Refused(_, exact) => {
                    let (exact, told) = (exact.unwrap_or(0), wait_of(verdict).unwrap_or(0));
                    let error = told.abs_diff(told.clamp(exact, waits.latest(exact)));
                    self.edge.report.wait_error_ms = self.edge.report.wait_error_ms.max(error);
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
        if !holds(process, name, id) {
            return Err(format!("{name} does not hold {id}"));
        }
    }
    Ok(())
}

/// Whether a worker's request holds something, by a process that begins.
fn holds(process: &Process, name: Name, id: u32) -> bool {
    // Nobody has a stream yet, so that this changes nothing.
    let worker = process.ledger.join(WorkerId(name));
    let is_held = worker.holds(id);
    process.ledger.leave(&worker);
    is_held
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
        same_beside(id, &snapshot.limits, oracle, now)?;
    }
    same_limits(process, oracle)?;
    same_buckets(process, oracle)?;
    if process.ledger.len() != oracle.clients().count() {
        return Err(format!("{} clients are configured", process.ledger.len()));
    }
    if let UnknownSnapshot::Shared(unknown) = process.ledger.unknown_snapshot() {
        let expected = oracle.unknown().standing_of_wanted(now);
        same_standing("unknown", &unknown.standing, expected)?;
        same_beside("unknown", &unknown.limits, oracle, now)?;
    }
    let (held, expected) = (process.ledger.held(), oracle.held());
    if held != expected {
        return Err(format!("{held} requests are held, and not {expected}"));
    }
    Ok(())
}

/// The limits beside a client's own two.
fn same_beside(id: &str, real: &[LimitStanding], oracle: &Oracle, now: u64) -> Result<(), String> {
    let real = real.iter().map(|limit| {
        let LimitStanding { name, left, would_refuse, refused, .. } = limit;
        (name.as_str(), left.remaining, *refused, *would_refuse)
    });
    let expected = oracle.rules().limits.keys().filter_map(|name| {
        let (remaining, Tally { refused, would_refuse }) = oracle.beside(id, name, now)?;
        Some((*name, remaining, refused, would_refuse))
    });
    let (real, expected): (Vec<_>, Vec<_>) = (real.collect(), expected.collect());
    if real == expected {
        return Ok(());
    }
    Err(format!("{id} has left, was refused and would have been {real:?}, and not {expected:?}"))
}

/// The limits themselves, and how often each refused.
fn same_limits(process: &Process, oracle: &Oracle) -> Result<(), String> {
    let rules = oracle.rules();
    if process.ledger.models() != rules.to_models() {
        return Err(format!("the models are not {:?}", rules.models));
    }
    let real = process.ledger.limit_snapshots();
    let same_configs = real.iter().map(|limit| &limit.config).eq(&rules.to_limits());
    if !same_configs {
        return Err(format!("the limits are {real:?}"));
    }
    for (limit, name) in real.iter().zip(rules.limits.keys()) {
        let counted = [limit.refused, limit.refused_in_shadow, limit.refused_on_trial];
        let expected = oracle.counted(name);
        if counted != expected {
            return Err(format!("{name} counted {counted:?}, and not {expected:?}"));
        }
    }
    Ok(())
}

/// Each bucket of every limit, to the unit, as it would be written down now.
fn same_buckets(process: &Process, oracle: &Oracle) -> Result<(), String> {
    let mut difference = Ok(());
    let mut look = |record: &Record<'_>| {
        if let Record::Bucket(BucketRecord {
            bucket: BucketName::Limit(name),
            level: Some(level),
            ..
        }) = record
        {
            let same = same_bucket(name, level, oracle, process.now());
            difference = std::mem::replace(&mut difference, Ok(())).and(same);
        }
    };
    process.ledger.recorded_shared(&mut look);
    let look = std::cell::RefCell::new(look);
    let look_at_all = |records: &[Record<'_>]| records.iter().for_each(|of| look.borrow_mut()(of));
    process.ledger.recorded_after(None, usize::MAX, |_, records| look_at_all(records));
    process.ledger.recorded_unknown(look_at_all);
    difference
}

fn same_bucket(
    name: &LimitBucketName<'_>,
    level: &BucketLevel,
    oracle: &Oracle,
    now: u64,
) -> Result<(), String> {
    let subject = Subject {
        client: name.client.map_or(OTHER, crate::plan::client),
        group: name.group.and_then(word),
        plan: name.plan.and_then(word),
        model: name.model.and_then(|model| oracle.model(model)).unwrap_or(OTHER),
    };
    let expected = oracle.balance_of(name.limit.name, subject, name.trial, now);
    let known = bucket(level).map(|bucket| of(&bucket.balance(UnixMillis(now))));
    let is_full = |balance: &Balance| balance.full_in_ms == 0;
    if known == expected || (expected.is_none() && known.as_ref().is_some_and(is_full)) {
        return Ok(());
    }
    Err(format!("{name:?} has {known:?}, and not {expected:?}"))
}

fn bucket(level: &BucketLevel) -> Option<Bucket> {
    let &BucketLevel { amount, burst, window_s, revision, whole, rest, refilled_at } = level;
    let quota = Quota::new(amount, Window::from_secs(window_s).ok()?, Some(burst)).ok()?;
    let refilled_at = UnixMillis(refilled_at);
    Bucket::at(Level { quota, revision, whole, rest, refilled_at }).ok()
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
        numbers: Numbers {
            amount: balance.limit(),
            burst: balance.quota().burst(),
            window_ms: balance.quota().window().millis(),
        },
        whole: balance.whole(),
        rest: balance.rest(),
        full_in_ms: balance.full_in_ms(),
    }
}
