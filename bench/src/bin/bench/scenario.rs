//! What is measured: the scenarios, side by side.

/// With how many open connections every scenario is measured.
///
/// With one, a request is a chain of wake-ups, and each takes several times longer when the kernel wakes the next
/// process on another CPU than on the same one. It decides anew in each run, which the spread of the rounds shows.
pub(crate) const CONNECTIONS: [u32; 2] = [1, 32];

/// One Envoy and the clients that ask it.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// The name in the report, and the beginning of its clients' ids.
    pub(crate) name: &'static str,
    /// The filter's mode; `None` is an Envoy without the filter.
    pub(crate) mode: Option<&'static str>,
    /// By what the filter knows its clients.
    pub(crate) known_by: KnownBy,
    /// Where the control plane that is asked has what it decides.
    pub(crate) kept: Kept,
    /// Who answers what the filter lets pass.
    pub(crate) answers: Answers,
    /// How many clients ask in turn.
    pub(crate) clients: usize,
    /// What every request gets.
    pub(crate) expected: Expected,
}

/// By what the filter knows who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownBy {
    /// By the header with the id.
    Header,
    /// By a key, of which it makes a digest.
    Key,
}

/// Where what is decided is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kept {
    /// In a folder, as by default.
    Folder,
    /// In memory alone.
    Memory,
    /// In a Redis that several control planes could share.
    Store,
}

/// Who answers what the filter lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Envoy by itself.
    Envoy,
    /// The mock LLM, with a stream of events.
    Upstream,
}

/// What every request of a scenario gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// 200, and nobody is asked.
    Passed,
    /// 200, admitted by the control plane.
    Admitted,
    /// 429, refused by the control plane for RPM.
    Refused,
}

/// Every scenario of single answers, each somewhere after the one that it is compared with.
pub(crate) static SCENARIOS: [Scenario; 8] = [
    direct("envoy", None, Expected::Passed),
    direct("off", Some("off"), Expected::Passed),
    Scenario {
        kept: Kept::Memory,
        ..direct("enforce-memory", Some("enforce"), Expected::Admitted)
    },
    direct("enforce", Some("enforce"), Expected::Admitted),
    Scenario { kept: Kept::Store, ..direct("enforce-shared", Some("enforce"), Expected::Admitted) },
    direct("refused", Some("enforce"), Expected::Refused),
    Scenario { clients: 10_000, ..direct("enforce-10k", Some("enforce"), Expected::Admitted) },
    Scenario {
        known_by: KnownBy::Key,
        ..direct("enforce-by-key", Some("enforce"), Expected::Admitted)
    },
];

/// Every scenario of streams, in the same order.
pub(crate) static STREAMS: [Scenario; 2] = [
    streamed("stream-off", "off", Expected::Passed),
    streamed("stream-enforce", "enforce", Expected::Admitted),
];

/// The scenario whose store is compared with its script alone, at the most connections.
pub(crate) fn of_the_store() -> (&'static Scenario, u32) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.kept == Kept::Store);
    (scenario.expect("one has a store"), CONNECTIONS[CONNECTIONS.len() - 1])
}

const fn direct(name: &'static str, mode: Option<&'static str>, expected: Expected) -> Scenario {
    let (known_by, kept, answers) = (KnownBy::Header, Kept::Folder, Answers::Envoy);
    Scenario { name, mode, known_by, kept, answers, clients: 1, expected }
}

const fn streamed(name: &'static str, mode: &'static str, expected: Expected) -> Scenario {
    let (known_by, kept, answers) = (KnownBy::Header, Kept::Folder, Answers::Upstream);
    Scenario { name, mode: Some(mode), known_by, kept, answers, clients: 1, expected }
}

impl Scenario {
    /// The setting that says by what its clients are known.
    pub(crate) fn identity(&self) -> &'static str {
        match self.known_by {
            KnownBy::Header => "header",
            KnownBy::Key => "api-key",
        }
    }

    /// The ids of its clients, the same as the load generator's.
    pub(crate) fn client_id(&self, number: usize) -> String {
        format!("{}-{number}", self.name)
    }

    /// The RPM of its clients; `None` where the control plane is never asked.
    pub(crate) fn rpm(&self) -> Option<u64> {
        match self.expected {
            Expected::Passed => None,
            Expected::Admitted => Some(1_000_000_000_000),
            Expected::Refused => Some(1),
        }
    }
}
