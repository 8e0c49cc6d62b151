//! What a run is like, all of it by its seed: limits, load and faults.

use std::fmt;

use clap::ValueEnum;

use crate::{
    oracle::{Rules, Wanted, Word},
    queue::Micros,
    random::Random,
    rules::belongs,
};

/// Which limits clients have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Limits {
    /// Requests per minute.
    Requests,
    /// Tokens per minute.
    Tokens,
    /// Both.
    Both,
}

/// How much clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// Half of their limits.
    Below,
    /// As much as their limits.
    At,
    /// Five times as much.
    Above,
}

/// What those who wait are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Waits {
    /// When they would pass if nobody else asked.
    Exact,
    /// A moment each.
    Spread,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Faults {
    /// Nothing.
    None,
    /// Streams are cut anywhere, and the network stands still.
    Network,
    /// Envoys die, and replace their filters.
    Envoys,
    /// The control plane is killed and stopped, while the network fails.
    Kills,
    /// The machine loses its power.
    Power,
    /// The disk is full, refuses, and is slow, and the control plane is killed.
    Disk,
    /// All of these.
    All,
}

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What makes all of it again.
    pub seed: u64,
    /// Which limits clients have.
    pub limits: Limits,
    /// How much they ask for.
    pub load: Load,
    /// What goes wrong.
    pub faults: Faults,
    /// What those who wait are told.
    pub waits: Waits,
}

/// As the program's arguments say it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, limits, load, faults, waits } = self;
        let word = |value: Option<clap::builder::PossibleValue>| {
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        };
        let (limits, load) = (word(limits.to_possible_value()), word(load.to_possible_value()));
        let faults = word(faults.to_possible_value());
        let waits = word(waits.to_possible_value());
        write!(f, "--seed {seed} --limits {limits} --load {load} --faults {faults} --waits {waits}")
    }
}

/// A client, and how it asks.
#[derive(Clone, Debug)]
pub(crate) struct ClientPlan {
    /// Its id.
    pub(crate) id: String,
    /// Its limits; `None`: it is not configured.
    pub(crate) wanted: Option<Wanted>,
    /// The time between its requests, on average.
    pub(crate) gap: Micros,
    /// What a request usually uses.
    pub(crate) tokens: u64,
}

/// The ids of all clients that there can be, configured or not, and of the one that stands for those
/// that are not.
pub(crate) const CLIENTS: [Word; 7] =
    ["client-0", "client-1", "client-2", "client-3", "client-4", "unlimited", "unknown"];

/// The id of a client that is configured.
pub(crate) fn client(id: &str) -> Word {
    CLIENTS.into_iter().find(|client| *client == id).unwrap_or("unknown")
}

impl Limits {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Both];
}

impl Load {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Below, Self::At, Self::Above];
}

impl Waits {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Exact, Self::Spread];

    /// The longest wait that may be told to who would pass after `exact` milliseconds.
    pub(crate) fn latest(self, exact: u64) -> u64 {
        match self {
            Self::Exact => exact,
            Self::Spread => exact.max(60_000),
        }
    }
}

impl Faults {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Network, Self::Envoys, Self::Kills, Self::Power, Self::Disk, Self::All];

    /// Whether these are among them.
    pub(crate) fn include(self, faults: Self) -> bool {
        self == faults
            || self == Self::All
            || (faults == Self::Network && matches!(self, Self::Kills | Self::Envoys | Self::Power))
            || (faults == Self::Kills && self == Self::Disk)
    }
}

impl Plan {
    /// The run of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::of(seed);
        Self {
            seed,
            limits: random.pick(&Limits::ALL),
            load: random.pick(&Load::ALL),
            faults: random.pick(&Faults::ALL),
            waits: random.pick(&Waits::ALL),
        }
    }

    /// Its clients and where they belong, and the limits beside their own two.
    pub(crate) fn clients(&self, random: &mut Random) -> (Vec<ClientPlan>, Rules) {
        let mut clients = self.clients_alone(random);
        let random = &mut Random::of(self.seed ^ 0x0071_3175);
        for wanted in clients.iter_mut().filter_map(|client| client.wanted.as_mut()) {
            (wanted.group, wanted.plan) = belongs(random);
        }
        let rules = Rules::of(&clients, random);
        (clients, rules)
    }

    /// Most have limits that fit the plan, one is unknown and one unlimited.
    fn clients_alone(&self, random: &mut Random) -> Vec<ClientPlan> {
        let mut clients: Vec<_> =
            (0..random.between(2, 5)).map(|number| self.client(number, random)).collect();
        let gap = 2_000_000;
        if random.percent(50) {
            clients.push(ClientPlan { id: "nobody".into(), wanted: None, gap, tokens: 30 });
        }
        if random.percent(30) {
            let wanted = Some(Wanted::default());
            clients.push(ClientPlan { id: "unlimited".into(), wanted, gap, tokens: 30 });
        }
        clients
    }

    fn client(&self, number: u64, random: &mut Random) -> ClientPlan {
        let rpm = random.pick(&[1, 7, 20, 60, 137, 1_000_000]);
        let tpm = random.pick(&[3, 500, 1_000, 99_991, 1_000_000_000_000]);
        let rpm = (self.limits != Limits::Tokens).then_some(rpm);
        let tpm = (self.limits != Limits::Requests).then_some(tpm);
        // A minute's tokens are some requests' worth, of which a few may be asked for.
        let tokens = tpm.map_or(50, |tpm| (tpm / random.between(2, 30)).max(1)).min(50_000_000);
        let by_tokens = tpm.map_or(u64::MAX, |tpm| (tpm / tokens).max(1));
        let per_minute = rpm.unwrap_or(u64::MAX).min(by_tokens).min(120);
        let gap = 60_000_000 / per_minute;
        let gap = match self.load {
            Load::Below => gap * 2,
            Load::At => gap,
            Load::Above => gap / 5,
        };
        let min_estimate = random.percent(15).then_some(tokens / 2);
        ClientPlan {
            id: format!("client-{number}"),
            wanted: Some(Wanted {
                rpm,
                tpm,
                is_disabled: random.percent(4),
                min_estimate,
                ..Wanted::default()
            }),
            gap: gap.clamp(150_000, 20_000_000),
            tokens,
        }
    }
}
