//! What would be decided over a request, in the wire's types.

use limiter::{Tokens, Wait};
use proto::api;

use super::convert::{signed, unsigned};
use crate::{
    ledger::{Applies, BucketOf, LimitLeft, LimitOutlook},
    limits::{Match, ModelName, Per},
    operator::{Explanation, Given, QuestionDraft, explain::whose_bucket},
};

impl From<api::ExplainClientRequest> for QuestionDraft {
    fn from(request: api::ExplainClientRequest) -> Self {
        Self {
            client_id: request.client_id,
            tokens: unsigned(request.tokens),
            model: request.model.map_or(Given::Absent, Given::Value),
        }
    }
}

impl From<&Explanation> for api::ExplainClientResponse {
    fn from(explanation: &Explanation) -> Self {
        let (retry_after_ms, never) = wait(explanation.wait());
        let outlook = &explanation.outlook;
        Self {
            client_id: explanation.client.clone(),
            configured: explanation.enabled().is_some(),
            enabled: explanation.enabled(),
            unknown_clients: explanation.unknown_clients().map(str::to_owned),
            model: outlook.model.as_str().to_owned(),
            tokens: outlook.reserves.map(Tokens::get).map(signed),
            would_pass: explanation.would_pass(),
            error: explanation.error().map(str::to_owned),
            limit: explanation.refusal().map(|refusal| refusal.limit.as_str().to_owned()),
            retry_after_ms,
            never,
            message: explanation.to_string(),
            in_flight: i64::try_from(explanation.in_flight).unwrap_or(i64::MAX),
            limits: outlook.limits.iter().map(|of| limit_outlook(explanation, of)).collect(),
        }
    }
}

fn limit_outlook(explanation: &Explanation, of: &LimitOutlook) -> api::LimitOutlook {
    let (retry_after_ms, never) = wait(of.wait);
    let quota = of.measure.quota();
    let (bucket_of, matches, each) = match &of.applies {
        Applies::Own | Applies::Unknown => (None, None, Vec::new()),
        Applies::Rule { matches, each, bucket } => {
            let each = each.words().map(str::to_owned).collect();
            (Some(bucket.into()), Some(matches.into()), each)
        }
    };
    api::LimitOutlook {
        name: of.limit.as_str().to_owned(),
        measure: of.measure.word().to_owned(),
        limit: signed(of.measure.amount()),
        per: quota.map(|quota| Per(quota.window()).to_string()),
        burst: quota.map(|quota| signed(quota.burst())),
        mode: of.mode.word().to_owned(),
        trial: of.is_trial,
        enforced: of.is_enforced(),
        remaining: of.left.map(LimitLeft::whole),
        in_flight: of.left.and_then(LimitLeft::taken).map(signed),
        covers: of.covers(),
        retry_after_ms,
        never,
        why: explanation.why_never(of),
        bucket: whose_bucket(&of.applies).to_owned(),
        bucket_of,
        r#match: matches,
        each,
    }
}

impl From<&BucketOf> for api::LimitMatch {
    fn from(of: &BucketOf) -> Self {
        Self {
            client: of.client.as_ref().map(ToString::to_string),
            group: of.group.as_ref().map(ToString::to_string),
            plan: of.plan.as_ref().map(ToString::to_string),
            model: of.model.as_ref().map(|model| model.as_str().to_owned()),
        }
    }
}

impl From<&Match> for api::LimitMatch {
    fn from(matches: &Match) -> Self {
        let model = matches.model.as_ref().map(ModelName::as_str);
        Self {
            client: matches.client.as_ref().map(ToString::to_string),
            group: matches.group.as_ref().map(ToString::to_string),
            plan: matches.plan.as_ref().map(ToString::to_string),
            model: model.map(str::to_owned),
        }
    }
}

/// Milliseconds, or never; of what is covered neither.
fn wait(wait: Option<Wait>) -> (Option<i64>, bool) {
    match wait {
        None => (None, false),
        Some(Wait::Millis(ms)) => (Some(signed(ms)), false),
        Some(Wait::Never) => (None, true),
    }
}
