//! OpenAI's APIs, one in each file, and what they have in common: errors and the list of models.

pub(super) mod chat;
pub(super) mod completions;
pub(super) mod embeddings;
pub(super) mod responses;
mod stream;
pub(super) mod transcription;

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Tokens;
use super::behaviour::{Behaviour, ErrorPlace, Finish};

/// What an error is that stands behind a status that tells of none.
const SERVER_ERROR: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// The body of a failed request.
pub(super) fn error(status: StatusCode, message: &str) -> Value {
    let (kind, code) = match status {
        StatusCode::UNAUTHORIZED => ("invalid_request_error", Some("invalid_api_key")),
        StatusCode::NOT_FOUND => ("invalid_request_error", Some("model_not_found")),
        StatusCode::TOO_MANY_REQUESTS => ("tokens", Some("rate_limit_exceeded")),
        status if status.is_server_error() => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

/// The list of models.
pub(super) fn models() -> Value {
    let model = json!({"id": "mock", "object": "model", "created": 0, "owned_by": "mock-llm"});
    json!({"object": "list", "data": [model]})
}

/// The usage object of chats and completions.
fn usage(tokens: &Tokens) -> Value {
    json!({
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.total(),
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Failed => "stop",
        Finish::Length => "length",
    }
}

/// Whether a stream ends with an error, which it then carries in an event of its own.
fn fails_in_stream(behaviour: &Behaviour) -> bool {
    behaviour.error == Some(ErrorPlace::Event)
}
