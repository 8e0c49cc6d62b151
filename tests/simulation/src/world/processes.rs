//! Processes of the control plane: they begin with what was written down, look after their files,
//! and end in every way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{Event, World};
use crate::edge::SECOND;
use crate::{
    history::Step,
    process::{Process, SlowRound},
};

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// It was asked to.
    Stopped,
    /// It was killed: the kernel has what it wrote.
    Killed,
    /// The machine lost its power.
    Power,
}

/// A process syncs once a second: beyond this nothing is forgotten where the disk works.
const FORGOTTEN_MS_MAX: u64 = 1_000;

impl World {
    pub(super) fn begin_process(&mut self) {
        if self.process.is_some() {
            return;
        }
        let number = self.edge.report.restarts + 1;
        let started = Process::start(
            number,
            &self.disk,
            &self.store,
            self.policy,
            self.wall_ms,
            self.edge.now,
            &self.runtime,
        );
        let (process, found) = match started {
            Ok(started) => started,
            Err(error) => return self.did_not_begin(&error),
        };
        self.go_on(&process, found.last.map(|last| last.0));
        self.process = Some(process);
        self.edge.processes = vec![number];
        self.seen = (self.disk.memory.changes(), 0);
        if let Some(process) = &self.process {
            self.seen.1 = process.files.status().unwritten;
        }
        self.edge.trace(&[5, number]);
        if self.disk.memory.is_dead() {
            return self.dies_in_a_write();
        }
        for envoy in self.edge.envoys.keys().copied().collect::<Vec<_>>() {
            self.edge.is_undisturbed_from(envoy, self.edge.now);
        }
        self.edge.plan(self.edge.now, Event::Look(number));
        self.edge.plan(self.edge.now + SECOND, Event::Round(number));
    }

    /// A process may die while it begins, and end over a disk that refuses something.
    fn did_not_begin(&mut self, error: &str) {
        if !self.disk.memory.is_dead() && !self.disk_refuses {
            return self.edge.violated(format!("the process does not begin: {error}"));
        }
        self.disk.memory.kill();
        self.disk_refuses = false;
        self.edge.plan(self.edge.now + SECOND, Event::Begin);
    }

    /// Finds the step at which the process goes on, which has to be one that it may find.
    fn go_on(&mut self, process: &Process, last: Option<u64>) {
        let now = process.now();
        let (wanted, rules) = (self.store.wanted(), self.rules.clone());
        let steps = match self.death {
            Death::Stopped | Death::Killed => self.history.after_kill(),
            Death::Power => self.history.after_power_failure(),
        };
        // Its time tells which one it is, but for that of a snapshot: it is the one before, unless
        // something happened while the snapshot was begun.
        let (up_to_then, mut after): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|step| step.at <= last);
        after.reverse();
        let mut difference = String::new();
        let mut found = None;
        for step in up_to_then.into_iter().chain(after) {
            let mut oracle = step.oracle.clone();
            oracle.go_on(last, now, (&wanted, &rules));
            match super::compare::same_at_start(process, &oracle) {
                Ok(()) => {
                    found = Some((step, oracle));
                    break;
                }
                Err(other) if difference.is_empty() => difference = other,
                Err(_) => {}
            }
        }
        let Some((step, oracle)) = found else {
            let steps: Vec<_> =
                self.history.after_power_failure().iter().map(|s| (s.at, s.is_written)).collect();
            return self.edge.violated(format!(
                "{:?}: what was found, of {last:?}, is of none of {steps:?}: {difference}",
                self.death
            ));
        };
        let forgotten_since = self.history.forgotten_since(step);
        self.edge.tell(|| format!("it goes on at {:?}, of {last:?}", step.at));
        let ended = step.ended;
        // A process that has written nothing has never been, for whoever begins after it.
        let is_written = process.is_writing() && !self.disk.memory.is_dead();
        let begun =
            Step { oracle: oracle.clone(), at: Some(now), ended, has_left: false, is_written };
        let begun = process.has_written.then_some(begun);
        let before = Step { at: last, is_written: true, ..step.clone() };
        if let Some(since) = forgotten_since {
            self.forget(since, last, now);
        } else if let Some(oracle) = &mut self.unforgetting {
            oracle.go_on(last, now, (&wanted, &rules));
        }
        self.ended.truncate(ended);
        self.oracle = oracle;
        self.history.begin(before);
        if let Some(begun) = begun {
            self.history.note(begun);
        }
    }

    /// What happened since then is not known any more.
    fn forget(&mut self, since: u64, last: Option<u64>, now: u64) {
        let ms = self.died_at.saturating_sub(since);
        self.edge.report.forgotten_ms = self.edge.report.forgotten_ms.max(ms);
        let may_be_forgotten = if self.death == Death::Power { FORGOTTEN_MS_MAX } else { 0 };
        if ms > may_be_forgotten && self.disk_is_sound {
            self.edge.violated(format!("{:?}: {ms} ms are forgotten", self.death));
        }
        let (wanted, rules) = (self.store.wanted(), self.rules.clone());
        let newest = self.unforgetting.get_or_insert_with(|| self.oracle.clone());
        newest.go_on(last.max(Some(since)), now, (&wanted, &rules));
    }

    /// Looks after the files, at once or slowly.
    pub(super) fn round(&mut self, number: u64) {
        let slowly = self.plan.faults.include(crate::plan::Faults::Disk)
            && !self.edge.is_at_rest
            && self.edge.random.percent(15);
        let wants_snapshot = self.edge.random.percent(10);
        let disk = self.disk.clone();
        let Some(process) = self.process.as_mut().filter(|process| process.number == number) else {
            return;
        };
        if process.round.is_some() {
            return;
        }
        let mark = self.history.newest();
        let (ledger, files) = (process.ledger.clone(), process.files.clone());
        let has_snapshot = Arc::new(AtomicBool::new(false));
        let tells = Arc::clone(&has_snapshot);
        let round = move || {
            tells.store(Process::round(&ledger, &files, wants_snapshot), Ordering::Relaxed);
        };
        if slowly {
            self.disk_is_sound = false;
            process.round = Some(SlowRound { work: disk.work_slowly(round), mark, has_snapshot });
            self.snapshot_may_have_this();
            let ends = self.edge.now + self.edge.random.between(50_000, 3 * SECOND);
            self.edge.plan(ends, Event::SyncEnds(number));
            self.see();
        } else {
            round();
            self.snapshot_may_have_this();
            self.round_ended(mark, has_snapshot.load(Ordering::Relaxed));
        }
    }

    /// A snapshot says how everything stands, also what is to be written with the next entry.
    fn snapshot_may_have_this(&mut self) {
        let Some(process) = &self.process else { return };
        self.history.note(Step {
            oracle: self.oracle.clone(),
            at: Some(process.now()),
            ended: self.ended.len(),
            has_left: false,
            is_written: false,
        });
    }

    pub(super) fn sync_ends(&mut self, number: u64) {
        let Some(process) = self.process.as_mut().filter(|process| process.number == number) else {
            return;
        };
        let Some(round) = process.round.take() else { return };
        if round.work.go_on() {
            let SlowRound { work, mark, has_snapshot } = round;
            work.finish();
            self.round_ended(mark, has_snapshot.load(Ordering::Relaxed));
        } else {
            process.round = Some(round);
            self.snapshot_may_have_this();
            let ends = self.edge.now + self.edge.random.between(50_000, 2 * SECOND);
            self.edge.plan(ends, Event::SyncEnds(number));
            self.see();
        }
    }

    fn round_ended(&mut self, mark: u64, has_snapshot: bool) {
        self.see();
        let Some(process) = &self.process else { return };
        let number = process.number;
        if self.disk.memory.is_dead() {
            return self.dies_in_a_write();
        }
        if process.is_writing() {
            if has_snapshot {
                self.history.all_is_written();
            }
            self.history.is_durable(mark);
        }
        self.edge.plan(self.edge.now + SECOND, Event::Round(number));
    }

    /// What the disk was changed by is no entry.
    fn see(&mut self) {
        let unwritten = self.process.as_ref().map_or(0, |p| p.files.status().unwritten);
        self.seen = (self.disk.memory.changes(), unwritten);
    }

    /// The process has died in a write.
    pub(super) fn dies_in_a_write(&mut self) {
        self.dies(Death::Killed);
    }

    pub(super) fn power_fails(&mut self) {
        self.edge.report.power_failures += 1;
        self.dies(Death::Power);
    }

    /// The process ends as it should.
    pub(super) fn stops(&mut self) {
        let Some(process) = &self.process else { return };
        for stream in process.streams.keys().copied().collect::<Vec<_>>() {
            self.end_stream(stream);
        }
        let Some(process) = &mut self.process else { return };
        let under_way =
            process.round.take().is_some_and(|SlowRound { work, has_snapshot, .. }| {
                work.finish();
                has_snapshot.load(Ordering::Relaxed)
            });
        let wants_snapshot = process.files.has_changed();
        let mark = self.history.newest();
        let has_snapshot = Process::round(&process.ledger, &process.files, wants_snapshot);
        let (is_writing, has_snapshot) = (process.is_writing(), has_snapshot || under_way);
        self.snapshot_may_have_this();
        if is_writing && has_snapshot {
            self.history.all_is_written();
            self.history.is_durable(mark + 1);
        }
        self.dies(Death::Stopped);
    }

    pub(super) fn dies(&mut self, death: Death) {
        let Some(process) = self.process.take() else { return };
        self.edge.processes.clear();
        self.edge.tell(|| format!("{death:?}: {:?}", process.files.status()));
        self.edge.report.restarts += 1;
        let (number, died_at) = (process.number, process.now());
        let longest = match death {
            Death::Power => 3 * SECOND,
            Death::Killed | Death::Stopped => 20_000,
        };
        self.edge.lead_nowhere(number, longest);
        self.give_up_slow_round(process);
        match death {
            Death::Power => {
                let random = &mut self.edge.random;
                self.disk.memory.lose_power(|| random.next());
            }
            Death::Killed | Death::Stopped => self.disk.memory.kill(),
        }
        self.death = death;
        self.died_at = died_at;
        self.edge.trace(&[6, number]);
        let longest = self.edge.random.pick(&[
            100_000,
            400_000,
            2 * SECOND,
            2 * SECOND,
            6 * SECOND,
            75 * SECOND,
        ]);
        let away =
            if self.edge.is_at_rest { SECOND } else { self.edge.random.between(50_000, longest) };
        // Nobody knows what the wall clock says when the next process begins.
        match self.edge.random.below(12) {
            0 => self.wall_ms += self.edge.random.below(3_600_000),
            1 => self.wall_ms -= self.edge.random.below(600_000),
            _ => {}
        }
        self.edge.plan(self.edge.now + away, Event::Begin);
    }

    /// The process is no more: what waits in a sync fails.
    pub(super) fn give_up_slow_round(&mut self, mut process: Process) {
        if let Some(round) = process.round.take() {
            self.disk.memory.dies_after(0, 0);
            round.work.finish();
        }
    }
}
