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
    /// How many clients ask in turn.
    pub(crate) clients: usize,
    /// What every request gets.
    pub(crate) expected: Expected,
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

/// Every scenario, each after the one that it is compared with.
pub(crate) static SCENARIOS: [Scenario; 5] = [
    Scenario { name: "envoy", mode: None, clients: 1, expected: Expected::Passed },
    Scenario { name: "off", mode: Some("off"), clients: 1, expected: Expected::Passed },
    Scenario { name: "enforce", mode: Some("enforce"), clients: 1, expected: Expected::Admitted },
    Scenario { name: "refused", mode: Some("enforce"), clients: 1, expected: Expected::Refused },
    Scenario {
        name: "enforce-10k",
        mode: Some("enforce"),
        clients: 10_000,
        expected: Expected::Admitted,
    },
];

impl Scenario {
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
