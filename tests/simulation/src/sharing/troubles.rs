//! What goes wrong, as far as the plan has it.

use std::time::Duration;

use super::{Event, Trouble, World};
use crate::{
    edge::SECOND,
    queue::Micros,
    redis::{Change, Next},
};

/// What is over after a while.
#[derive(Clone, Copy, Debug)]
pub(super) enum Over {
    /// The store stood still.
    Pause,
    /// It was away, and has lost the last of the time that it was up.
    Away(Change, Micros),
    /// A control plane is about to end.
    Draining(u64),
    /// A control plane could not reach the store.
    Reach(u64),
}

impl World {
    pub(super) fn something_goes_wrong(&mut self) {
        if self.edge.now >= self.edge.load_ends || self.plan.trouble == Trouble::None {
            return;
        }
        let next = self.edge.now + self.edge.random.between(SECOND / 4, 5 * SECOND);
        self.edge.plan(next, Event::Trouble);
        let all = Trouble::ALL;
        let kinds: Vec<_> =
            all.into_iter().filter(|kind| self.plan.trouble.include(*kind)).collect();
        match self.edge.random.pick(&kinds) {
            Trouble::Planes => self.trouble_with_planes(),
            Trouble::Calls => self.trouble_with_calls(),
            Trouble::Pause => self.pauses(),
            Trouble::Flush => self.redis.flush_scripts(),
            Trouble::Restart => self.goes_away(Change::Restart),
            Trouble::Promotion | Trouble::WaitedFor => self.goes_away(Change::Promotion),
            Trouble::Clock => self.clock_is_set(),
            Trouble::None => {}
            Trouble::All => {
                if self.edge.random.percent(50) {
                    self.edge.envoy_fails();
                } else {
                    // Whichever answer is lost is one of a stream that breaks.
                    self.edge.network_fails();
                }
            }
        }
    }

    fn is_disturbed_until(&mut self, until: Micros) {
        self.disturbed_until = self.disturbed_until.max(until);
    }

    fn trouble_with_planes(&mut self) {
        let numbers: Vec<_> = self.edge.processes.clone();
        if numbers.is_empty() {
            return;
        }
        let number = self.edge.random.pick(&numbers);
        self.is_disturbed_until(self.edge.now + SECOND);
        match self.edge.random.below(5) {
            0 | 1 => self.kill_plane(number),
            2 => self.drain_plane(number),
            3 => {
                let until = self.edge.now + self.edge.random.below(4 * SECOND);
                self.edge.tell(|| format!("control plane {number} stands still until {until}"));
                self.edge.network.process_stands_still(number, until);
                self.redis.reach(number, |reach| reach.held_until = until);
                self.is_disturbed_until(until);
            }
            _ => {
                // All streams break, and workers come back in any order.
                for stream in self.edge.network.to_process(number) {
                    self.edge.cut(stream);
                }
            }
        }
    }

    fn trouble_with_calls(&mut self) {
        let numbers: Vec<_> = self.planes.keys().copied().collect();
        if numbers.is_empty() {
            return;
        }
        let number = self.edge.random.pick(&numbers);
        let late = self.edge.random.pick(&[100_000, 300_000, 2 * SECOND]);
        let next = match self.edge.random.below(6) {
            0 => Next::Lost,
            5 => Next::Silent,
            1 | 2 => Next::Unanswered,
            3 => Next::Late(self.edge.random.below(late)),
            _ => {
                let back = self.edge.now + self.edge.random.below(2 * SECOND);
                self.edge.tell(|| format!("control plane {number} does not reach the store"));
                self.redis.reach(number, |reach| {
                    (reach.is_open, reach.next) = (false, Next::Lost);
                });
                self.is_disturbed_until(back);
                return self.edge.plan(back, Event::Over(Over::Reach(number)));
            }
        };
        self.edge.tell(|| format!("a call of control plane {number}: {next:?}"));
        self.redis.reach(number, |reach| reach.next = next);
        // A connection that is silent is given up after five seconds.
        let lasts = if next == Next::Silent { 6 * SECOND } else { 3 * SECOND };
        self.is_disturbed_until(self.edge.now + lasts);
    }

    fn pauses(&mut self) {
        let longest = self.edge.random.pick(&[150_000, SECOND, 8 * SECOND]);
        let until = self.edge.now + self.edge.random.below(longest);
        self.edge.tell(|| format!("the store stands still until {until}"));
        self.redis.pause(true);
        self.is_disturbed_until(until);
        self.edge.plan(until, Event::Over(Over::Pause));
    }

    fn goes_away(&mut self, change: Change) {
        if !self.redis.answers() {
            return;
        }
        // A replica that is waited for is behind by what nobody was told.
        let longest = self.edge.random.pick(&[20_000, 200_000, SECOND, 2 * SECOND]);
        let lost = self.edge.random.below(longest);
        let until = self.edge.now + self.edge.random.below(3 * SECOND);
        if self.plan.trouble == Trouble::WaitedFor {
            // It was behind for a while before.
            self.redis.lag(Duration::from_micros(lost));
        }
        if change == Change::Restart && self.edge.random.percent(20) {
            // Whoever knew what it loses ends with it.
            for number in self.edge.processes.clone() {
                self.kill_plane(number);
            }
        }
        self.edge.tell(|| format!("the store is away until {until} and loses {lost}: {change:?}"));
        self.redis.kill();
        self.is_disturbed_until(until);
        self.edge.plan(until, Event::Over(Over::Away(change, lost)));
    }

    fn clock_is_set(&mut self) {
        let by = self.edge.random.below(90_000_000);
        self.model.set_back += by;
        let by = i64::try_from(by).unwrap_or(0);
        self.edge.tell(|| format!("the store's clock is set back by {by}"));
        self.redis.jump(-by);
    }

    pub(super) fn is_over(&mut self, over: Over) {
        match over {
            Over::Pause => self.redis.pause(false),
            Over::Away(change, lost) => self.store_comes_back(change, lost),
            Over::Draining(number) => self.closes(number),
            Over::Reach(number) => {
                if self.planes.contains_key(&number) {
                    self.redis.reach(number, |reach| reach.is_open = true);
                }
            }
        }
    }

    fn store_comes_back(&mut self, change: Change, lost: Micros) {
        self.read_calls();
        let before = self.model.now.clone();
        let then = self.redis.comes_back(change, lost);
        self.model.go_back_to(then);
        self.has_lost = true;
        self.judge.store_loses(&before, &self.model.now, self.redis.now_ms());
        self.configured.may_have_lost();
        self.edge.report.store_losses += 1;
    }
}
