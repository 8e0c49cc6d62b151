//! What a write did to a limit or a model, as the caller and the log are told.

use std::fmt;

use tracing::{info, warn};

use super::{Caller, Kind, Tag};
use crate::{
    clients::Revision,
    limits::{Limit, LimitJson, LimitMode, Measure, Name, Pattern, Patterns},
};

/// A limit that was written, and is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitChange {
    /// The limit in force.
    pub limit: Limit,
    /// The one before; `None`: it is new.
    pub before: Option<Limit>,
    /// Which of the store's writes this was; none where a file wrote.
    pub revision: Revision,
}

impl LimitChange {
    /// By what it is known from now on.
    pub fn tag(&self) -> Tag {
        Tag::stored(self.revision)
    }

    /// Tells the log who changed what into what: as a warning where it limits less than before.
    pub(super) fn log(&self, caller: &Caller) {
        let before = self.before.as_ref().map(limit_values);
        let (before, after) = (before.as_deref(), limit_values(&self.limit));
        if self.remarks().is_empty() {
            info!(%caller, before, after, "{self}");
        } else {
            warn!(%caller, before, after, "{self}");
        }
    }

    /// What the caller may not have meant.
    fn remarks(&self) -> Vec<String> {
        let Some(before) = &self.before else { return Vec::new() };
        let mut remarks = Vec::new();
        if let (Some(trial), None) = (before.trial, self.limit.trial) {
            remarks.push(format!("trial {trial} was taken away"));
        }
        let (had, has) = (burst(&before.measure), burst(&self.limit.measure));
        if let (Some(burst), None) = (had, has) {
            remarks.push(format!("burst {burst} was taken away"));
        }
        if before.mode == LimitMode::Enforce && self.limit.mode != LimitMode::Enforce {
            remarks.push(format!("it refuses nothing while mode is {}", self.limit.mode.word()));
        }
        remarks
    }
}

/// The burst, where it is not the whole amount.
fn burst(measure: &Measure) -> Option<u64> {
    match measure {
        Measure::Requests(quota) | Measure::Tokens(quota) => {
            Some(quota.burst()).filter(|burst| *burst != quota.amount())
        }
        Measure::Concurrent(_) => None,
    }
}

/// What to tell the caller.
impl fmt::Display for LimitChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_new = self.before.is_none();
        told(f, "Limit", self.limit.name.as_str(), is_new, &self.remarks())
    }
}

/// A model that was written, and is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelChange {
    /// What it is called.
    pub name: Name,
    /// Which names are of it.
    pub patterns: Patterns,
    /// Which were; `None`: it is new.
    pub before: Option<Patterns>,
    /// Which of the store's writes this was; none where a file wrote.
    pub revision: Revision,
}

impl ModelChange {
    /// By what it is known from now on.
    pub fn tag(&self) -> Tag {
        Tag::stored(self.revision)
    }

    /// Tells the log who changed what into what.
    pub(super) fn log(&self, caller: &Caller) {
        let before = self.before.as_ref().map(model_values);
        let (before, after) = (before.as_deref(), model_values(&self.patterns));
        info!(%caller, before, after, "{self}");
    }
}

/// What to tell the caller.
impl fmt::Display for ModelChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        told(f, "Model", self.name.as_str(), self.before.is_none(), &[])
    }
}

fn told(
    f: &mut fmt::Formatter<'_>,
    kind: &str,
    name: &str,
    is_new: bool,
    remarks: &[String],
) -> fmt::Result {
    let done = if is_new { "created" } else { "replaced" };
    write!(f, "{kind} {name} was {done}")?;
    for (index, remark) in remarks.iter().enumerate() {
        let separator = if index == 0 { ": " } else { "; " };
        write!(f, "{separator}{remark}")?;
    }
    Ok(())
}

/// A limit or a model that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRemoval {
    kind: Kind,
    name: String,
    /// What it was.
    before: String,
}

impl RuleRemoval {
    pub(super) fn of_limit(limit: &Limit) -> Self {
        let (name, before) = (limit.name.to_string(), limit_values(limit));
        Self { kind: Kind::Limit, name, before }
    }

    pub(super) fn of_model(name: &Name, patterns: &Patterns) -> Self {
        Self { kind: Kind::Model, name: name.to_string(), before: model_values(patterns) }
    }

    /// Tells the log who removed what.
    pub(super) fn log(&self, caller: &Caller) {
        info!(%caller, before = self.before, "{self}");
    }
}

/// What to tell the caller.
impl fmt::Display for RuleRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Client => "Client",
            Kind::Limit => "Limit",
            Kind::Model => "Model",
            Kind::Key => "Key",
            Kind::Token => "Token",
        };
        write!(f, "{kind} {} was deleted", self.name)
    }
}

/// A limit in one line: its JSON, which its name needs no place in.
fn limit_values(limit: &Limit) -> String {
    serde_json::to_string(&LimitJson::from(limit)).unwrap_or_default()
}

fn model_values(patterns: &Patterns) -> String {
    patterns.as_slice().iter().map(Pattern::as_str).collect::<Vec<_>>().join(" ")
}
