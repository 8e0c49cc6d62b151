//! Embeddings: one vector for each input, as numbers or as base64 of little-endian floats.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::behaviour::Behaviour;
use super::super::reply::Reply;

/// Eight times 0.125, a vector of about the length 1/3.
const VECTOR: [f32; 8] = [0.125; 8];
/// The same as 32 bytes in base64.
const VECTOR_BASE64: &str = "AAAAPgAAAD4AAAA+AAAAPgAAAD4AAAA+AAAAPgAAAD4=";

/// The answer to an embedding request.
pub(in super::super) fn answer(request: &Value, behaviour: &Behaviour) -> Reply {
    let answer = Answer::new(request["model"].clone(), &request["input"], behaviour);
    let vector = match request["encoding_format"].as_str() {
        Some("base64") => json!(VECTOR_BASE64),
        _ => json!(VECTOR),
    };
    let embeddings: Vec<Value> = (0..inputs(&request["input"]))
        .map(|index| json!({"object": "embedding", "index": index, "embedding": vector}))
        .collect();
    let mut document = json!({"object": "list", "data": embeddings, "model": answer.model});
    let usage = json!({
        "prompt_tokens": answer.tokens.prompt,
        "total_tokens": behaviour.figures.total.unwrap_or(answer.tokens.prompt),
    });
    behaviour.usage.put(&mut document, "usage", usage);
    Reply::Json(document)
}

/// A list of texts or of token lists has many inputs; a text or a list of tokens is one.
fn inputs(input: &Value) -> usize {
    match input.as_array() {
        Some(list) if !list.iter().all(Value::is_number) => list.len(),
        _ => 1,
    }
}
