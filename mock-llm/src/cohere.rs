//! Cohere's chat, second version: typed events, with what was billed and what was used in the last.

use serde_json::{Value, json};

use super::answer::{Answer, Tokens};
use super::behaviour::{Behaviour, Finish};
use super::reply::{Event, Reply};

/// The answer to a chat request.
pub(super) fn chat(request: &Value, behaviour: &Behaviour) -> Reply {
    let answer = Answer::new(request["model"].clone(), &request["messages"], behaviour);
    let id = format!("mock-{}", answer.number);
    if request["stream"] != json!(true) {
        let content = json!([{"type": "text", "text": answer.text()}]);
        let mut document = json!({
            "id": id,
            "finish_reason": finish_reason(behaviour.finish),
            "message": {"role": "assistant", "content": content},
        });
        behaviour.usage.put(&mut document, "usage", usage(&answer.tokens));
        return Reply::Json(document);
    }
    let message = json!({"role": "assistant", "content": [], "tool_calls": [], "citations": []});
    let block = json!({"message": {"content": {"type": "text", "text": ""}}});
    let mut events = vec![
        Event::typed("message-start", json!({"id": id, "delta": {"message": message}})),
        Event::typed("content-start", json!({"index": 0, "delta": block})),
    ];
    events.extend(answer.pieces.iter().map(|piece| {
        let delta = json!({"message": {"content": {"text": piece.text}}});
        Event::typed("content-delta", json!({"index": 0, "delta": delta})).with_output(piece.tokens)
    }));
    let mut end = json!({"finish_reason": finish_reason(behaviour.finish)});
    behaviour.usage.put(&mut end, "usage", usage(&answer.tokens));
    events.extend([
        Event::typed("content-end", json!({"index": 0})),
        Event::typed("message-end", json!({"delta": end})),
        Event::done(),
    ]);
    Reply::events(events)
}

/// The body of a failed request.
pub(super) fn error(message: &str) -> Value {
    json!({"id": "mock", "message": message})
}

fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "COMPLETE",
        Finish::Length => "MAX_TOKENS",
        Finish::Failed => "ERROR",
    }
}

/// Less is billed than used: not the prompt that Cohere adds to a client's.
fn usage(tokens: &Tokens) -> Value {
    json!({
        "billed_units": {"input_tokens": tokens.prompt / 2, "output_tokens": tokens.completion},
        "tokens": {"input_tokens": tokens.prompt, "output_tokens": tokens.completion},
        "cached_tokens": tokens.cached,
    })
}
