//! What the line is for, simulated: 32 callers with two retries each, as the vendors' libraries have
//! them, who together ask for twice what their limit allows.

use std::{cmp::Reverse, collections::BinaryHeap};

use limiter::Wait;

use super::{Answer, Client, START, per_minute};

const CALLERS: u64 = 32;
const ATTEMPTS: u64 = 3;
const TEN_MINUTES: u64 = 600_000;

/// Who asks, of what, and how.
#[derive(Clone, Copy)]
struct Crowd {
    per_minute: u64,
    is_spread: bool,
    /// Milliseconds by which a request comes later than it was sent.
    delay_ms: u64,
    /// Requests a second of somebody who ignores what he is told.
    of_another: u64,
}

impl Crowd {
    fn of(per_minute: u64, is_spread: bool) -> Self {
        Self { per_minute, is_spread, delay_ms: 0, of_another: 0 }
    }

    /// How many calls succeeded and how many failed.
    fn calls(self) -> (u64, u64) {
        let mut client = Client::full(&[per_minute(self.per_minute)]);
        client.ask(&[self.per_minute], START);
        // A call is due so often for each caller.
        let period = CALLERS * 60_000 / (2 * self.per_minute);
        // The moment of a request, who sends it, when its call was due, and how often it was tried.
        let mut requests = BinaryHeap::new();
        for caller in 0..CALLERS {
            let due = START + caller * 7_919 % period;
            requests.push(Reverse((due + self.delay_ms, caller, due, 1)));
        }
        if self.of_another > 0 {
            requests.push(Reverse((START + 17, CALLERS, START, 1)));
        }
        let (mut succeeded, mut failed) = (0, 0);
        while let Some(Reverse((now, caller, due, attempt))) = requests.pop() {
            if now > START + TEN_MINUTES {
                break;
            }
            let told = match client.ask(&[1], now) {
                Answer::Admitted(_) => None,
                Answer::Refused { exact, told } => Some(if self.is_spread { told } else { exact }),
            };
            if caller == CALLERS {
                requests.push(Reverse((now + 1_000 / self.of_another, caller, due, 1)));
                continue;
            }
            if let (Some(Wait::Millis(wait_ms)), true) = (told, attempt < ATTEMPTS) {
                requests.push(Reverse((now + wait_ms + self.delay_ms, caller, due, attempt + 1)));
                continue;
            }
            *if told.is_none() { &mut succeeded } else { &mut failed } += 1;
            // A caller who waited past his next call makes it at once.
            let due = (due + period).max(now);
            requests.push(Reverse((due + self.delay_ms, caller, due, 1)));
        }
        (succeeded, failed)
    }

    /// Percent of the calls that failed, and percent of the limit that the callers got.
    fn percents(self) -> (u64, u64) {
        let (succeeded, failed) = self.calls();
        (100 * failed / (succeeded + failed), 100 * succeeded / (10 * self.per_minute))
    }
}

#[test]
fn half_of_the_calls_fail_where_all_are_told_one_moment_and_none_where_each_has_its_own() {
    for per_minute in [60, 240, 600] {
        assert_eq!(Crowd::of(per_minute, false).percents(), (49, 100), "{per_minute}");
        assert_eq!(Crowd::of(per_minute, true).percents(), (0, 100), "{per_minute}");
    }
}

/// The README has these figures.
#[test]
fn who_comes_late_finds_the_place_taken_the_more_often_the_closer_the_moments_are() {
    for (per_minute, failed) in [(60, 0), (240, 15), (600, 24)] {
        let late = Crowd { delay_ms: 100, ..Crowd::of(per_minute, true) };
        assert_eq!(late.percents().0, failed, "{per_minute}");
    }
}

/// The README has these figures.
#[test]
fn somebody_who_ignores_what_he_is_told_takes_the_places_of_those_who_obey() {
    for (per_minute, exact, spread) in [(60, 50, 59), (240, 75, 19), (600, 100, 13)] {
        let got = |is_spread| {
            let beside = Crowd { of_another: 20, ..Crowd::of(per_minute, is_spread) };
            beside.percents().1
        };
        assert_eq!((got(false), got(true)), (exact, spread), "{per_minute}");
    }
}
