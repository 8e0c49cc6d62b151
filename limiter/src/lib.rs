//! The rule by which FlowGuard limits: continuous token buckets in integers, each with a window of
//! its own, and places that are given back; any number of them at once.
//!
//! Everything here is a pure function of its arguments. There is no clock (time is an argument),
//! no IO and no dependency, so a test, a simulation and every store compute the same answer to
//! the unit.
//!
//! ```
//! use limiter::{Bucket, Decision, Demand, PerMinute, Tokens, UnixMillis, Wait, decide};
//!
//! let now = UnixMillis(1_700_000_000_000);
//! let mut requests = Bucket::full(PerMinute::new(60)?.into(), now);
//! let mut tokens = Bucket::full(PerMinute::new(1_000)?.into(), now);
//! let mut request = |cost| {
//!     let request = Demand::new(&mut requests, Tokens::ONE);
//!     decide(&mut [request, Demand::new(&mut tokens, cost)], now)
//! };
//!
//! // 1,000 tokens are there at once; the 1,001st is refilled after a thousandth of a minute.
//! assert_eq!(request(Tokens::new(1_000)?), Decision::Admitted);
//! let Decision::Refused(refusal) = request(Tokens::new(1)?) else { unreachable!() };
//! assert_eq!(refusal.wait(), Wait::Millis(60));
//!
//! // It was for want of tokens, and so it did not cost a request either.
//! assert_eq!(refusal.named(), 1);
//! assert_eq!(requests.balance(now).remaining(), 59);
//! # Ok::<(), limiter::OutOfRange>(())
//! ```
#![no_std]

extern crate alloc;

mod balance;
mod bucket;
mod client_id;
mod decision;
mod demand;
mod dimension;
mod level;
mod line;
mod out_of_range;
mod per_minute;
mod places;
mod quota;
mod refusal;
mod tokens;
mod unix_millis;
mod window;

pub use balance::Balance;
pub use bucket::{Bucket, Charge};
pub use client_id::{CLIENT_ID_LEN_MAX, ClientId, InvalidClientId};
pub use decision::{Decision, decide, would_refuse};
pub use demand::{Demand, Source};
pub use dimension::Dimension;
pub use level::{ImpossibleLevel, Level};
pub use line::{LINE_MS_MAX, Line, Waiting, line_up};
pub use out_of_range::OutOfRange;
pub use per_minute::{PER_MINUTE_MAX, PerMinute};
pub use places::{PLACES_WAIT_MS, Places};
pub use quota::{AMOUNT_MAX, Quota};
pub use refusal::{BUCKETS_MAX, Refusal, Wait};
pub use tokens::Tokens;
pub use unix_millis::UnixMillis;
pub use window::Window;
