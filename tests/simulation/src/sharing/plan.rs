//! What a run of several control planes is like, all of it by its seed.

use std::fmt;

use clap::ValueEnum;
use flowguard::store::shared::StoreFailureMode;

use crate::{
    plan::{Limits, Load, Waits},
    random::Random,
};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Control planes are killed, drained and stand still, and workers go on elsewhere.
    Planes,
    /// Connections to the store break between a call and its answer, and answers are late.
    Calls,
    /// The store stands still and wakes.
    Pause,
    /// The store forgets its scripts.
    Flush,
    /// The store is killed and begins without the last of what it wrote.
    Restart,
    /// A replica takes over that is behind.
    Promotion,
    /// The same, where each call waits for the replica.
    WaitedFor,
    /// The store's clock is set back.
    Clock,
    /// All of these, and all that goes wrong with Envoys.
    All,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Planes,
        Self::Calls,
        Self::Pause,
        Self::Flush,
        Self::Restart,
        Self::Promotion,
        Self::WaitedFor,
        Self::Clock,
        Self::All,
    ];

    /// Whether these are among them.
    pub(crate) fn include(self, trouble: Self) -> bool {
        self == trouble || (self == Self::All && trouble != Self::WaitedFor)
    }

    /// Whether the store may forget what it answered.
    pub fn loses(self) -> bool {
        matches!(self, Self::Restart | Self::Promotion | Self::All)
    }
}

/// What becomes of a request that the store does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Without {
    /// Each control plane decides by its part.
    Local,
    /// It has no decision.
    Closed,
}

impl From<Without> for StoreFailureMode {
    fn from(without: Without) -> Self {
        match without {
            Without::Local => Self::Local,
            Without::Closed => Self::Closed,
        }
    }
}

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What makes all of it again.
    pub seed: u64,
    /// How many control planes there are.
    pub planes: u64,
    /// What goes wrong.
    pub trouble: Trouble,
    /// What becomes of a request that the store does not decide.
    pub without: Without,
}

/// As the program's arguments say it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, planes, trouble, without } = self;
        let word = |value: Option<clap::builder::PossibleValue>| {
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        };
        let trouble = word(trouble.to_possible_value());
        let without = word(without.to_possible_value());
        write!(f, "--planes {planes} --seed {seed} --trouble {trouble} --without {without}")
    }
}

impl Plan {
    /// The run of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::of(seed);
        Self {
            seed,
            planes: random.between(1, 4),
            trouble: random.pick(&Trouble::ALL),
            without: random.pick(&[Without::Local, Without::Closed]),
        }
    }

    /// Its clients, and limits beside their own two.
    pub(super) fn edge(self, random: &mut Random) -> crate::Plan {
        crate::Plan {
            seed: self.seed,
            limits: random.pick(&Limits::ALL),
            load: random.pick(&Load::ALL),
            faults: crate::plan::Faults::None,
            waits: Waits::Exact,
        }
    }
}
