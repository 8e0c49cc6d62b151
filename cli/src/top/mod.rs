//! `flowguard top`: who asks how much, what is left, and who is refused by what, as it happens.
//!
//! What is known (`state.rs`) knows neither a clock nor a terminal, and how it is drawn (`draw.rs`) knows
//! no server.

mod draw;
mod keys;
mod sample;
mod state;
mod terminal;

use std::time::Duration;

use clap::{Args, ValueEnum};

pub use draw::draw;
pub use keys::Key;
pub use sample::{Figures, Sample, Share, Unseen};
pub use state::{Row, State};

pub(crate) use terminal::run;

/// How `top` begins.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// How often it looks, 1 to 60 seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(1..=60))]
    pub interval: u8,
    /// What comes first
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub sort: Sort,
    /// Only clients with this in their id or group
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub filter: String,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Who asks most
    #[default]
    Requests,
    /// Who is refused most
    Refused,
    /// Who uses most tokens
    Tokens,
    /// Who has least left
    Headroom,
    /// By id
    Name,
}

impl Look {
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(self.interval.into())
    }
}
