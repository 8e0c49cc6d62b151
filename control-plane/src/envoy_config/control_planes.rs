//! Which control planes an Envoy's workers ask: any of those that share a store.

use std::{fmt, num::NonZeroU16};

use crate::host::Host;

/// Addresses of control planes, each once; none where the one that these settings are for is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlPlanes(Vec<ControlPlane>);

/// Where one of them serves decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// Its host.
    pub host: Host,
    /// Its `DECISION_PORT`.
    pub port: NonZeroU16,
}

impl ControlPlanes {
    /// How many there may be: more than one store can answer, and no more than an Envoy can ask for
    /// their health once a second without noticing it.
    pub const COUNT_MAX: usize = 64;

    /// The addresses that are written so, separated by commas.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::default());
        }
        let mut all = Vec::new();
        for address in text.split(',') {
            let address = ControlPlane::parse(address.trim())?;
            if all.contains(&address) || all.len() >= Self::COUNT_MAX {
                return None;
            }
            all.push(address);
        }
        Some(Self(all))
    }

    /// These, or the one that is given where there are none.
    #[must_use]
    pub fn or(self, one: impl FnOnce() -> Option<ControlPlane>) -> Option<Self> {
        if self.0.is_empty() { Some(Self(vec![one()?])) } else { Some(self) }
    }

    /// Each of them, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &ControlPlane> {
        self.0.iter()
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }
}

impl ControlPlane {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        // Where an IPv6 address ends and its port begins only the brackets say.
        let host = (!host.contains(':') || host.ends_with(']')).then(|| Host::parse(host))??;
        let digits = port.bytes().all(|byte| byte.is_ascii_digit()).then_some(port)?;
        Some(Self { host, port: digits.parse().ok()? })
    }
}

impl fmt::Display for ControlPlanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ControlPlane { host, port }) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{host}:{port}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in ["", "a:1", "a:1,b:1", "10.0.0.1:9095,[::1]:9095,flow_guard:65535"] {
            assert_eq!(ControlPlanes::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(ControlPlanes::parse(" a:1 , b:2 ").unwrap().to_string(), "a:1,b:2");
    }

    #[test]
    fn what_is_no_list_of_addresses_is_refused() {
        let many: Vec<_> = (1..=65).map(|port| format!("a:{port}")).collect();
        for text in ["a", "a:", "a:0", "a:+1", "a:65536", ":1", "::1:9095", "a:1,", "a:1,a:1"] {
            assert_eq!(ControlPlanes::parse(text), None, "{text}");
        }
        assert_eq!(ControlPlanes::parse(&many.join(",")), None);
        assert!(ControlPlanes::parse(&many[..64].join(",")).is_some());
    }
}
