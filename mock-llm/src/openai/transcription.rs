//! Transcriptions of audio: the one API whose usage is either tokens or a duration, which is no
//! number of tokens.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::behaviour::Behaviour;
use super::super::reply::{Event, Reply};
use super::{SERVER_ERROR, fails_in_stream};

/// How long a recording is when nobody says it.
const SECONDS: f64 = 9.0;

/// The answer to a form with a recording in it, of the path's model if the form names none.
pub(in super::super) fn answer(
    form: &[u8],
    path_model: Option<&str>,
    behaviour: &Behaviour,
) -> Reply {
    let form = String::from_utf8_lossy(form);
    let model = field(&form, "model").or(path_model).unwrap_or_default();
    let answer = Answer::new(json!(model), &json!(form), behaviour);
    let mut done = json!({"text": answer.text()});
    behaviour.usage.put(&mut done, "usage", usage(model, &answer, behaviour));
    if field(&form, "stream") != Some("true") {
        return Reply::Json(done);
    }
    let deltas = answer.pieces.iter();
    let mut events: Vec<Event> = deltas
        .map(|piece| {
            let delta = json!({"type": "transcript.text.delta", "delta": piece.text});
            Event::data(delta).with_output(piece.tokens)
        })
        .collect();
    if fails_in_stream(behaviour) {
        events.push(Event::data(super::error(SERVER_ERROR, "failed as requested")));
    } else {
        done["type"] = json!("transcript.text.done");
        events.extend([Event::data(done), Event::done()]);
    }
    Reply::events(events)
}

/// Whisper is billed by duration, its successors by tokens.
fn usage(model: &str, answer: &Answer, behaviour: &Behaviour) -> Value {
    let seconds = behaviour.figures.audio_seconds;
    if seconds.is_some() || model.starts_with("whisper") {
        return json!({"type": "duration", "seconds": seconds.unwrap_or(SECONDS)});
    }
    let tokens = &answer.tokens;
    json!({
        "type": "tokens",
        "input_tokens": tokens.prompt,
        "input_token_details": {"text_tokens": 0, "audio_tokens": tokens.prompt},
        "output_tokens": tokens.completion,
        "total_tokens": tokens.total(),
    })
}

/// The value of a field of a `multipart/form-data` body, when it is one line.
fn field<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = form.split_once(&format!("name=\"{name}\""))?;
    let (_, value) = rest.split_once("\r\n\r\n")?;
    value.split("\r\n").next()
}
