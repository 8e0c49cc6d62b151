//! What goes wrong, as far as the plan has it.

use flowguard::store::state::simulated::Operation;

use super::{Event, World, processes::Death};
use crate::edge::SECOND;
use crate::plan::Faults;

const OPERATIONS: [Operation; 6] = [
    Operation::Create,
    Operation::Rename,
    Operation::Remove,
    Operation::SyncNames,
    Operation::Append,
    Operation::Sync,
];

impl World {
    pub(super) fn something_goes_wrong(&mut self) {
        if self.edge.now >= self.edge.load_ends || self.plan.faults == Faults::None {
            return;
        }
        let next = self.edge.now + self.edge.random.between(SECOND / 4, 7 * SECOND);
        self.edge.plan(next, Event::Fault);
        let kinds = [Faults::Network, Faults::Envoys, Faults::Kills, Faults::Power, Faults::Disk];
        let kinds: Vec<_> =
            kinds.into_iter().filter(|kind| self.plan.faults.include(*kind)).collect();
        match self.edge.random.pick(&kinds) {
            Faults::Network => {
                if self.edge.network_fails() {
                    self.next_answer_is_lost();
                }
            }
            Faults::Envoys => self.edge.envoy_fails(),
            Faults::Kills => self.process_fails(),
            Faults::Power => self.power_fails(),
            Faults::Disk => self.disk_fails(),
            Faults::None | Faults::All => {}
        }
    }

    fn next_answer_is_lost(&mut self) {
        let Some(process) = &mut self.process else { return };
        let streams: Vec<_> = process.streams.keys().copied().collect();
        if !streams.is_empty() {
            let stream = self.edge.random.pick(&streams);
            if let Some(open) = process.streams.get_mut(&stream) {
                open.breaks = true;
            }
        }
    }

    fn process_fails(&mut self) {
        match self.edge.random.below(4) {
            0 => self.stops(),
            1 => self.dies(Death::Killed),
            // Somewhere in one of the next writes.
            _ => {
                let changes = self.edge.random.below(30);
                let torn = self.edge.random.below(200);
                self.disk.memory.dies_after(changes, torn);
            }
        }
    }

    fn disk_fails(&mut self) {
        self.disk_is_sound = false;
        if self.edge.random.percent(60) {
            let room = self.edge.random.below(2_000);
            self.edge.tell(|| format!("the disk has room for {room} bytes"));
            self.disk.memory.is_full_at(self.disk.memory.bytes() + room);
        } else {
            // After a sync that failed nothing is promised of the power before there is a snapshot.
            let operations = if self.plan.faults == Faults::All { 5 } else { 6 };
            let operation = self.edge.random.pick(&OPERATIONS[..operations]);
            self.edge.tell(|| format!("the disk refuses {operation:?}"));
            self.disk.memory.refuses(Some(operation));
            self.disk_refuses = true;
        }
        let recovers = self.edge.now + self.edge.random.between(SECOND / 10, 5 * SECOND);
        self.edge.plan(recovers, Event::DiskRecovers);
    }

    pub(super) fn disk_recovers(&mut self) {
        self.disk.memory.has_room();
        self.disk.memory.refuses(None);
        self.disk_refuses = false;
    }
}
