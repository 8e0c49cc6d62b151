//! A configuration as it is written in JSON: by the REST API, and in backups.

use limiter::{PerMinute, Tokens};
use serde::{Serialize, Serializer};

use super::{ClientConfig, Identities, Identity};
use crate::limits::{Group, Name};

/// The fields of section 3 of docs/contract.md.
#[derive(Debug, Serialize)]
pub(crate) struct ClientJson<'a> {
    client_id: &'a str,
    rpm: Option<u64>,
    tpm: Option<u64>,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_estimate: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identities: Option<&'a Identities>,
}

impl<'a> From<&'a ClientConfig> for ClientJson<'a> {
    fn from(config: &'a ClientConfig) -> Self {
        Self {
            client_id: config.id.as_str(),
            rpm: config.limits.rpm.map(PerMinute::get),
            tpm: config.limits.tpm.map(PerMinute::get),
            enabled: config.enabled,
            min_estimate: config.min_estimate.map(Tokens::get),
            group: config.group.as_ref().map(Group::as_str),
            plan: config.plan.as_ref().map(Name::as_str),
            identities: Some(&config.identities).filter(|identities| !identities.is_empty()),
        }
    }
}

/// A client in a document that has its id before it. What is not set is absent.
#[derive(Debug, Serialize)]
pub(crate) struct ClientEntryJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rpm: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpm: Option<u64>,
    #[serde(skip_serializing_if = "is_true")]
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_estimate: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identities: Option<&'a Identities>,
}

impl<'a> From<&'a ClientConfig> for ClientEntryJson<'a> {
    fn from(config: &'a ClientConfig) -> Self {
        let ClientJson { client_id: _, rpm, tpm, enabled, min_estimate, group, plan, identities } =
            config.into();
        Self { rpm, tpm, enabled, min_estimate, group, plan, identities }
    }
}

/// A list of texts.
impl Serialize for Identities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.as_slice().iter().map(Identity::as_str))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_true(value: &bool) -> bool {
    *value
}
