//! Reads what a response says it used, from its bytes as they pass.
//!
//! A push parser in layers: [`sse`] takes lines from an event stream, [`json`] finds the usage
//! objects in a document or in an event's data, [`figures`] makes tokens of them. Nothing is
//! collected and nothing is allocated, so a body of any size costs the same few hundred bytes.

mod body;
mod figures;
mod json;
mod key;
mod number;
mod sse;
#[cfg(test)]
mod tests;

use limiter::Tokens;

use crate::HeaderMap;
use figures::Figures;
use json::{Json, Scope};
use sse::Sse;

pub use body::Body;

/// Reads one response's body, in pieces cut anywhere.
///
/// The content decides what it is: a body that begins with `{` or `[` is JSON, any other one is
/// read as server-sent events. What cannot be read has no usage.
#[derive(Clone, Debug)]
pub struct UsageReader {
    body: Body,
    form: Form,
    sse: Sse,
    json: Json,
    figures: Figures,
}

/// What a response used, as far as it has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Whose figures they are.
    pub source: UsageSource,
    /// Everything that counts, at most [`limiter::PER_MINUTE_MAX`].
    pub tokens: Tokens,
}

/// The API whose figures were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UsageSource {
    /// `OpenAI`'s chat, completions and embeddings: `prompt_tokens` and `completion_tokens`.
    Completions,
    /// `OpenAI`'s responses, audio and images: `input_tokens` and `output_tokens` with a total.
    Responses,
    /// Anthropic's messages: `input_tokens`, `output_tokens` and the cache's, without a total.
    Anthropic,
    /// Gemini's `usageMetadata`.
    Gemini,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// Nothing but white space yet, after so many bytes of a byte order mark.
    Unknown {
        mark_len: usize,
    },
    Json,
    Sse,
}

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl UsageReader {
    /// The reader of the response that has these headers.
    pub fn of(headers: &HeaderMap) -> Self {
        Self::new(Body::of(headers))
    }

    /// Before the first byte of such a body.
    pub const fn new(body: Body) -> Self {
        Self {
            body,
            form: Form::Unknown { mark_len: 0 },
            sse: Sse::new(),
            json: Json::new(Scope::Document),
            figures: Figures::new(),
        }
    }

    /// What the body is; what is not readable need not be shown to [`Self::read`].
    pub fn body(&self) -> Body {
        self.body
    }

    /// Reads the next piece of the body.
    pub fn read(&mut self, bytes: &[u8]) {
        if !self.body.is_readable() {
            return;
        }
        match self.form {
            Form::Unknown { mark_len } => self.read_start(mark_len, bytes),
            Form::Json => self.json.read(bytes, &mut self.figures),
            Form::Sse => self.sse.read(bytes, &mut self.json, &mut self.figures),
        }
    }

    /// What is known so far; nothing when no usage has been read.
    pub fn usage(&self) -> Option<Usage> {
        self.figures.usage()
    }

    /// About how many tokens of the model's output have passed, told or not; 0 where that cannot
    /// be seen.
    pub fn observed_tokens(&self) -> u64 {
        0
    }

    /// Whether the content itself has said that it is complete.
    pub fn has_ended(&self) -> bool {
        false
    }

    fn read_start(&mut self, mut mark_len: usize, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            if BYTE_ORDER_MARK.get(mark_len) == Some(byte) {
                mark_len += 1;
                self.form = Form::Unknown { mark_len };
            } else {
                // No mark can follow white space.
                mark_len = BYTE_ORDER_MARK.len();
                self.form = match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => Form::Unknown { mark_len },
                    b'{' | b'[' => Form::Json,
                    _ => {
                        self.json = Json::new(Scope::Event);
                        Form::Sse
                    }
                };
                match self.form {
                    // White space may be the start of an event stream's line.
                    Form::Unknown { .. } => {
                        self.sse.read(&[*byte], &mut self.json, &mut self.figures);
                    }
                    Form::Json | Form::Sse => return self.read(rest),
                }
            }
            rest = after;
        }
    }
}
