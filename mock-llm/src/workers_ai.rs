//! Cloudflare's Workers AI: a document in the envelope of Cloudflare's API, or events without one.

use serde_json::{Value, json};

use super::answer::{Answer, Tokens};
use super::behaviour::Behaviour;
use super::reply::{Event, Reply};

/// The answer to a request that runs a model.
pub(super) fn run(request: &Value, behaviour: &Behaviour) -> Reply {
    let answer = Answer::new(json!("mock"), &request["messages"], behaviour);
    if request["stream"] != json!(true) {
        let mut result = json!({"response": answer.text(), "tool_calls": []});
        behaviour.usage.put(&mut result, "usage", usage(&answer.tokens));
        return Reply::Json(
            json!({"result": result, "success": true, "errors": [], "messages": []}),
        );
    }
    let mut events: Vec<Event> = answer
        .pieces
        .iter()
        .map(|piece| {
            let event = json!({"response": piece.text, "p": "abdefghijk"});
            Event::data(event).with_output(piece.tokens)
        })
        .collect();
    let mut last = json!({"response": ""});
    behaviour.usage.put(&mut last, "usage", usage(&answer.tokens));
    events.extend([Event::data(last), Event::done()]);
    Reply::events(events)
}

/// The body of a failed request.
pub(super) fn error(message: &str) -> Value {
    let error = json!({"code": 3030, "message": message});
    json!({"result": null, "success": false, "errors": [error], "messages": []})
}

fn usage(tokens: &Tokens) -> Value {
    json!({
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.total(),
    })
}
