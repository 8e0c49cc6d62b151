//! Amazon Bedrock: Converse as a document or in binary frames, and a model that is invoked, whose
//! tokens stand in headers.

use http::HeaderName;
use serde_json::{Value, json};

use super::answer::{Answer, Tokens};
use super::anthropic;
use super::behaviour::{Behaviour, Finish, Header};
use super::reply::{Event, Framing, Reply};

/// How a request wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Converse,
    ConverseStream,
    Invoke,
}

impl Operation {
    /// By the last part of the path.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (before, operation) = path.rsplit_once('/')?;
        let operation = match operation {
            "converse" => Self::Converse,
            "converse-stream" => Self::ConverseStream,
            "invoke" => Self::Invoke,
            _ => return None,
        };
        before.contains("/model/").then_some(operation)
    }
}

/// The answer to a request.
pub(super) fn answer(operation: Operation, request: &Value, behaviour: &Behaviour) -> Reply {
    let answer = Answer::new(json!("mock"), &request["messages"], behaviour);
    match operation {
        Operation::Converse => Reply::Json(document(&answer, behaviour)),
        Operation::ConverseStream => {
            Reply::Stream(Framing::AmazonFrames, events(&answer, behaviour))
        }
        Operation::Invoke => anthropic::message(request, behaviour),
    }
}

/// What an invoked model's tokens are, apart from its own answer.
pub(super) fn headers(request: &Value, behaviour: &Behaviour) -> Vec<Header> {
    let tokens = Answer::new(json!("mock"), &request["messages"], behaviour).tokens;
    vec![
        (HeaderName::from_static("x-amzn-bedrock-input-token-count"), tokens.prompt.into()),
        (HeaderName::from_static("x-amzn-bedrock-output-token-count"), tokens.completion.into()),
    ]
}

/// The body of a failed request.
pub(super) fn error(message: &str) -> Value {
    json!({"message": message})
}

fn document(answer: &Answer, behaviour: &Behaviour) -> Value {
    let mut document = json!({
        "metrics": {"latencyMs": 600},
        "output": {"message": {"role": "assistant", "content": [{"text": answer.text()}]}},
        "stopReason": stop_reason(behaviour.finish),
    });
    behaviour.usage.put(&mut document, "usage", usage(&answer.tokens));
    document
}

fn events(answer: &Answer, behaviour: &Behaviour) -> Vec<Event> {
    let mut events = vec![Event::named("messageStart", json!({"p": "abcd", "role": "assistant"}))];
    events.extend(answer.pieces.iter().map(|piece| {
        let delta = json!({"contentBlockIndex": 0, "delta": {"text": piece.text}, "p": "abcdef"});
        Event::named("contentBlockDelta", delta).with_output(piece.tokens)
    }));
    let mut metadata = json!({"metrics": {"latencyMs": 600}, "p": "ab"});
    behaviour.usage.put(&mut metadata, "usage", usage(&answer.tokens));
    events.extend([
        Event::named("contentBlockStop", json!({"contentBlockIndex": 0, "p": "abc"})),
        Event::named("messageStop", json!({"p": "a", "stopReason": stop_reason(behaviour.finish)})),
        Event::named("metadata", metadata),
    ]);
    events
}

fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Failed => "end_turn",
        Finish::Length => "max_tokens",
    }
}

/// Unlike OpenAI's, the prompt is without what was cached.
fn usage(tokens: &Tokens) -> Value {
    let cached = tokens.cache_read.saturating_add(tokens.cache_creation);
    json!({
        "inputTokens": tokens.prompt,
        "outputTokens": tokens.completion,
        "totalTokens": tokens.total().saturating_add(cached),
        "cacheReadInputTokens": tokens.cache_read,
        "cacheReadInputTokenCount": tokens.cache_read,
        "cacheWriteInputTokens": tokens.cache_creation,
        "cacheWriteInputTokenCount": tokens.cache_creation,
    })
}
