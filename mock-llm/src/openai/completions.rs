//! Completions, chat's predecessor: text instead of messages, and the same object in a document
//! and in the events of a stream.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::behaviour::Behaviour;
use super::super::reply::Reply;
use super::{finish_reason, stream, usage};

/// The answer to a completion request.
pub(in super::super) fn answer(request: &Value, behaviour: &Behaviour) -> Reply {
    let answer = Answer::new(request["model"].clone(), &request["prompt"], behaviour);
    let mut envelope = json!({
        "id": format!("cmpl-mock-{}", answer.number),
        "object": "text_completion",
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": "fp_mock",
    });
    let stop = json!(finish_reason(behaviour.finish));
    if request["stream"] == json!(true) {
        let texts = answer.pieces.iter().map(|piece| choice(&piece.text, &Value::Null));
        let choices = texts.chain([choice("", &stop)]).collect();
        Reply::events(stream::events(&envelope, choices, &answer, request, behaviour))
    } else {
        envelope["choices"] = json!([choice(&answer.text(), &stop)]);
        behaviour.usage.put(&mut envelope, "usage", usage(&answer.tokens));
        Reply::Json(envelope)
    }
}

fn choice(text: &str, finish_reason: &Value) -> Value {
    json!({"text": text, "index": 0, "logprobs": null, "finish_reason": finish_reason})
}
