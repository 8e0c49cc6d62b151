//! A limit as it is written in JSON: by the REST API, and in backups.

use std::num::NonZeroU64;

use limiter::ClientId;
use serde::Serialize;

use super::{Group, Limit, Match, Measure, ModelName, Name, Per};

/// The fields of section 3 of docs/contract.md. One that was not set, or to what holds without it,
/// is absent.
#[derive(Debug, Serialize)]
pub struct LimitJson<'a> {
    name: &'a str,
    #[serde(rename = "match")]
    matches: MatchJson<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    each: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<u64>,
}

/// Which requests a limit is for.
#[derive(Debug, Serialize)]
pub struct MatchJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
}

impl<'a> From<&'a Limit> for LimitJson<'a> {
    fn from(limit: &'a Limit) -> Self {
        let Limit { name, matches, each, measure, mode, trial } = limit;
        let amount = Some(measure.amount());
        let (requests, tokens, concurrent) = match measure {
            Measure::Requests(_) => (amount, None, None),
            Measure::Tokens(_) => (None, amount, None),
            Measure::Concurrent(_) => (None, None, amount),
        };
        let quota = measure.quota();
        Self {
            name: name.as_str(),
            matches: matches.into(),
            each: each.words().collect(),
            requests,
            tokens,
            concurrent,
            per: quota.map(|quota| Per(quota.window()).to_string()),
            burst: quota.filter(|quota| quota.burst() != quota.amount()).map(|q| q.burst()),
            mode: mode.word_if_not_enforced(),
            trial: trial.map(NonZeroU64::get),
        }
    }
}

impl<'a> From<&'a Match> for MatchJson<'a> {
    fn from(matches: &'a Match) -> Self {
        Self {
            client: matches.client.as_ref().map(ClientId::as_str),
            group: matches.group.as_ref().map(Group::as_str),
            plan: matches.plan.as_ref().map(Name::as_str),
            model: matches.model.as_ref().map(ModelName::as_str),
        }
    }
}
