//! Ollama's chat and generate: lines of JSON unless the request says `"stream": false`, with the
//! figures in the last one. A figure of 0 is left out.

use serde_json::{Value, json};

use super::answer::Answer;
use super::behaviour::{Behaviour, Finish, Usage};
use super::reply::{Event, Framing, Reply};

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Chat,
    Generate,
}

/// The answer to a request.
pub(super) fn answer(endpoint: Endpoint, request: &Value, behaviour: &Behaviour) -> Reply {
    let prompt = match endpoint {
        Endpoint::Chat => &request["messages"],
        Endpoint::Generate => &request["prompt"],
    };
    let answer = Answer::new(request["model"].clone(), prompt, behaviour);
    let line = |text: &str| {
        let mut line =
            json!({"model": answer.model, "created_at": "2026-01-01T00:00:00.1Z", "done": false});
        match endpoint {
            Endpoint::Chat => line["message"] = json!({"role": "assistant", "content": text}),
            Endpoint::Generate => line["response"] = json!(text),
        }
        line
    };
    if request["stream"] == json!(false) {
        return Reply::Json(ended(line(&answer.text()), &answer, behaviour));
    }
    let words = answer.pieces.iter();
    let mut lines: Vec<Event> =
        words.map(|piece| Event::data(line(&piece.text)).with_output(piece.tokens)).collect();
    lines.push(Event::data(ended(line(""), &answer, behaviour)));
    Reply::Stream(Framing::Lines, lines)
}

/// The body of a failed request.
pub(super) fn error(message: &str) -> Value {
    json!({"error": message})
}

fn ended(mut line: Value, answer: &Answer, behaviour: &Behaviour) -> Value {
    line["done"] = json!(true);
    line["done_reason"] = json!(match behaviour.finish {
        Finish::Stop | Finish::Failed => "stop",
        Finish::Length => "length",
    });
    line["total_duration"] = json!(4_883_583_458_u64);
    let figures =
        [("prompt_eval_count", answer.tokens.prompt), ("eval_count", answer.tokens.completion)];
    if matches!(behaviour.usage, Usage::AsVendor | Usage::Continuous) {
        for (name, tokens) in figures.into_iter().filter(|(_, tokens)| *tokens > 0) {
            line[name] = json!(tokens);
        }
    }
    line
}
