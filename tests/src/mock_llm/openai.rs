//! OpenAI's chat completions: one document, or server-sent events that end with `[DONE]`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;
use serde_json::{Value, json};

use super::behaviour::Behaviour;
use super::reply::Reply;

/// About what OpenAI's tokenizer needs for English text.
const BYTES_PER_TOKEN: u64 = 4;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Whether `path` is this API's, whatever prefix it is served under.
pub(super) fn is_chat_completions(path: &str) -> bool {
    path.ends_with("/chat/completions")
}

/// The answer to a chat completion request with this body.
pub(super) fn chat_completion(body: &[u8], behaviour: &Behaviour) -> Result<Reply, String> {
    let request: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let completion = Completion::of(&request, behaviour);
    if request["stream"] == json!(true) {
        let include_usage = request["stream_options"]["include_usage"] == json!(true);
        Ok(Reply::Events(completion.events(include_usage)))
    } else {
        Ok(Reply::Json(completion.document()))
    }
}

/// The body of a failed request.
pub(super) fn error(status: StatusCode, message: &str) -> Value {
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
}

struct Completion {
    id: String,
    created: u64,
    model: Value,
    chunks: Vec<String>,
    usage: Value,
}

impl Completion {
    fn of(request: &Value, behaviour: &Behaviour) -> Self {
        let chunks = content(behaviour);
        let prompt_bytes = request["messages"].to_string().len() as u64;
        let prompt = behaviour.prompt_tokens.unwrap_or(prompt_bytes.div_ceil(BYTES_PER_TOKEN));
        let answer = behaviour.completion_tokens.unwrap_or(chunks.len() as u64);
        Self {
            id: format!("chatcmpl-mock-{}", NEXT_ID.fetch_add(1, Ordering::Relaxed)),
            created: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| elapsed.as_secs()),
            model: request["model"].clone(),
            chunks,
            usage: json!({
                "prompt_tokens": prompt,
                "completion_tokens": answer,
                "total_tokens": prompt.saturating_add(answer),
            }),
        }
    }

    fn document(&self) -> Value {
        let message =
            json!({"role": "assistant", "content": self.chunks.concat(), "refusal": null});
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}],
            "usage": self.usage,
        })
    }

    fn events(&self, include_usage: bool) -> Vec<bytes::Bytes> {
        let content = self.chunks.iter().enumerate().map(|(index, text)| {
            let delta = if index == 0 {
                json!({"role": "assistant", "content": text})
            } else {
                json!({"content": text})
            };
            self.event(
                &json!([choice(&delta, &Value::Null)]),
                include_usage.then_some(&Value::Null),
            )
        });
        let stop = self.event(
            &json!([choice(&json!({}), &json!("stop"))]),
            include_usage.then_some(&Value::Null),
        );
        let usage = include_usage.then(|| self.event(&json!([]), Some(&self.usage)));
        content.chain([stop]).chain(usage).chain([Reply::data_event("[DONE]")]).collect()
    }

    fn event(&self, choices: &Value, usage: Option<&Value>) -> bytes::Bytes {
        let mut event = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            event["usage"] = usage.clone();
        }
        Reply::data_event(&event.to_string())
    }
}

fn choice(delta: &Value, finish_reason: &Value) -> Value {
    json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason})
}

fn content(behaviour: &Behaviour) -> Vec<String> {
    const WORDS: [&str; 8] =
        ["The ", "bucket ", "refills ", "while ", "you ", "read ", "this ", "line. "];
    let words = WORDS.iter().cycle().take(behaviour.chunks);
    match behaviour.chunk_bytes {
        None => words.map(|word| (*word).to_owned()).collect(),
        Some(bytes) => words.map(|word| word.chars().cycle().take(bytes).collect()).collect(),
    }
}
