//! Anthropic's messages: one document, or named events whose usage is cumulative.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Tokens};
use super::behaviour::{Behaviour, Content, ErrorPlace, Finish, Usage};
use super::reply::{Event, Reply};

/// The answer to a message request.
pub(super) fn message(request: &Value, behaviour: &Behaviour) -> Reply {
    let answer = Answer::new(request["model"].clone(), &request["messages"], behaviour);
    if request["stream"] == json!(true) {
        Reply::events(events(&answer, behaviour))
    } else {
        Reply::Json(document(&answer, behaviour))
    }
}

/// The body of a failed request, and the last event of a failed stream.
pub(super) fn error(status: StatusCode, message: &str) -> Value {
    let kind = match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let error = json!({"type": kind, "message": message});
    json!({"type": "error", "error": error, "request_id": "req_mock"})
}

/// The list of models.
pub(super) fn models() -> Value {
    let model = json!({
        "type": "model",
        "id": "mock",
        "display_name": "Mock",
        "created_at": "2026-01-01T00:00:00Z",
    });
    json!({"data": [model], "has_more": false, "first_id": "mock", "last_id": "mock"})
}

fn envelope(answer: &Answer) -> Value {
    json!({
        "id": format!("msg_mock_{}", answer.number),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
    })
}

fn document(answer: &Answer, behaviour: &Behaviour) -> Value {
    let mut message = envelope(answer);
    let mut content = vec![json!({"type": "text", "text": answer.text()})];
    if behaviour.content == Content::Adversarial {
        // The input of a tool is JSON of the model's own.
        content.push(json!({
            "type": "tool_use",
            "id": format!("toolu_mock_{}", answer.number),
            "name": "report",
            "input": {"usage": {"input_tokens": 999_999, "output_tokens": 999_999}},
        }));
    }
    message["content"] = json!(content);
    message["stop_reason"] = json!(stop_reason(behaviour.finish));
    behaviour.usage.put(&mut message, "usage", usage(&answer.tokens));
    message
}

fn events(answer: &Answer, behaviour: &Behaviour) -> Vec<Event> {
    let mut message = envelope(answer);
    behaviour.usage.put(&mut message, "usage", usage(&answer.tokens_at_start()));
    let block = json!({"type": "text", "text": ""});
    let mut events = vec![
        Event::typed("message_start", json!({"message": message})),
        Event::typed("content_block_start", json!({"index": 0, "content_block": block})),
        Event::typed("ping", json!({})),
    ];
    events.extend(answer.pieces.iter().map(|piece| {
        let delta = json!({"type": "text_delta", "text": piece.text});
        Event::typed("content_block_delta", json!({"index": 0, "delta": delta}))
            .with_output(piece.tokens)
    }));
    if behaviour.error == Some(ErrorPlace::Event) {
        let overloaded = StatusCode::from_u16(529).expect("a status");
        events.push(Event::typed("error", error(overloaded, "failed as requested")));
        return events;
    }
    events.push(Event::typed("content_block_stop", json!({"index": 0})));
    if behaviour.usage == Usage::Continuous {
        let before = 1..answer.pieces.len();
        events.extend(
            before.map(|sent| message_delta(&Value::Null, &answer.tokens_after(sent), behaviour)),
        );
    }
    let stop_reason = json!(stop_reason(behaviour.finish));
    events.push(message_delta(&stop_reason, &answer.tokens, behaviour));
    events.push(Event::typed("message_stop", json!({})));
    events
}

fn message_delta(stop_reason: &Value, tokens: &Tokens, behaviour: &Behaviour) -> Event {
    let mut event = json!({"delta": {"stop_reason": stop_reason, "stop_sequence": null}});
    behaviour.usage.put(&mut event, "usage", cumulative_usage(tokens));
    Event::typed("message_delta", event)
}

fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Failed => "end_turn",
        Finish::Length => "max_tokens",
    }
}

fn usage(tokens: &Tokens) -> Value {
    let mut usage = cumulative_usage(tokens);
    usage["cache_creation"] = json!({
        "ephemeral_5m_input_tokens": tokens.cache_creation,
        "ephemeral_1h_input_tokens": 0,
    });
    usage["service_tier"] = json!("standard");
    usage
}

fn cumulative_usage(tokens: &Tokens) -> Value {
    json!({
        "input_tokens": tokens.prompt,
        "cache_creation_input_tokens": tokens.cache_creation,
        "cache_read_input_tokens": tokens.cache_read,
        "output_tokens": tokens.completion,
    })
}
