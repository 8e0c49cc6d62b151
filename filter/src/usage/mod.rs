//! Reads what a response says it used, from its headers and from its body's bytes as they pass.
//!
//! A push parser in layers: [`sse`] takes lines from an event stream and [`frames`] payloads from
//! Amazon's, [`json`] follows the names in a document or in an event's data, [`place`] is the map
//! of where something stands, [`figures`] makes tokens of what is told and [`observed`] of what is
//! seen. Nothing is collected and nothing is allocated, so a body of any size costs the same few
//! hundred bytes.

mod figures;
mod findings;
mod frames;
mod framing;
mod json;
mod key;
mod nesting;
mod number;
mod observed;
mod place;
mod sse;
#[cfg(test)]
mod tests;

use limiter::Tokens;

use crate::header_map::HeaderMap;
use findings::Findings;
use frames::Frames;
pub use framing::Framing;
use json::Json;
use place::Scope;
use sse::Sse;

/// Reads one response's body, in pieces cut anywhere.
///
/// The content decides what a body of text is: one that begins with `{` or `[` is JSON, any other
/// one is read as server-sent events. What cannot be read has no usage.
///
/// Events count from the first on that looks like an API's: one whose object has, beside its
/// usage, a member that APIs have (`choices`, `type`, `candidates`…). A server that streams the
/// bare text of a model would otherwise let the model say what it used.
#[derive(Clone, Debug)]
pub struct UsageReader {
    framing: Framing,
    form: Form,
    json: Json,
    findings: Findings,
}

/// What a response used, as far as it has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Whose figures they are.
    pub api: Api,
    /// Everything that counts, at most 100,000,000: more is no figure.
    pub tokens: Tokens,
}

/// The API whose figures were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// `OpenAI`'s chat, completions and embeddings: `prompt_tokens` and `completion_tokens`.
    Completions,
    /// `OpenAI`'s responses, audio and images: `input_tokens` and `output_tokens` with a total.
    Responses,
    /// Anthropic's messages: `input_tokens`, `output_tokens` and the cache's, without a total.
    Anthropic,
    /// Gemini's `usageMetadata`.
    Gemini,
    /// Amazon Bedrock: Converse's `usage.inputTokens` and `outputTokens`, and the headers with
    /// which a model is invoked.
    Bedrock,
    /// Ollama's `prompt_eval_count` and `eval_count`.
    Ollama,
    /// Cohere's `tokens` and `billed_units`.
    Cohere,
    /// Cloudflare's Workers AI: `result.usage`.
    WorkersAi,
}

#[derive(Clone, Debug)]
enum Form {
    /// Nothing but white space yet, after so many bytes of a byte order mark.
    Unknown {
        mark_len: usize,
        /// White space may be the start of an event stream's line.
        sse: Sse,
    },
    Json,
    Sse(Sse),
    Frames(Frames),
    Unreadable,
}

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl UsageReader {
    /// The reader of the response that has these headers, some of which may tell usage.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut reader = Self::new(Framing::of(headers));
        reader.findings.figures.take_headers(headers);
        reader
    }

    /// Before the first byte of a body that is framed so.
    pub const fn new(framing: Framing) -> Self {
        let (form, scope) = match framing {
            Framing::Text => (Form::Unknown { mark_len: 0, sse: Sse::new() }, Scope::Document),
            Framing::JsonLines => (Form::Unknown { mark_len: 0, sse: Sse::new() }, Scope::Event),
            Framing::AmazonFrames => (Form::Frames(Frames::new()), Scope::Event),
            Framing::Encoded | Framing::Other => (Form::Unreadable, Scope::Document),
        };
        Self { framing, form, json: Json::new(scope), findings: Findings::new() }
    }

    /// How the body is framed; one that is not readable need not be shown to [`Self::read`].
    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// Reads the next piece of the body.
    pub fn read(&mut self, bytes: &[u8]) {
        match &mut self.form {
            Form::Unknown { .. } => self.read_start(bytes),
            Form::Json => self.json.read(bytes, &mut self.findings),
            Form::Sse(sse) => sse.read(bytes, &mut self.json, &mut self.findings),
            Form::Frames(frames) => frames.read(bytes, &mut self.json, &mut self.findings),
            Form::Unreadable => {}
        }
    }

    /// What is known so far; nothing when no usage has been read.
    pub fn usage(&self) -> Option<Usage> {
        self.findings.figures.usage()
    }

    /// About how many tokens of the model's visible output have passed in a stream, told or not;
    /// 0 for a document.
    pub fn observed_tokens(&self) -> u64 {
        self.findings.observed.tokens()
    }

    /// Whether the content of a stream has said that it is complete. Amazon's says it by its
    /// usage, which is the last that is sent.
    pub fn has_ended(&self) -> bool {
        let is_told = || self.usage().is_some();
        self.findings.has_ended() || matches!(self.form, Form::Frames(_)) && is_told()
    }

    fn read_start(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let (Form::Unknown { mark_len, sse }, Some((&byte, after))) =
            (&mut self.form, rest.split_first())
        {
            if BYTE_ORDER_MARK.get(*mark_len) == Some(&byte) {
                *mark_len += 1;
                rest = after;
                continue;
            }
            // No mark can follow white space.
            *mark_len = BYTE_ORDER_MARK.len();
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | json::RECORD_SEPARATOR => {
                    sse.read(&[byte], &mut self.json, &mut self.findings);
                    rest = after;
                }
                b'{' | b'[' => self.form = Form::Json,
                _ => {
                    self.form = Form::Sse(sse.clone());
                    self.json = Json::new(Scope::Event);
                    self.findings.figures.doubt();
                }
            }
        }
        if !rest.is_empty() {
            self.read(rest);
        }
    }
}
