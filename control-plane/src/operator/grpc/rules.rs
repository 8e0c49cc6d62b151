//! Limits and models between the wire's types and the control plane's own, and pages of them.

use proto::api;
use tonic::Status;

use super::convert::{signed, unsigned};
use crate::{
    excerpt::Excerpt,
    ledger::{BucketOf, BucketStanding, LimitStats},
    limits::{Limit, Measure, Patterns, Per},
    operator::{
        Given, LimitDraft, MatchDraft, ModelDraft,
        audited::{ENTRIES_AT_A_TIME, ENTRIES_AT_A_TIME_MAX},
        bucket_page::{BUCKETS_AT_A_TIME, BUCKETS_AT_A_TIME_MAX},
        cursor,
        page::{Section, is_cursor, number},
    },
};

/// How many limits or models an answer has at most. tonic keeps an answer whole until its reader has
/// taken it.
const RULES_AT_A_TIME: usize = 100;

impl From<api::Limit> for LimitDraft {
    fn from(limit: api::Limit) -> Self {
        Self {
            name: Given::Value(limit.name),
            matches: limit.r#match.map_or(Given::Absent, |of| Given::Value(of.into())),
            each: texts(limit.each),
            requests: unsigned(limit.requests),
            tokens: unsigned(limit.tokens),
            concurrent: unsigned(limit.concurrent),
            per: Given::Value(limit.per),
            burst: unsigned(limit.burst),
            mode: optional(limit.mode),
            trial: unsigned(limit.trial),
            ..Self::default()
        }
    }
}

impl From<api::LimitMatch> for MatchDraft {
    fn from(of: api::LimitMatch) -> Self {
        Self {
            client: optional(of.client),
            group: optional(of.group),
            plan: optional(of.plan),
            model: optional(of.model),
            ..Self::default()
        }
    }
}

impl From<api::Model> for ModelDraft {
    fn from(model: api::Model) -> Self {
        let (name, patterns) = (Given::Value(model.name), texts(model.patterns));
        Self { name, patterns, ..Self::default() }
    }
}

fn texts(texts: Vec<String>) -> Given<Vec<Given<String>>> {
    Given::Value(texts.into_iter().map(Given::Value).collect())
}

fn optional(text: Option<String>) -> Given<String> {
    text.map_or(Given::Absent, Given::Value)
}

impl From<&Limit> for api::Limit {
    fn from(limit: &Limit) -> Self {
        let amount = Some(signed(limit.measure.amount()));
        let (requests, tokens, concurrent) = match limit.measure {
            Measure::Requests(_) => (amount, None, None),
            Measure::Tokens(_) => (None, amount, None),
            Measure::Concurrent(_) => (None, None, amount),
        };
        let quota = limit.measure.quota();
        let burst = quota.filter(|quota| quota.burst() != quota.amount());
        Self {
            name: limit.name.to_string(),
            r#match: Some(api::LimitMatch {
                client: limit.matches.client.as_ref().map(ToString::to_string),
                group: limit.matches.group.as_ref().map(ToString::to_string),
                plan: limit.matches.plan.as_ref().map(ToString::to_string),
                model: limit.matches.model.as_ref().map(|model| model.as_str().to_owned()),
            }),
            each: limit.each.words().map(str::to_owned).collect(),
            requests,
            tokens,
            concurrent,
            per: quota.map(|quota| Per(quota.window()).to_string()),
            burst: burst.map(|quota| signed(quota.burst())),
            mode: limit.mode.word_if_not_enforced().map(str::to_owned),
            trial: limit.trial.map(|trial| signed(trial.get())),
        }
    }
}

pub(super) fn model(name: &str, patterns: &Patterns) -> api::Model {
    let patterns = patterns.as_slice().iter().map(|pattern| pattern.as_str().to_owned());
    api::Model { name: name.to_owned(), patterns: patterns.collect() }
}

impl From<&LimitStats> for api::LimitStats {
    fn from(stats: &LimitStats) -> Self {
        let LimitStats { limit, refused, would_refuse, buckets } = stats;
        Self {
            name: limit.name.to_string(),
            measure: limit.measure.word().to_owned(),
            limit: signed(limit.measure.amount()),
            trial: limit.trial.map(|trial| signed(trial.get())),
            refused: signed(*refused),
            would_refuse: signed(*would_refuse),
            buckets: buckets.iter().map(api::BucketStanding::from).collect(),
        }
    }
}

impl From<&BucketStanding> for api::BucketStanding {
    fn from(bucket: &BucketStanding) -> Self {
        let BucketStanding { of, remaining, trial_remaining } = bucket;
        Self {
            client: of.client.as_ref().map(ToString::to_string),
            group: of.group.as_ref().map(ToString::to_string),
            plan: of.plan.as_ref().map(ToString::to_string),
            model: of.model.as_ref().map(|model| model.as_str().to_owned()),
            remaining: signed(*remaining),
            trial_remaining: trial_remaining.map(signed),
        }
    }
}

/// How many buckets, and behind which one.
pub(super) fn bucket_page(
    request: &api::GetLimitStatsRequest,
) -> Result<(usize, Option<BucketOf>), Status> {
    let max = page_size(request.page_size, BUCKETS_AT_A_TIME, BUCKETS_AT_A_TIME_MAX)?;
    let after = match request.page_token.as_str() {
        "" => None,
        token => Some(cursor::read(token).map_err(|_| no_token(token))?),
    };
    Ok((max, after))
}

/// The part of a list of things whose names are `N` that a page asks for.
pub(super) fn section<N: for<'a> TryFrom<&'a str>>(
    page_size: i32,
    token: &str,
    prefix: &str,
) -> Result<Section, Status> {
    let max = self::page_size(page_size, RULES_AT_A_TIME, RULES_AT_A_TIME)?;
    if !token.is_empty() && !is_cursor::<N>(token, prefix) {
        return Err(no_token(token));
    }
    let after = Some(token.to_owned()).filter(|token| !token.is_empty());
    Ok(Section { after, prefix: prefix.to_owned(), max: Some(max) })
}

/// How many lines of the audit are asked for, and below which id.
pub(super) fn audit_page(size: i32, token: &str) -> Result<(usize, Option<u64>), Status> {
    let max = page_size(size, ENTRIES_AT_A_TIME, ENTRIES_AT_A_TIME_MAX)?;
    let before = Some(token).filter(|token| !token.is_empty());
    let before = before.map(|token| number(token).ok_or_else(|| no_token(token))).transpose()?;
    Ok((max, before))
}

/// How many things an answer is to have at most.
pub(super) fn page_size(given: i32, usual: usize, max: usize) -> Result<usize, Status> {
    match usize::try_from(given) {
        Ok(0) => Ok(usual),
        Ok(size) if size <= max => Ok(size),
        _ => Err(Status::invalid_argument(format!(
            "page_size must be 0 ({usual}) or an integer from 1 to {max}, not {given}"
        ))),
    }
}

/// An answer cannot go on there.
pub(super) fn no_token(token: &str) -> Status {
    let given = Excerpt::quoted(token);
    Status::invalid_argument(format!(
        "page_token must be an earlier answer's next_page_token, or absent, not {given}"
    ))
}
