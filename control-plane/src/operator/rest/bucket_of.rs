//! What a bucket is of, as JSON.

use limiter::ClientId;
use serde::Serialize;

use crate::{
    ledger::BucketOf,
    limits::{Group, ModelName, Name},
};

/// What a bucket is of, as far as its limit has one for each.
#[derive(Serialize)]
pub(super) struct BucketOfJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
}

impl<'a> From<&'a BucketOf> for BucketOfJson<'a> {
    fn from(of: &'a BucketOf) -> Self {
        Self {
            client: of.client.as_ref().map(ClientId::as_str),
            group: of.group.as_ref().map(Group::as_str),
            plan: of.plan.as_ref().map(Name::as_str),
            model: of.model.as_ref().map(ModelName::as_str),
        }
    }
}
