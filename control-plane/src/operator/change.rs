//! What a write did, as the caller and the log are told.

use std::fmt;

use limiter::{PerMinute, Tokens};
use tracing::{info, warn};

use super::{Caller, Tag};
use crate::{
    clients::{ClientConfig, Revision},
    counted::counted,
    excerpt::Excerpt,
};

/// A client whose configuration was written, and is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The configuration in force.
    pub config: ClientConfig,
    /// The one before; `None`: the client is new.
    pub before: Option<ClientConfig>,
    /// How it was written.
    pub write: Write,
    /// Which of the store's writes this was; none where a file wrote.
    pub revision: Revision,
    /// Whether there are limits beside clients' own, which may apply to it.
    pub other_limits: bool,
}

/// How a configuration was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Whole.
    Replacement,
    /// Some fields of it.
    Patch,
}

impl Change {
    /// By what the client is known from now on.
    pub fn tag(&self) -> Tag {
        Tag::stored(self.revision)
    }

    /// Tells the log who changed what into what: as a warning where the client is less limited
    /// than before, which is easily done by what a replacement leaves out.
    pub(super) fn log(&self, caller: &Caller) {
        let before = self.before.as_ref().map(|before| Values(before).to_string());
        let (before, after) = (before.as_deref(), Values(&self.config));
        if self.remarks().is_empty() {
            info!(%caller, before, %after, "{self}");
        } else {
            warn!(%caller, before, %after, "{self}");
        }
    }

    /// What the caller may not have meant.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let taken_away = self.taken_away();
        match &*taken_away {
            [] => {}
            [one] => remarks.push(format!("{one} was taken away")),
            [many @ .., last] => {
                remarks.push(format!("{} and {last} were taken away", many.join(", ")));
            }
        }
        let limits = &self.config.limits;
        if limits.rpm.is_none() && limits.tpm.is_none() {
            let own = if self.other_limits { " of its own" } else { "" };
            remarks.push(format!("it has no limit{own}"));
        }
        if self.before.as_ref().is_some_and(|before| before.enabled) && !self.config.enabled {
            remarks.push("it is not limited while enabled is false".to_owned());
        }
        remarks
    }

    fn taken_away(&self) -> Vec<String> {
        let Some(before) = &self.before else { return Vec::new() };
        let mut taken_away = Vec::new();
        for (name, before, after) in [
            ("rpm", before.limits.rpm, self.config.limits.rpm),
            ("tpm", before.limits.tpm, self.config.limits.tpm),
        ] {
            if let (Some(before), None) = (before, after) {
                taken_away.push(format!("{name} {}", before.get()));
            }
        }
        if let (Some(before), None) = (before.min_estimate, self.config.min_estimate) {
            taken_away.push(format!("min_estimate {}", before.get()));
        }
        if let (Some(before), None) = (&before.group, &self.config.group) {
            taken_away.push(format!("group {before}"));
        }
        if let (Some(before), None) = (&before.plan, &self.config.plan) {
            taken_away.push(format!("plan {before}"));
        }
        for identity in before.identities.as_slice() {
            if !self.config.identities.as_slice().contains(identity) {
                taken_away.push(format!("identity {}", Excerpt::quoted(identity.as_str())));
            }
        }
        taken_away
    }
}

/// What to tell the caller.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match (&self.before, self.write) {
            (None, _) => "created",
            (Some(_), Write::Replacement) => "replaced",
            (Some(_), Write::Patch) => "changed",
        };
        write!(f, "Client {} was {done}", self.config.id)?;
        for (index, remark) in self.remarks().iter().enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            write!(f, "{separator}{remark}")?;
        }
        Ok(())
    }
}

/// A client that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The configuration that was in force.
    pub config: ClientConfig,
    /// How many keys it had, which went with it.
    pub keys: usize,
    /// Which of the store's writes this was; none where a file wrote.
    pub revision: Revision,
}

impl Removal {
    /// Tells the log who removed what.
    pub(super) fn log(&self, caller: &Caller) {
        info!(%caller, before = %Values(&self.config), "{self}");
    }
}

/// What to tell the caller.
impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client {} was deleted", self.config.id)?;
        match self.keys {
            0 => Ok(()),
            keys => write!(f, ", and {} with it", counted(keys, "key")),
        }
    }
}

/// A configuration's values in one line.
struct Values<'a>(&'a ClientConfig);

impl fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClientConfig { limits, enabled, min_estimate, group, plan, identities, .. } = self.0;
        for (name, limit) in [("rpm", limits.rpm), ("tpm", limits.tpm)] {
            match limit.map(PerMinute::get) {
                Some(limit) => write!(f, "{name} {limit}, ")?,
                None => write!(f, "{name} none, ")?,
            }
        }
        write!(f, "enabled {enabled}")?;
        if let Some(tokens) = min_estimate.map(Tokens::get) {
            write!(f, ", min_estimate {tokens}")?;
        }
        if let Some(group) = group {
            write!(f, ", group {group}")?;
        }
        if let Some(plan) = plan {
            write!(f, ", plan {plan}")?;
        }
        for identity in identities.as_slice() {
            write!(f, ", identity {}", Excerpt::quoted(identity.as_str()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clients::{Identities, Identity},
        limits::{Group, Name},
        operator::Draft,
    };

    fn config(rpm: Option<u64>, tpm: Option<u64>) -> ClientConfig {
        Draft::new("a", rpm, tpm).validate().expect("a configuration")
    }

    fn told(before: Option<ClientConfig>, config: ClientConfig) -> String {
        let (write, revision) = (Write::Replacement, Revision::new(1));
        Change { config, before, write, revision, other_limits: false }.to_string()
    }

    #[test]
    fn what_a_write_leaves_as_limited_as_before_is_told_without_a_remark() {
        let both = config(Some(60), Some(1_000));
        assert_eq!(told(None, both.clone()), "Client a was created");
        assert_eq!(told(Some(config(None, Some(5))), both.clone()), "Client a was replaced");
        assert_eq!(told(Some(both.clone()), config(Some(1), Some(1))), "Client a was replaced");
        let disabled = ClientConfig { enabled: false, ..both.clone() };
        assert_eq!(told(None, disabled.clone()), "Client a was created");
        assert_eq!(told(Some(disabled.clone()), disabled), "Client a was replaced");
        let patched = Change {
            config: both.clone(),
            before: Some(both),
            write: Write::Patch,
            revision: Revision::new(2),
            other_limits: false,
        };
        assert_eq!(patched.to_string(), "Client a was changed");
    }

    #[test]
    fn what_a_write_takes_away_is_told_with_its_value() {
        let floor = Tokens::new(10).ok();
        let all = ClientConfig { min_estimate: floor, ..config(Some(60), Some(1_000)) };
        for (before, after, remark) in [
            (all.clone(), config(Some(61), None), "tpm 1000 and min_estimate 10 were taken away"),
            (config(Some(60), Some(7)), config(Some(61), None), "tpm 7 was taken away"),
            (
                all,
                config(None, None),
                "rpm 60, tpm 1000 and min_estimate 10 were taken away; it has no limit",
            ),
            (config(None, None), config(None, None), "it has no limit"),
            (
                config(Some(1), None),
                ClientConfig { enabled: false, ..config(Some(1), None) },
                "it is not limited while enabled is false",
            ),
        ] {
            assert_eq!(told(Some(before), after), format!("Client a was replaced: {remark}"));
        }
        assert_eq!(told(None, config(None, None)), "Client a was created: it has no limit");
        let member = ClientConfig {
            group: Group::try_from("acme/research").ok(),
            plan: Name::try_from("pro").ok(),
            identities: Identities::new(vec![Identity::try_from("x").expect("one")]).expect("one"),
            ..config(Some(1), None)
        };
        assert_eq!(
            told(Some(member), config(Some(1), None)),
            "Client a was replaced: group acme/research, plan pro and identity \"x\" were taken away"
        );
        let change = Change {
            config: config(None, None),
            before: None,
            write: Write::Replacement,
            revision: Revision::new(1),
            other_limits: true,
        };
        assert_eq!(change.to_string(), "Client a was created: it has no limit of its own");
    }
}
