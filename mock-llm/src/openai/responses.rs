//! Responses: the same object grows from event to event, and the last one repeats all of it.

use serde_json::{Value, json};

use super::super::answer::{Answer, Tokens};
use super::super::behaviour::{Behaviour, Finish, Usage};
use super::super::reply::{Event, Reply};
use super::fails_in_stream;

/// What the API hands back as it came.
const REPEATED: [&str; 12] = [
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
];

/// The answer to a response request.
pub(in super::super) fn answer(request: &Value, behaviour: &Behaviour) -> Reply {
    let answer = Answer::new(request["model"].clone(), &request["input"], behaviour);
    let response = Response { request, answer: &answer, behaviour };
    if request["stream"] == json!(true) {
        Reply::events(response.events())
    } else {
        Reply::Json(response.ended())
    }
}

struct Response<'a> {
    request: &'a Value,
    answer: &'a Answer,
    behaviour: &'a Behaviour,
}

impl Response<'_> {
    /// The object before anything is said.
    fn begun(&self) -> Value {
        let mut response = json!({
            "id": format!("resp_mock_{}", self.answer.number),
            "object": "response",
            "created_at": self.answer.created,
            "status": "in_progress",
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "max_output_tokens": null,
            "metadata": {},
            "model": self.answer.model,
            "output": [],
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "reasoning": {"effort": null, "summary": null},
            "service_tier": "default",
            "store": true,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": null,
            "user": null,
        });
        for name in REPEATED {
            if let Some(value) = self.request.get(name) {
                response[name] = value.clone();
            }
        }
        response
    }

    /// The object at the end.
    fn ended(&self) -> Value {
        let mut response = self.begun();
        response["status"] = match self.behaviour.finish {
            Finish::Stop => json!("completed"),
            Finish::Length => json!("incomplete"),
            Finish::Failed => json!("failed"),
        };
        match self.behaviour.finish {
            Finish::Stop => response["completed_at"] = json!(self.answer.created),
            Finish::Length => {
                response["incomplete_details"] = json!({"reason": "max_output_tokens"});
            }
            Finish::Failed => {
                response["error"] =
                    json!({"code": "server_error", "message": "failed as requested"});
            }
        }
        response["output"] = json!([self.message("completed", &[part(&self.answer.text())])]);
        if let Some(object) = response.as_object_mut() {
            object.remove("usage");
        }
        self.behaviour.usage.put(&mut response, "usage", usage(&self.answer.tokens));
        response
    }

    fn item_id(&self) -> String {
        format!("msg_mock_{}", self.answer.number)
    }

    fn message(&self, status: &str, content: &[Value]) -> Value {
        json!({
            "id": self.item_id(),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        })
    }

    fn events(&self) -> Vec<Event> {
        let text = self.answer.text();
        let part_at = json!({"item_id": self.item_id(), "output_index": 0, "content_index": 0});
        let in_part = |fields: Value| merged(&part_at, fields);
        let item = |item: Value| json!({"output_index": 0, "item": item});
        let begun = json!({"response": self.begun()});
        let mut events = vec![
            ("response.created", begun.clone()),
            ("response.in_progress", begun),
            ("response.output_item.added", item(self.message("in_progress", &[]))),
            ("response.content_part.added", in_part(json!({"part": part("")}))),
        ];
        for (index, piece) in self.answer.pieces.iter().enumerate() {
            let mut delta = in_part(json!({"delta": piece.text, "logprobs": []}));
            if self.behaviour.usage == Usage::Continuous {
                delta["usage"] = usage(&self.answer.tokens_after(index + 1));
            }
            events.push(("response.output_text.delta", delta));
        }
        if fails_in_stream(self.behaviour) {
            let error =
                json!({"code": "server_error", "message": "failed as requested", "param": null});
            events.push(("error", error));
        } else {
            let done = self.message("completed", &[part(&text)]);
            let last = match self.behaviour.finish {
                Finish::Stop => "response.completed",
                Finish::Length => "response.incomplete",
                Finish::Failed => "response.failed",
            };
            events.extend([
                ("response.output_text.done", in_part(json!({"text": text, "logprobs": []}))),
                ("response.content_part.done", in_part(json!({"part": part(&text)}))),
                ("response.output_item.done", item(done)),
                (last, json!({"response": self.ended()})),
            ]);
        }
        let mut outputs = self.answer.pieces.iter().map(|piece| piece.tokens);
        let numbered = events.into_iter().enumerate().map(|(number, (kind, mut document))| {
            document["sequence_number"] = json!(number);
            let brings_output = kind == "response.output_text.delta";
            let output = if brings_output { outputs.next().unwrap_or(0) } else { 0 };
            Event::typed(kind, document).with_output(output)
        });
        numbered.collect()
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn usage(tokens: &Tokens) -> Value {
    json!({
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": 0},
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.total(),
    })
}

/// Both objects in one.
fn merged(base: &Value, fields: Value) -> Value {
    let mut all = base.clone();
    if let (Value::Object(all), Value::Object(fields)) = (&mut all, fields) {
        all.extend(fields);
    }
    all
}
