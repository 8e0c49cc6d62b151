//! What goes wrong, as far as the plan has it.

use flowguard::store::state::simulated::Operation;

use super::{Event, SECOND, World, processes::Death};
use crate::{envoy::Life, plan::Faults};

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
        if self.now >= self.load_ends || self.plan.faults == Faults::None {
            return;
        }
        let next = self.now + self.random.between(SECOND / 4, 7 * SECOND);
        self.queue.push(next, Event::Fault);
        let kinds = [Faults::Network, Faults::Envoys, Faults::Kills, Faults::Power, Faults::Disk];
        let kinds: Vec<_> =
            kinds.into_iter().filter(|kind| self.plan.faults.include(*kind)).collect();
        match self.random.pick(&kinds) {
            Faults::Network => self.network_fails(),
            Faults::Envoys => self.envoy_fails(),
            Faults::Kills => self.process_fails(),
            Faults::Power => self.power_fails(),
            Faults::Disk => self.disk_fails(),
            Faults::None | Faults::All => {}
        }
    }

    fn network_fails(&mut self) {
        let envoys: Vec<_> = self.envoys.keys().copied().collect();
        if envoys.is_empty() {
            return;
        }
        let envoy = self.random.pick(&envoys);
        match self.random.below(5) {
            0 | 1 => {
                if let Some(stream) = self.network.of_envoy(envoy).last().copied() {
                    self.cut(stream);
                }
            }
            2 => self.stands_still(&[envoy]),
            // As a process that is stopped does to all of them.
            3 => self.stands_still(&envoys),
            _ if self.random.percent(50) => self.next_answer_is_lost(),
            _ => {
                if let Some(envoy) = self.envoys.get_mut(&envoy) {
                    envoy.host.is_reachable = false;
                }
                let back = self.now + self.random.below(2 * SECOND);
                self.is_undisturbed_from(envoy, back);
                self.queue.push(back, Event::Reachable(envoy));
            }
        }
    }

    fn stands_still(&mut self, envoys: &[u64]) {
        let longest = self.random.pick(&[400_000, 1_500_000, 6 * SECOND]);
        let until = self.now + self.random.below(longest);
        for &envoy in envoys {
            self.network.stand_still(envoy, until);
            self.is_undisturbed_from(envoy, until);
        }
    }

    fn next_answer_is_lost(&mut self) {
        let Some(process) = &mut self.process else { return };
        let streams: Vec<_> = process.streams.keys().copied().collect();
        if !streams.is_empty() {
            let stream = self.random.pick(&streams);
            if let Some(open) = process.streams.get_mut(&stream) {
                open.breaks = true;
            }
        }
    }

    fn envoy_fails(&mut self) {
        let serving = self.serving();
        if serving.is_empty() {
            return;
        }
        let envoy = self.random.pick(&serving);
        if self.random.percent(40) {
            self.vanished.insert(envoy);
            self.end_envoy(envoy);
        } else if let Some(replaced) = self.envoys.get_mut(&envoy) {
            replaced.life = Life::IsReplaced;
            self.stop_if_replaced(envoy);
        }
        self.begin_envoy();
    }

    /// An Envoy's worker is no more, with all its requests and streams.
    pub(super) fn end_envoy(&mut self, number: u64) {
        self.envoys.remove(&number);
        for stream in self.network.of_envoy(number) {
            self.network.cut(stream, &mut self.random);
            let longest = self.random.pick(&[10_000, 10 * SECOND]);
            self.server_will_learn(stream, longest);
        }
    }

    fn process_fails(&mut self) {
        match self.random.below(4) {
            0 => self.stops(),
            1 => self.dies(Death::Killed),
            // Somewhere in one of the next writes.
            _ => {
                let changes = self.random.below(30);
                let torn = self.random.below(200);
                self.disk.memory.dies_after(changes, torn);
            }
        }
    }

    fn disk_fails(&mut self) {
        self.disk_is_sound = false;
        if self.random.percent(60) {
            let room = self.random.below(2_000);
            self.tell(|| format!("the disk has room for {room} bytes"));
            self.disk.memory.is_full_at(self.disk.memory.bytes() + room);
        } else {
            // After a sync that failed nothing is promised of the power before there is a snapshot.
            let operations = if self.plan.faults == Faults::All { 5 } else { 6 };
            let operation = self.random.pick(&OPERATIONS[..operations]);
            self.tell(|| format!("the disk refuses {operation:?}"));
            self.disk.memory.refuses(Some(operation));
            self.disk_refuses = true;
        }
        let recovers = self.now + self.random.between(SECOND / 10, 5 * SECOND);
        self.queue.push(recovers, Event::DiskRecovers);
    }

    pub(super) fn disk_recovers(&mut self) {
        self.disk.memory.has_room();
        self.disk.memory.refuses(None);
        self.disk_refuses = false;
    }
}
