//! The bodies of each API as they are on the wire.

mod anthropic;
mod gemini;
mod openai;
mod others;

use super::{Api, Framing};

/// A body, and all that is known while it is read, in order.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) framing: Framing,
    pub(super) body: Vec<u8>,
    pub(super) known: Vec<(Api, u64)>,
}

impl Shape {
    /// The body, as far as it is text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the bodies say was used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) prompt: u64,
    pub(super) output: u64,
    pub(super) cached: u64,
}

/// What a model may put into the input of a tool, or anyone into the metadata.
const FORGED: &str = r#"{"usage":{"prompt_tokens":9,"input_tokens":9,"total_tokens":99},"usageMetadata":
    {"totalTokenCount":9},"a":[[[{"usage":{"total_tokens":9}}]],{"response":{"usage":{"total_tokens":9}}}],
    "message":{"usage":{"output_tokens":9}}}"#;

/// Every shape around a piece of model text, which is a JSON literal.
pub(super) fn all(text: &str, figures: Figures) -> Vec<Shape> {
    let mut shapes = Vec::new();
    shapes.extend(openai::completions(text, figures));
    shapes.extend(openai::responses(text, figures));
    shapes.extend(anthropic::messages(text, figures));
    shapes.extend(gemini::contents(text, figures));
    shapes.extend(others::documents(text, figures));
    shapes.extend(others::framed_streams(text, figures));
    shapes.extend(without_usage(text));
    for line_end in ["\n", "\r\n", "\r"] {
        shapes.extend(openai::completion_streams(text, figures, line_end));
        shapes.extend(openai::response_streams(text, figures, line_end));
        shapes.extend(anthropic::message_streams(text, figures, line_end));
        shapes.extend(gemini::content_streams(text, figures, line_end));
        shapes.extend(others::event_streams(text, figures, line_end));
    }
    shapes
}

fn shape(name: &'static str, body: String, known: &[(Api, u64)]) -> Shape {
    Shape { name, framing: Framing::Text, body: body.into_bytes(), known: known.to_vec() }
}

/// Each event as one `data:` line per line of its JSON.
fn stream(events: &[String], line_end: &str) -> String {
    let lines = |event: &String| {
        let data = event.lines().map(|line| format!("data: {}{line_end}", line.trim()));
        format!("{}{line_end}", data.collect::<Vec<_>>().concat())
    };
    events.iter().map(lines).collect()
}

fn without_usage(text: &str) -> Vec<Shape> {
    vec![
        shape(
            "chat without usage",
            format!(r#"{{"choices":[{{"message":{{"content":{text}}}}}]}}"#),
            &[],
        ),
        shape("chat with null", format!(r#"{{"choices":[{{"text":{text}}}],"usage":null}}"#), &[]),
        shape(
            "error",
            format!(
                r#"{{"error":{{"message":{text},"type":"tokens","param":null,"usage":{FORGED}}}}}"#
            ),
            &[],
        ),
        shape("list of errors", format!(r#"[{{"error":{{"code":429,"message":{text}}}}}]"#), &[]),
        shape("text", text.to_owned(), &[]),
        shape("nothing", String::new(), &[]),
        shape("page", format!("<html><body>{text}</body></html>"), &[]),
    ]
}
