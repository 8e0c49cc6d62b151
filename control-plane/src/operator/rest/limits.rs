//! The calls on limits and models.

use std::{collections::BTreeMap, num::NonZeroU64, sync::Arc};

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use limiter::ClientId;
use serde::Serialize;

use super::{
    draft::{PatternList, Replacement},
    head::PathId,
    query,
    shapes::{Done, tagged},
};
use crate::{
    excerpt::Excerpt,
    http::ApiError,
    ledger::{BucketStanding, LimitStats},
    limits::{Group, LimitJson, ModelName, Name, Patterns},
    operator::{
        Caller, IfMatch, LimitDraft, ModelDraft, Operator, Tag,
        bucket_page::{self, BUCKETS_AT_A_TIME, BUCKETS_AT_A_TIME_MAX, BucketPage},
        cursor,
    },
};

type Answer = Result<Response, ApiError>;

#[derive(Serialize)]
struct LimitList<'a> {
    limits: BTreeMap<&'a str, LimitJson<'a>>,
    count: usize,
}

#[derive(Serialize)]
struct ModelList<'a> {
    models: BTreeMap<&'a str, &'a Patterns>,
    count: usize,
}

pub(super) async fn list(State(operator): State<Arc<Operator>>, caller: Caller) -> Response {
    let limits = operator.limits(&caller);
    let by_name = limits.iter().map(|limit| (limit.name.as_str(), LimitJson::from(limit)));
    Json(LimitList { limits: by_name.collect(), count: limits.len() }).into_response()
}

pub(super) async fn show(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
) -> Answer {
    let limit = operator.limit(&name, &caller)?;
    Ok(tagged(&limit.tag, Json(LimitJson::from(&limit.value))))
}

pub(super) async fn replace(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
    if_match: IfMatch,
    Replacement(draft): Replacement<LimitDraft>,
) -> Answer {
    let draft = LimitDraft { addressed_to: Some(name), ..draft };
    let change = operator.set_limit(draft, if_match, &caller).await?;
    let config = LimitJson::from(&change.limit);
    Ok(written(change.before.is_none(), &change.tag(), &Done::with(change.to_string(), config)))
}

pub(super) async fn remove(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
    if_match: IfMatch,
) -> Answer {
    let removal = operator.remove_limit(&name, if_match, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

pub(super) async fn stats(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let [limit, cursor] = query::read(query.as_deref(), ["limit", "cursor"])?;
    let max = query::limit(limit.as_deref(), BUCKETS_AT_A_TIME, BUCKETS_AT_A_TIME_MAX)?;
    let after = match cursor.as_deref().map(|text| (text, cursor::read(text))) {
        None => None,
        Some((_, Ok(after))) => Some(after),
        Some((text, Err(cursor::InvalidCursor))) => {
            let value = Excerpt::quoted(text);
            return Err(query::invalid(format!(
                "cursor must be an earlier answer's next_cursor, or absent, not {value}"
            )));
        }
    };
    let page = bucket_page::read(&operator, &name, after.as_ref(), max, &caller).await?;
    Ok(Json(Stats::from(&page)).into_response())
}

#[derive(Serialize)]
struct Stats<'a> {
    name: &'a str,
    measure: &'static str,
    limit: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<u64>,
    refused: u64,
    would_refuse: u64,
    buckets: Vec<Bucket<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

#[derive(Serialize)]
struct Bucket<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    remaining: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_remaining: Option<u64>,
}

impl<'a> From<&'a BucketPage> for Stats<'a> {
    fn from(page: &'a BucketPage) -> Self {
        let LimitStats { limit, refused, would_refuse, buckets } = &page.stats;
        Self {
            name: limit.name.as_str(),
            measure: limit.measure.word(),
            limit: limit.measure.amount(),
            trial: limit.trial.map(NonZeroU64::get),
            refused: *refused,
            would_refuse: *would_refuse,
            buckets: buckets.iter().map(Bucket::from).collect(),
            next_cursor: page.next.as_deref(),
        }
    }
}

impl<'a> From<&'a BucketStanding> for Bucket<'a> {
    fn from(bucket: &'a BucketStanding) -> Self {
        Self {
            client: bucket.of.client.as_ref().map(ClientId::as_str),
            group: bucket.of.group.as_ref().map(Group::as_str),
            plan: bucket.of.plan.as_ref().map(Name::as_str),
            model: bucket.of.model.as_ref().map(ModelName::as_str),
            remaining: bucket.remaining,
            trial_remaining: bucket.trial_remaining,
        }
    }
}

pub(super) async fn list_models(State(operator): State<Arc<Operator>>, caller: Caller) -> Response {
    let models = operator.models(&caller);
    let by_name = models.iter().map(|(name, patterns)| (name.as_str(), patterns));
    Json(ModelList { models: by_name.collect(), count: models.len() }).into_response()
}

pub(super) async fn show_model(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
) -> Answer {
    let model = operator.model(&name, &caller)?;
    Ok(tagged(&model.tag, Json(&model.value)))
}

pub(super) async fn replace_model(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
    if_match: IfMatch,
    PatternList(patterns): PatternList,
) -> Answer {
    let draft = ModelDraft { addressed_to: Some(name), patterns, ..ModelDraft::default() };
    let change = operator.set_model(draft, if_match, &caller).await?;
    let done = Done::with(change.to_string(), &change.patterns);
    Ok(written(change.before.is_none(), &change.tag(), &done))
}

pub(super) async fn remove_model(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
    if_match: IfMatch,
) -> Answer {
    let removal = operator.remove_model(&name, if_match, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

fn written(is_new: bool, tag: &Tag, done: &impl Serialize) -> Response {
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    (status, tagged(tag, Json(done))).into_response()
}
