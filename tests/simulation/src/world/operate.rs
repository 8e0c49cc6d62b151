//! An operator: limits are changed, clients deleted, created and reset, while requests are under way.

use flowguard::operator::{self, Caller, Precondition};

use super::{Event, World};
use crate::edge::SECOND;
use crate::{
    oracle::{Rules, Wanted},
    plan::Faults,
    process::Process,
    rules::belongs,
    store::Next,
};

impl World {
    pub(super) fn configure_all(&mut self, rules: Rules) {
        for client in self.edge.clients.clone() {
            if let Some(wanted) = client.wanted {
                self.configure(&client.id, wanted);
            }
        }
        self.put_rules(rules);
    }

    pub(super) fn operate(&mut self) {
        if self.edge.now < self.edge.load_ends {
            let next = self.edge.now + self.edge.random.between(SECOND / 4, 12 * SECOND);
            self.edge.plan(next, Event::Operate);
        }
        // At rest nothing goes wrong any more, not in the middle of a write either.
        if self.process.is_none() || self.edge.is_at_rest {
            return;
        }
        let place = self.edge.random.below(u64::try_from(self.edge.clients.len()).unwrap_or(1));
        let place = usize::try_from(place).unwrap_or(0);
        let client = self.edge.clients[place].clone();
        let Some(wanted) = client.wanted else { return };
        let next = match self.edge.random.below(20) {
            0 if self.plan.faults.include(Faults::Kills) => Next::Deadly,
            1 if self.plan.faults.include(Faults::Disk) => Next::Full,
            _ => Next::Done,
        };
        self.store.next(next);
        match self.edge.random.below(13) {
            7 | 8 => {
                let (group, plan) = belongs(&mut self.edge.random);
                let wanted = Wanted { group, plan, ..wanted };
                self.edge.clients[place].wanted = Some(wanted);
                self.configure(&client.id, wanted);
            }
            9.. => {
                let mut rules = self.rules.clone();
                rules.change(&self.edge.clients, &mut self.edge.random);
                self.put_rules(rules);
            }
            0 => self.remove(&client.id),
            1 => self.reset(&client.id),
            2 => self.configure(&client.id, wanted),
            _ => {
                let other = |limit: u64| limit.saturating_mul(7) / 3 + 1;
                let (rpm, tpm) = if self.edge.random.percent(50) {
                    (wanted.rpm.map(other), wanted.tpm.map(other))
                } else {
                    (wanted.rpm.map(|rpm| rpm / 3 + 1), wanted.tpm.map(|tpm| tpm / 3 + 1))
                };
                let wanted = Wanted {
                    rpm: rpm.filter(|_| !self.edge.random.percent(10)),
                    tpm: tpm.map(|tpm| tpm.min(1_000_000_000_000)),
                    is_disabled: self.edge.random.percent(5),
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
            if let Some(now) = self.process.as_ref().map(Process::now) {
                self.sweep(now);
                self.note();
            }
            if self.disk.memory.is_dead() {
                return self.dies_in_a_write();
            }
            self.compare();
        }
    }

    /// Puts all limits and models in force that are wanted beside clients' own limits.
    fn put_rules(&mut self, rules: Rules) {
        let Some(process) = &self.process else { return };
        let now = process.now();
        let wanted = operator::Wanted {
            clients: process.ledger.configs_after(None, usize::MAX),
            limits: rules.to_limits(),
            models: rules.to_models().to_map(),
            keys: None,
            tokens: None,
        };
        let (run, any) = (operator::Run::Real, Precondition::Anything);
        let written = process.operator.replace_all(wanted, run, any, &Caller::Process);
        let written = self.runtime.block_on(written);
        if self.store.has(&rules) {
            self.rules = rules;
        }
        self.edge.tell(|| format!("{:?}", self.rules));
        if written.is_ok() {
            self.edge.report.rules_changed += 1;
            self.sweep(now);
        }
        self.edge.trace(&[8, u64::from(written.is_ok())]);
        self.note();
    }

    /// What a group shared that nobody is in any more is forgotten with a write of limits, be they the
    /// same.
    fn sweep(&mut self, now: u64) {
        let Some(process) = &self.process else { return };
        process.ledger.put_rules(self.rules.to_limits(), self.rules.to_models());
        process.ledger.commit();
        let rules = self.rules.clone();
        self.each_oracle(|oracle| oracle.change_rules(&rules, now));
    }

    fn configure(&mut self, id: &str, wanted: Wanted) {
        let Some(process) = &self.process else { return };
        let now = process.now();
        let draft = wanted.to_draft(id);
        let written = self.runtime.block_on(process.operator.set(
            draft,
            Precondition::Anything,
            &Caller::Process,
        ));
        if written.is_ok() {
            self.each_oracle(|oracle| oracle.configure(id, wanted, now));
        }
        self.edge.tell(|| format!("{id}: {wanted:?}"));
        self.edge.trace(&[7, u64::from(written.is_ok())]);
        self.note();
    }

    fn remove(&mut self, id: &str) {
        let Some(process) = &self.process else { return };
        if self
            .runtime
            .block_on(process.operator.remove(id, Precondition::Anything, &Caller::Process))
            .is_ok()
        {
            self.each_oracle(|oracle| oracle.remove(id));
        }
    }

    fn reset(&mut self, id: &str) {
        let Some(process) = &self.process else { return };
        if self
            .runtime
            .block_on(process.operator.reset(id, Precondition::Anything, &Caller::Process))
            .is_ok()
        {
            self.each_oracle(|oracle| oracle.reset(id));
        }
    }
}
