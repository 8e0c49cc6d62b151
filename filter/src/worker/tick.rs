//! What is due when some milliseconds have passed.

use super::Worker;
use crate::{
    clock::Micros,
    host::{Host, Pace},
};

impl Worker {
    /// Some milliseconds have passed.
    pub(crate) fn on_tick(&mut self, host: &mut impl Host, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        self.requests.tick();
        self.fail_overdue(host, now);
        self.give_up_hung_stream(host, now);
        if self.link.is_due(now) {
            self.link.open(host, now);
        }
        self.flush(host, now);
        self.report(host, now);
        self.set_pace(host, now);
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
