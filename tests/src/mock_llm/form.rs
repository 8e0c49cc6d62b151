//! Writes an answer down: JSON and server-sent events as bytes, compressed or not, cut as the
//! request asked for. Each piece becomes a write of its own.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::behaviour::{Behaviour, Form};
use super::reply::{Event, Reply};

/// The pieces of a body.
pub(super) fn pieces(reply: &Reply, behaviour: &Behaviour, gzip: bool) -> Vec<Bytes> {
    let form = &behaviour.form;
    let mut pieces = match reply {
        Reply::Json(document) => vec![Bytes::from(form.json(document))],
        Reply::Array(elements) => form.array(elements),
        Reply::Events(events) => events.iter().map(|event| form.event(event)).collect(),
    };
    if gzip {
        pieces = compressed(&pieces);
    }
    match behaviour.split {
        None => pieces,
        Some(bytes) => {
            let body = Bytes::from(pieces.concat());
            let starts = (0..body.len()).step_by(bytes.get());
            starts
                .map(|start| body.slice(start..body.len().min(start.saturating_add(bytes.get()))))
                .collect()
        }
    }
}

impl Form {
    fn json(&self, document: &Value) -> String {
        if self.pretty { format!("{document:#}") } else { document.to_string() }
    }

    /// An array, one piece for each element.
    fn array(&self, elements: &[Value]) -> Vec<Bytes> {
        let pieces = elements.iter().enumerate().map(|(index, element)| {
            let before = if index == 0 { "[" } else { ",\r\n" };
            Bytes::from(format!("{before}{}", self.json(element)))
        });
        let end = if elements.is_empty() { "[]" } else { "\n]\n" };
        pieces.chain([Bytes::from_static(end.as_bytes())]).collect()
    }

    fn event(&self, event: &Event) -> Bytes {
        let mut text = String::new();
        if self.padding > 0 {
            self.line(&mut text, "", &"p".repeat(self.padding));
        }
        match event {
            Event::Data(document) => self.data(&mut text, &self.json(document)),
            Event::Named(name, document) => {
                self.line(&mut text, "event", name);
                self.data(&mut text, &self.json(document));
            }
            Event::Done => self.data(&mut text, "[DONE]"),
        }
        text.push_str(self.line_end);
        Bytes::from(text)
    }

    fn data(&self, text: &mut String, data: &str) {
        for line in data.lines() {
            self.line(text, "data", line);
        }
    }

    /// One field; without a name a comment.
    fn line(&self, text: &mut String, field: &str, value: &str) {
        let colon = if self.space { ": " } else { ":" };
        text.extend([field, colon, value, self.line_end]);
    }
}

/// One gzip stream, flushed after each piece so that what is sent can be read.
fn compressed(pieces: &[Bytes]) -> Vec<Bytes> {
    const TO_MEMORY: &str = "memory takes every write";
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let last = pieces.len().saturating_sub(1);
    let mut compressed: Vec<Bytes> = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        encoder.write_all(piece).expect(TO_MEMORY);
        if index < last {
            encoder.flush().expect(TO_MEMORY);
            compressed.push(Bytes::from(std::mem::take(encoder.get_mut())));
        }
    }
    compressed.push(Bytes::from(encoder.finish().expect(TO_MEMORY)));
    compressed
}
