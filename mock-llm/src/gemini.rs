//! Gemini's generateContent, and its stream: server-sent events with `alt=sse`, else one JSON
//! array that grows.

use std::iter;

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Tokens};
use super::behaviour::{Behaviour, Content, ErrorPlace, Finish};
use super::reply::{Event, Reply};

/// How a request wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Events,
    Array,
}

/// The answer of `model` to a request.
pub(super) fn content(
    model: &str,
    delivery: Delivery,
    request: &Value,
    behaviour: &Behaviour,
) -> Reply {
    let answer = Answer::new(json!(model), &request["contents"], behaviour);
    if delivery == Delivery::Whole {
        let finish = Some(behaviour.finish);
        return Reply::Json(response(&answer, &answer.text(), finish, &answer.tokens, behaviour));
    }
    let last = answer.pieces.len().saturating_sub(1);
    let mut responses: Vec<Value> = answer
        .pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| {
            let fails = behaviour.error == Some(ErrorPlace::Event);
            let finish = Some(behaviour.finish).filter(|_| index == last && !fails);
            response(&answer, &piece.text, finish, &answer.tokens_after(index + 1), behaviour)
        })
        .collect();
    if behaviour.error == Some(ErrorPlace::Event) {
        responses.push(error(StatusCode::SERVICE_UNAVAILABLE, "failed as requested"));
    }
    match delivery {
        Delivery::Events => {
            let tokens = answer.pieces.iter().map(|piece| piece.tokens).chain(iter::repeat(0));
            let events = responses.into_iter().zip(tokens);
            Reply::events(
                events
                    .map(|(response, tokens)| Event::data(response).with_output(tokens))
                    .collect(),
            )
        }
        Delivery::Array | Delivery::Whole => Reply::Array(responses),
    }
}

/// The body of a failed request.
pub(super) fn error(status: StatusCode, message: &str) -> Value {
    let name = match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    json!({"error": {"code": status.as_u16(), "message": message, "status": name}})
}

/// The list of models.
pub(super) fn models() -> Value {
    json!({"models": [{
        "name": "models/mock",
        "version": "001",
        "displayName": "Mock",
        "description": "Answers without a model",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent"],
    }]})
}

fn response(
    answer: &Answer,
    text: &str,
    finish: Option<Finish>,
    tokens: &Tokens,
    behaviour: &Behaviour,
) -> Value {
    let mut parts = vec![json!({"text": text})];
    if behaviour.content == Content::Adversarial {
        // The arguments of a function are JSON of the model's own.
        let arguments = json!({"usageMetadata": {"totalTokenCount": 999_999}});
        parts.push(json!({"functionCall": {"name": "report", "args": arguments}}));
    }
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish_reason(finish));
    }
    let mut response = json!({
        "candidates": [candidate],
        "modelVersion": answer.model,
        "responseId": format!("mock-{}", answer.number),
    });
    behaviour.usage.put(&mut response, "usageMetadata", usage(tokens));
    response
}

fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Failed => "OTHER",
    }
}

/// Counts of zero are left out, as protocol buffers leave them out.
fn usage(tokens: &Tokens) -> Value {
    let mut usage = json!({
        "promptTokenCount": tokens.prompt,
        "candidatesTokenCount": tokens.completion,
        "totalTokenCount": tokens.total_with_thoughts(),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.prompt}],
    });
    if tokens.cached > 0 {
        usage["cachedContentTokenCount"] = json!(tokens.cached);
    }
    if tokens.thoughts > 0 {
        usage["thoughtsTokenCount"] = json!(tokens.thoughts);
    }
    usage
}
