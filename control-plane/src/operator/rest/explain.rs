//! The call that explains what would be decided over a client's request.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use limiter::{Tokens, Wait};
use serde::Serialize;

use super::{bucket_of::BucketOfJson, describe, head::PathId, query};
use crate::{
    excerpt::Excerpt,
    http::ApiError,
    ledger::{Applies, LimitLeft, LimitOutlook},
    limits::{MatchJson, Per},
    operator::{
        Caller, Explanation, Given, Operator, QuestionDraft, explain::whose_bucket, page::number,
    },
};

/// What would be decided over a request of a client now, and why. It costs nothing, and nobody need be
/// configured under the id.
#[utoipa::path(
    get,
    path = "/api/v1/clients/{id}/explain",
    tag = "statistics",
    operation_id = "explainClient",
    params(describe::ClientInPath, describe::Question),
    responses((status = 200, description = "What would be decided.", body = describe::Explanation),
        describe::BadQuery),
)]
pub(super) async fn explain(
    State(operator): State<Arc<Operator>>,
    PathId(client_id): PathId,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Result<Response, ApiError> {
    let [tokens, model] = query::read(query.as_deref(), ["tokens", "model"])?;
    let tokens = tokens.map_or(Given::Absent, |text| match number(&text) {
        Some(number) => Given::Value(Some(number)),
        None => Given::Wrong(Excerpt::quoted(&text)),
    });
    let model = model.map_or(Given::Absent, Given::Value);
    let draft = QuestionDraft { client_id, tokens, model };
    let explanation = operator.explain(draft, &caller).await?;
    Ok(Json(ExplanationJson::from(&explanation)).into_response())
}

#[derive(Serialize)]
pub(super) struct ExplanationJson<'a> {
    client_id: &'a str,
    configured: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_clients: Option<&'static str>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    would_pass: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<bool>,
    message: String,
    in_flight: usize,
    limits: Vec<LimitOutlookJson<'a>>,
}

#[derive(Serialize)]
struct LimitOutlookJson<'a> {
    name: &'a str,
    measure: &'static str,
    limit: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<u64>,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<bool>,
    enforced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    covers: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    bucket: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_of: Option<BucketOfJson<'a>>,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    matches: Option<MatchJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    each: Vec<&'static str>,
}

impl<'a> From<&'a Explanation> for ExplanationJson<'a> {
    fn from(explanation: &'a Explanation) -> Self {
        let (retry_after_ms, never) = wait(explanation.wait());
        let outlook = &explanation.outlook;
        Self {
            client_id: &explanation.client,
            configured: explanation.enabled().is_some(),
            enabled: explanation.enabled(),
            unknown_clients: explanation.unknown_clients(),
            model: outlook.model.as_str(),
            tokens: outlook.reserves.map(Tokens::get),
            would_pass: explanation.would_pass(),
            error: explanation.error(),
            limit: explanation.refusal().map(|refusal| refusal.limit.as_str()),
            retry_after_ms,
            never,
            message: explanation.to_string(),
            in_flight: explanation.in_flight,
            limits: outlook.limits.iter().map(|limit| limit_json(explanation, limit)).collect(),
        }
    }
}

fn limit_json<'a>(explanation: &Explanation, of: &'a LimitOutlook) -> LimitOutlookJson<'a> {
    let (retry_after_ms, never) = wait(of.wait);
    let quota = of.measure.quota();
    let (bucket_of, matches, each) = match &of.applies {
        Applies::Own | Applies::Unknown => (None, None, Vec::new()),
        Applies::Rule { matches, each, bucket } => {
            (Some(bucket.into()), Some(matches.into()), each.words().collect())
        }
    };
    LimitOutlookJson {
        name: of.limit.as_str(),
        measure: of.measure.word(),
        limit: of.measure.amount(),
        per: quota.map(|quota| Per(quota.window()).to_string()),
        burst: quota.map(|quota| quota.burst()),
        mode: of.mode.word(),
        trial: of.is_trial.then_some(true),
        enforced: of.is_enforced(),
        remaining: of.left.map(LimitLeft::whole),
        in_flight: of.left.and_then(LimitLeft::taken),
        covers: of.covers(),
        retry_after_ms,
        never,
        why: explanation.why_never(of),
        bucket: whose_bucket(&of.applies),
        bucket_of,
        matches,
        each,
    }
}

/// Milliseconds, or never; of what is covered neither.
fn wait(wait: Option<Wait>) -> (Option<u64>, Option<bool>) {
    match wait {
        None => (None, None),
        Some(Wait::Millis(ms)) => (Some(ms), None),
        Some(Wait::Never) => (None, Some(true)),
    }
}
