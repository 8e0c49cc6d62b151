//! An operator: limits are changed, clients deleted, created and reset, while requests are under way.

use flowguard::operator::{Caller, Draft, Given, IfMatch};

use super::{Event, SECOND, World};
use crate::{oracle::Wanted, plan::Faults, store::Next};

impl World {
    pub(super) fn configure_all(&mut self) {
        for client in self.clients.clone() {
            if let Some(wanted) = client.wanted {
                self.configure(&client.id, wanted);
            }
        }
    }

    pub(super) fn operate(&mut self) {
        if self.now < self.load_ends {
            let next = self.now + self.random.between(SECOND, 30 * SECOND);
            self.queue.push(next, Event::Operate);
        }
        // At rest nothing goes wrong any more, not in the middle of a write either.
        if self.process.is_none() || self.is_at_rest {
            return;
        }
        let client = self.random.below(u64::try_from(self.clients.len()).unwrap_or(1));
        let client = self.clients[usize::try_from(client).unwrap_or(0)].clone();
        let Some(wanted) = client.wanted else { return };
        let next = match self.random.below(20) {
            0 if self.plan.faults.include(Faults::Kills) => Next::Deadly,
            1 if self.plan.faults.include(Faults::Disk) => Next::Full,
            _ => Next::Done,
        };
        self.store.next(next);
        match self.random.below(6) {
            0 => self.remove(&client.id),
            1 => self.reset(&client.id),
            2 => self.configure(&client.id, wanted),
            _ => {
                let other = |limit: u64| limit.saturating_mul(7) / 3 + 1;
                let (rpm, tpm) = if self.random.percent(50) {
                    (wanted.rpm.map(other), wanted.tpm.map(other))
                } else {
                    (wanted.rpm.map(|rpm| rpm / 3 + 1), wanted.tpm.map(|tpm| tpm / 3 + 1))
                };
                let wanted = Wanted {
                    rpm: rpm.filter(|_| !self.random.percent(10)),
                    tpm: tpm.map(|tpm| tpm.min(1_000_000_000_000)),
                    is_disabled: self.random.percent(5),
                    ..wanted
                };
                self.configure(&client.id, wanted);
            }
        }
        self.store.next(Next::Done);
        self.note();
        let died = next == Next::Deadly || self.disk.memory.is_dead();
        if died {
            self.dies_in_a_write();
        } else {
            self.compare();
        }
    }

    fn configure(&mut self, id: &str, wanted: Wanted) {
        let Some(process) = &self.process else { return };
        let now = process.now();
        let draft = Draft {
            enabled: Given::Value(!wanted.is_disabled),
            min_estimate: Given::Value(wanted.min_estimate),
            ..Draft::new(id, wanted.rpm, wanted.tpm)
        };
        let written =
            self.runtime.block_on(process.operator.set(draft, IfMatch::Anything, &Caller::Process));
        if written.is_ok() {
            self.each_oracle(|oracle| oracle.configure(id, wanted, now));
        }
        self.trace(&[7, u64::from(written.is_ok())]);
        self.note();
    }

    fn remove(&mut self, id: &str) {
        let Some(process) = &self.process else { return };
        if self
            .runtime
            .block_on(process.operator.remove(id, IfMatch::Anything, &Caller::Process))
            .is_ok()
        {
            self.each_oracle(|oracle| oracle.remove(id));
        }
    }

    fn reset(&mut self, id: &str) {
        let Some(process) = &self.process else { return };
        if self
            .runtime
            .block_on(process.operator.reset(id, IfMatch::Anything, &Caller::Process))
            .is_ok()
        {
            self.each_oracle(|oracle| oracle.reset(id));
        }
    }
}
