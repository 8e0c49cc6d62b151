//! Writes an answer down: JSON and server-sent events as bytes, compressed or not, cut as the
//! request asked for. Each piece becomes a write of its own.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::amazon_frames;
use super::behaviour::{Behaviour, Form};
use super::reply::{Event, Framing, Reply};

/// A piece of a body.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// Tokens of the model's output that are complete with it.
    pub(super) output_tokens: u64,
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, output_tokens: 0 }
    }
}

/// The pieces of a body.
pub(super) fn pieces(reply: &Reply, behaviour: &Behaviour, gzip: bool) -> Vec<Piece> {
    let form = &behaviour.form;
    let mut pieces: Vec<Piece> = match reply {
        Reply::Json(document) => vec![Bytes::from(form.json(document)).into()],
        Reply::Array(elements) => form.array(elements).into_iter().map(Piece::from).collect(),
        Reply::Raw(bytes) => vec![bytes.clone().into()],
        Reply::Stream(framing, events) => events
            .iter()
            .map(|event| {
                let bytes = form.event(*framing, event);
                Piece { bytes, output_tokens: event.output_tokens }
            })
            .collect(),
    };
    if gzip {
        compress(&mut pieces);
    }
    match behaviour.split {
        None => pieces,
        Some(bytes) => split(&pieces, bytes.get()),
    }
}

/// The same in pieces of so many bytes.
fn split(pieces: &[Piece], bytes: usize) -> Vec<Piece> {
    let mut left = pieces.iter();
    let mut begun = (0, 0);
    let body: Bytes = pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
    let starts = (0..body.len()).step_by(bytes);
    starts
        .map(|start| {
            let end = body.len().min(start.saturating_add(bytes));
            let mut output_tokens = 0;
            while begun.0 <= end {
                output_tokens += std::mem::take(&mut begun.1);
                let Some(next) = left.next() else { break };
                begun = (begun.0 + next.bytes.len(), next.output_tokens);
            }
            Piece { bytes: body.slice(start..end), output_tokens }
        })
        .collect()
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

    fn event(&self, framing: Framing, event: &Event) -> Bytes {
        // Only server-sent events have a mark at their end.
        let data = event.document.as_ref().map(ToString::to_string).unwrap_or_default();
        match framing {
            Framing::Events => self.server_sent_event(event),
            Framing::Lines => Bytes::from(data + "\n"),
            Framing::AmazonFrames => {
                let name = event.name.unwrap_or("event");
                Bytes::from(amazon_frames::frame(name, data.as_bytes()))
            }
        }
    }

    fn server_sent_event(&self, event: &Event) -> Bytes {
        let mut text = String::new();
        if self.padding > 0 {
            self.line(&mut text, "", &"p".repeat(self.padding));
        }
        if let Some(name) = event.name {
            self.line(&mut text, "event", name);
        }
        match &event.document {
            Some(document) => self.data(&mut text, &self.json(document)),
            None => self.data(&mut text, "[DONE]"),
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

/// Makes one gzip stream of them, flushed after each piece so that what is sent can be read.
fn compress(pieces: &mut [Piece]) {
    const TO_MEMORY: &str = "memory takes every write";
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let last = pieces.len().saturating_sub(1);
    for (index, piece) in pieces.iter_mut().enumerate() {
        encoder.write_all(&piece.bytes).expect(TO_MEMORY);
        if index < last {
            encoder.flush().expect(TO_MEMORY);
        } else {
            encoder.try_finish().expect(TO_MEMORY);
        }
        piece.bytes = Bytes::from(std::mem::take(encoder.get_mut()));
    }
}
