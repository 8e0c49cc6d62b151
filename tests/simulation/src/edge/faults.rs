//! What goes wrong with Envoys and with their network.

use super::{Edge, Event, SECOND};
use crate::envoy::Life;

impl<Own> Edge<Own> {
    /// The network fails for an Envoy; whether it is the next answer of the control plane that is lost.
    pub(crate) fn network_fails(&mut self) -> bool {
        let envoys: Vec<_> = self.envoys.keys().copied().collect();
        if envoys.is_empty() {
            return false;
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
            _ if self.random.percent(50) => return true,
            _ => {
                if let Some(envoy) = self.envoys.get_mut(&envoy) {
                    envoy.host.is_reachable = false;
                }
                let back = self.now + self.random.below(2 * SECOND);
                self.is_undisturbed_from(envoy, back);
                self.queue.push(back, Event::Reachable(envoy));
            }
        }
        false
    }

    /// Nothing of theirs moves for a while.
    pub(crate) fn stands_still(&mut self, envoys: &[u64]) {
        let longest = self.random.pick(&[400_000, 1_500_000, 6 * SECOND]);
        let until = self.now + self.random.below(longest);
        for &envoy in envoys {
            self.network.stand_still(envoy, until);
            self.is_undisturbed_from(envoy, until);
        }
    }

    /// An Envoy dies, or its filter is replaced.
    pub(crate) fn envoy_fails(&mut self) {
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
    pub(crate) fn end_envoy(&mut self, number: u64) {
        self.envoys.remove(&number);
        for stream in self.network.of_envoy(number) {
            self.network.cut(stream, &mut self.random);
            let longest = self.random.pick(&[10_000, 10 * SECOND]);
            self.server_will_learn(stream, longest);
        }
    }
}
