//! Chat completions: one document, or server-sent events that end with `[DONE]`.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::behaviour::Behaviour;
use super::super::content::Piece;
use super::super::reply::Reply;
use super::{finish_reason, stream, usage};

/// The answer to a chat completion request.
pub(in super::super) fn answer(request: &Value, behaviour: &Behaviour) -> Reply {
    let answer = Answer::new(request["model"].clone(), &request["messages"], behaviour);
    if request["stream"] == json!(true) {
        let envelope = envelope("chat.completion.chunk", &answer);
        let choices = deltas(&answer, behaviour);
        Reply::events(stream::events(&envelope, choices, &answer, request, behaviour))
    } else {
        Reply::Json(document(&answer, behaviour))
    }
}

fn envelope(object: &str, answer: &Answer) -> Value {
    json!({
        "id": format!("chatcmpl-mock-{}", answer.number),
        "object": object,
        "created": answer.created,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    })
}

fn document(answer: &Answer, behaviour: &Behaviour) -> Value {
    let mut document = envelope("chat.completion", answer);
    document["choices"] = json!([{
        "index": 0,
        "message": {
            "role": "assistant",
            "content": answer.text(),
            "refusal": null,
            "annotations": [],
        },
        "logprobs": null,
        "finish_reason": finish_reason(behaviour.finish),
    }]);
    behaviour.usage.put(&mut document, "usage", usage(&answer.tokens));
    document
}

fn deltas(answer: &Answer, behaviour: &Behaviour) -> Vec<Value> {
    let content = answer.pieces.iter().enumerate().map(|(index, Piece { text, .. })| {
        if index == 0 {
            json!({"role": "assistant", "content": text, "refusal": null})
        } else {
            json!({"content": text})
        }
    });
    let stop = choice(&json!({}), &json!(finish_reason(behaviour.finish)));
    content.map(|delta| choice(&delta, &Value::Null)).chain([stop]).collect()
}

fn choice(delta: &Value, finish_reason: &Value) -> Value {
    json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason})
}
