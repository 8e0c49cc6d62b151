//! The rule by which FlowGuard limits: continuous token buckets in integers.
//!
//! Everything here is a pure function of its arguments. There is no clock (time is an argument),
//! no IO and no dependency, so a test, a simulation and every store compute the same answer to
//! the unit.
//!
//! ```
//! use limiter::{Account, Decision, Limit, Limits, Refusal, Tokens, UnixMillis};
//!
//! let limits = Limits { rpm: Some(Limit::new(60)?), tpm: Some(Limit::new(1_000)?) };
//! let now = UnixMillis(1_700_000_000_000);
//! let mut account = Account::full(&limits, now);
//!
//! // 1,000 tokens are there at once; the 1,001st is refilled after a thousandth of a minute.
//! assert!(matches!(account.decide(Tokens::new(1_000)?, now), Decision::Admitted(_)));
//! let Decision::Refused(Refusal::RetryAt { at, .. }) = account.decide(Tokens::new(1)?, now)
//! else { unreachable!() };
//! assert_eq!(at.0 - now.0, 60);
//! # Ok::<(), limiter::OutOfRange>(())
//! ```
#![no_std]

extern crate alloc;

mod account;
mod bucket;
mod client_id;
mod units;

pub use account::{Account, Balance, Charge, Decision, Dimension, Limits, Refusal, Standing};
pub use bucket::DEBT_CAPACITIES_MAX;
pub use client_id::{CLIENT_ID_LEN_MAX, ClientId, InvalidClientId};
pub use units::{Limit, OutOfRange, PER_MINUTE_MAX, Tokens, UNITS_PER_TOKEN, Units, UnixMillis};
