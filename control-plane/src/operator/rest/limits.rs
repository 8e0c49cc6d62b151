//! The calls on limits and models.

use std::{collections::BTreeMap, num::NonZeroU64, sync::Arc};

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;

use super::{
    bucket_of::BucketOfJson,
    describe,
    draft::{PatternList, Replacement},
    head::PathId,
    page, query,
    shapes::{Done, tagged},
};
use crate::{
    excerpt::Excerpt,
    http::ApiError,
    ledger::{BucketStanding, LimitStats},
    limits::{LimitJson, LimitName, Name, Patterns},
    operator::{
        Caller, LimitDraft, ModelDraft, Operator, Precondition, Tag,
        bucket_page::{self, BUCKETS_AT_A_TIME, BUCKETS_AT_A_TIME_MAX, BucketPage},
        cursor,
        page::Page,
    },
};

type Answer = Result<Response, ApiError>;

#[derive(Serialize)]
struct LimitList<'a> {
    limits: BTreeMap<&'a str, LimitJson<'a>>,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct ModelList<'a> {
    models: BTreeMap<&'a str, &'a Patterns>,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// All limits beside clients' own.
#[utoipa::path(
    get,
    path = "/api/v1/limits",
    tag = "limits",
    operation_id = "listLimits",
    params(describe::LimitPage),
    responses((status = 200, description = "All limits.", body = describe::LimitList),
        describe::BadQuery),
)]
pub(super) async fn list(
    State(operator): State<Arc<Operator>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let section = page::section::<LimitName>(query.as_deref())?;
    let limits = operator.limits(&caller);
    let Page { items, next } = section.of(limits.iter(), |limit| limit.name.as_str());
    let count = items.len();
    let by_name = items.into_iter().map(|limit| (limit.name.as_str(), LimitJson::from(limit)));
    let list = LimitList { limits: by_name.collect(), count, next_cursor: next };
    Ok(Json(list).into_response())
}

/// A limit.
#[utoipa::path(
    get,
    path = "/api/v1/limits/{name}",
    tag = "limits",
    operation_id = "getLimit",
    params(describe::LimitInPath),
    responses((status = 200, description = "The limit.", body = describe::Limit, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::NotThere),
)]
pub(super) async fn show(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
) -> Answer {
    let limit = operator.limit(&name, &caller)?;
    Ok(tagged(&limit.tag, Json(LimitJson::from(&limit.value))))
}

/// Replaces all of a limit, or creates it; what was spent of it stays spent.
#[utoipa::path(
    put,
    path = "/api/v1/limits/{name}",
    tag = "limits",
    operation_id = "putLimit",
    params(describe::LimitInPath, describe::ConditionOfNew),
    request_body(content = describe::LimitFields, content_type = "application/json"),
    responses((status = 200, description = "It was replaced.", body = describe::LimitWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        (status = 201, description = "It was created.", body = describe::LimitWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::BadBody,
        describe::NotChanged),
)]
pub(super) async fn replace(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
    precondition: Precondition,
    Replacement(draft): Replacement<LimitDraft>,
) -> Answer {
    let draft = LimitDraft { addressed_to: Some(name), ..draft };
    let change = operator.set_limit(draft, precondition, &caller).await?;
    let config = LimitJson::from(&change.limit);
    Ok(written(change.before.is_none(), &change.tag(), &Done::with(change.to_string(), config)))
}

/// Deletes a limit.
#[utoipa::path(
    delete,
    path = "/api/v1/limits/{name}",
    tag = "limits",
    operation_id = "deleteLimit",
    params(describe::LimitInPath, describe::Condition),
    responses((status = 200, description = "It was deleted.", body = describe::Done),
        describe::NotThere,
        describe::NotChanged),
)]
pub(super) async fn remove(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
    precondition: Precondition,
) -> Answer {
    let removal = operator.remove_limit(&name, precondition, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

/// What is left of a limit, bucket by bucket.
#[utoipa::path(
    get,
    path = "/api/v1/limits/{name}/stats",
    tag = "statistics",
    operation_id = "getLimitStats",
    params(describe::LimitInPath, describe::BucketPage),
    responses((status = 200, description = "Some of its buckets.", body = describe::LimitStats),
        describe::BadQuery,
        describe::NotThere),
)]
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
    #[serde(flatten)]
    of: BucketOfJson<'a>,
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
            of: BucketOfJson::from(&bucket.of),
            remaining: bucket.remaining,
            trial_remaining: bucket.trial_remaining,
        }
    }
}

/// All models.
#[utoipa::path(
    get,
    path = "/api/v1/models",
    tag = "models",
    operation_id = "listModels",
    params(describe::ModelPage),
    responses((status = 200, description = "All models.", body = describe::ModelList),
        describe::BadQuery),
)]
pub(super) async fn list_models(
    State(operator): State<Arc<Operator>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let section = page::section::<Name>(query.as_deref())?;
    let models = operator.models(&caller);
    let Page { items, next } = section.of(models.iter(), |(name, _)| name.as_str());
    let count = items.len();
    let by_name = items.into_iter().map(|(name, patterns)| (name.as_str(), patterns));
    let list = ModelList { models: by_name.collect(), count, next_cursor: next };
    Ok(Json(list).into_response())
}

/// A model's patterns.
#[utoipa::path(
    get,
    path = "/api/v1/models/{name}",
    tag = "models",
    operation_id = "getModel",
    params(describe::ModelInPath),
    responses((status = 200, description = "The patterns.", body = describe::Model, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::NotThere),
)]
pub(super) async fn show_model(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
) -> Answer {
    let model = operator.model(&name, &caller)?;
    Ok(tagged(&model.tag, Json(&model.value)))
}

/// Replaces all of a model, or creates it.
#[utoipa::path(
    put,
    path = "/api/v1/models/{name}",
    tag = "models",
    operation_id = "putModel",
    params(describe::ModelInPath, describe::ConditionOfNew),
    request_body(content = describe::Model, content_type = "application/json"),
    responses((status = 200, description = "It was replaced.", body = describe::ModelWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        (status = 201, description = "It was created.", body = describe::ModelWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::BadBody,
        describe::NotChanged),
)]
pub(super) async fn replace_model(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
    precondition: Precondition,
    PatternList(patterns): PatternList,
) -> Answer {
    let draft = ModelDraft { addressed_to: Some(name), patterns, ..ModelDraft::default() };
    let change = operator.set_model(draft, precondition, &caller).await?;
    let done = Done::with(change.to_string(), &change.patterns);
    Ok(written(change.before.is_none(), &change.tag(), &done))
}

/// Deletes a model that no limit names.
#[utoipa::path(
    delete,
    path = "/api/v1/models/{name}",
    tag = "models",
    operation_id = "deleteModel",
    params(describe::ModelInPath, describe::Condition),
    responses((status = 200, description = "It was deleted.", body = describe::Done),
        describe::NotThere,
        describe::NotChanged),
)]
pub(super) async fn remove_model(
    State(operator): State<Arc<Operator>>,
    PathId(name): PathId,
    caller: Caller,
    precondition: Precondition,
) -> Answer {
    let removal = operator.remove_model(&name, precondition, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

fn written(is_new: bool, tag: &Tag, done: &impl Serialize) -> Response {
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    (status, tagged(tag, Json(done))).into_response()
}
