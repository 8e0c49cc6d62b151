//! What is due when some milliseconds have passed.

use super::Worker;
use crate::{
    clock::Micros,
    host::{Host, Pace},
    stats::Stat,
};

impl Worker {
    /// Some milliseconds have passed.
    pub fn on_tick(&mut self, host: &mut impl Host, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        self.requests.tick();
        self.outbox.ends.tick();
        self.fail_overdue(host, now);
        self.give_up_hung_stream(host, now);
        if self.link.is_due(now) {
            self.link.open(host, now);
        }
        self.flush(host, now);
        self.report(host, now);
        self.tell_forgotten_ends(host);
        self.end_if_all_is_told(host, now);
        self.set_pace(host, now);
    }

    /// Told once: in a long outage there are more with each tick.
    fn tell_forgotten_ends(&mut self, host: &mut impl Host) {
        let forgotten = self.outbox.ends.take_forgotten();
        if forgotten == 0 {
            return;
        }
        host.count(Stat::EndForgotten, i64::try_from(forgotten).unwrap_or(i64::MAX));
        if !std::mem::replace(&mut self.has_told_forgotten_ends, true) {
            host.warn(
                "more requests ended than are kept while the control plane is away: what the \
                 oldest of them were charged stands",
            );
        }
    }

    fn set_pace(&mut self, host: &mut impl Host, now: Micros) {
        let pace = match self.requests.next_overdue(now) {
            Some(_) => Pace::Hurried,
            None => Pace::Usual,
        };
        if self.pace != pace {
            self.pace = pace;
            host.set_pace(pace);
        }
    }
}
