//! How one request wants to be answered, read from its query and from its `x-mock-llm` header.

use std::num::NonZeroUsize;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::Value;
use url::form_urlencoded;

use super::language::Language;

/// The header that holds the same pairs as a query, for clients that can't choose the path.
const HEADER: &str = "x-mock-llm";

/// What a request may ask for, for the program's `--help`.
pub const HELP: &str = "\
It speaks, under any prefix of the path:
  OpenAI     POST chat/completions, completions, responses, embeddings, audio/transcriptions; GET models
  Azure      POST openai/deployments/NAME/ before OpenAI's
  Anthropic  POST messages; GET models, with a header anthropic-version
  Gemini     POST models/NAME:generateContent, :streamGenerateContent (alt=sse); GET v1beta/models
  Vertex AI  POST publishers/ANY/models/NAME:… as Gemini; Anthropic's by :rawPredict, :streamRawPredict
  Bedrock    POST model/NAME/converse, converse-stream, invoke
  Ollama     POST api/chat, api/generate
  Cohere     POST v2/chat
  Cloudflare POST ai/run/NAME
A body that names no model is answered by the model of the path.

A request chooses its answer by its query, or by a header `x-mock-llm` of the same form (a=1&b=2).
What is answered:
  status=N             the answer's status; from 400 on with the API's error body
  error=body|event     an error body whatever the status; or a stream that ends with an error event
  finish=stop|length|failed
                       why the model stopped; failed: only OpenAI's responses know it
  echo=headers|body    answers with the request's headers, as JSON; or with its body as it is
  response_header=NAME:VALUE
                       replaces a header; given twice, there are two. An echoed body has no others
  chunks=N             content events of a streamed answer (5)
  chunk_bytes=N        bytes of content in each of them (one word)
  content=words|adversarial
                       what the model says; adversarial: text that looks like usage and events
  language=en|de|zh    it says text of about the tokens that real ones have
  tokens_per_event=A-B of which each event brings so many (1-1)
  ratelimit_headers=1  adds the rate limit headers of OpenAI, Anthropic and the IETF
What it says about tokens, counted from the request and the answer when not told:
  prompt_tokens=N      input
  completion_tokens=N  output
  total_tokens=N       their sum, where the API has one
  cached_tokens=N      part of the input (OpenAI, Gemini)
  reasoning_tokens=N   part of the output (OpenAI)
  cache_creation_tokens=N, cache_read_tokens=N
                       beside the input (Anthropic)
  thoughts_tokens=N    beside the output (Gemini)
  audio_seconds=N      a transcription is billed by duration
  usage=vendor|none|null|continuous
                       there as with the vendor; missing; null; or with the figures so far in each event
How it is written:
  split=N              in pieces of N bytes, each a write of its own
  line_end=lf|crlf|cr  of server-sent events
  padding=N            a comment of N bytes before each event
  space=0              no space after `data:`
  pretty=1             JSON over several lines, in events several `data:` lines
  encoding=gzip|accept gzip: always; or when the request accepts it
When it is written:
  delay_ms=N           waits before an unstreamed answer, and between the events of a streamed one
  gate=NAME            waits for the test to open the gate, before an unstreamed answer or before each event
  stall=head|body|end  never answers; or stops for ever after the first event, or after the last
  abort_after=N        cuts the connection after N events, or pieces of `split` (0: after the head)";

/// Where an answer stops for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stall {
    /// Before its head.
    Head,
    /// After its first event.
    Body,
    /// After its last event, without its end.
    End,
}

/// Where an error stands that the status may not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorPlace {
    /// It is the whole body.
    Body,
    /// It is the last event of a stream.
    Event,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Finish {
    /// It had said all.
    #[default]
    Stop,
    /// It reached the request's limit.
    Length,
    /// It failed.
    Failed,
}

pub(super) type Header = (HeaderName, HeaderValue);

/// What an answer repeats of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    Headers,
    Body,
}

/// More than any server sends in one event.
const TOKENS_PER_EVENT_MAX: u64 = 10_000;

/// How many tokens an event may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) least: u64,
    pub(super) most: u64,
}

/// What the model says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    #[default]
    Words,
    Adversarial,
}

/// Whether an answer has a usage object, where its API has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Usage {
    #[default]
    AsVendor,
    Missing,
    Null,
    /// In each event of a stream, with the figures so far.
    Continuous,
}

impl Usage {
    /// Puts `usage` where the API has it, the way the request wants it.
    pub(super) fn put(self, document: &mut Value, name: &str, usage: Value) {
        match self {
            Self::AsVendor | Self::Continuous => document[name] = usage,
            Self::Null => document[name] = Value::Null,
            Self::Missing => {}
        }
    }
}

/// What an answer says about tokens, where the request tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) prompt: Option<u64>,
    pub(super) completion: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) cached: u64,
    pub(super) reasoning: u64,
    pub(super) cache_creation: u64,
    pub(super) cache_read: u64,
    pub(super) thoughts: u64,
    pub(super) audio_seconds: Option<f64>,
}

/// How JSON and events are written down.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) line_end: &'static str,
    pub(super) padding: usize,
    pub(super) space: bool,
    pub(super) pretty: bool,
}

/// When a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gzip {
    Always,
    WhenAccepted,
}

/// How one request is answered; the default is a prompt and complete answer.
#[derive(Clone, Debug)]
pub(super) struct Behaviour {
    pub(super) status: StatusCode,
    pub(super) error: Option<ErrorPlace>,
    pub(super) finish: Finish,
    pub(super) echo: Option<Echo>,
    pub(super) response_headers: Vec<Header>,
    pub(super) chunks: usize,
    pub(super) chunk_bytes: Option<usize>,
    pub(super) content: Content,
    pub(super) language: Option<Language>,
    pub(super) tokens_per_event: Option<Tokens>,
    pub(super) ratelimit_headers: bool,
    pub(super) figures: Figures,
    pub(super) usage: Usage,
    pub(super) split: Option<NonZeroUsize>,
    pub(super) form: Form,
    pub(super) gzip: Option<Gzip>,
    pub(super) delay: Duration,
    pub(super) gate: Option<String>,
    pub(super) stall: Option<Stall>,
    pub(super) abort_after: Option<usize>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            error: None,
            finish: Finish::default(),
            echo: None,
            response_headers: Vec::new(),
            chunks: 5,
            chunk_bytes: None,
            content: Content::default(),
            language: None,
            tokens_per_event: None,
            ratelimit_headers: false,
            figures: Figures::default(),
            usage: Usage::default(),
            split: None,
            form: Form { line_end: "\n", padding: 0, space: true, pretty: false },
            gzip: None,
            delay: Duration::ZERO,
            gate: None,
            stall: None,
            abort_after: None,
        }
    }
}

impl Behaviour {
    /// Reads the query, then the header, which wins. Names that are not ours are left alone: the
    /// query is the client's. A value of ours that can't be read is an error that names it.
    pub(super) fn read(uri: &Uri, headers: &HeaderMap) -> Result<Self, String> {
        let mut behaviour = Self::default();
        let header = headers.get(HEADER).map_or(&b""[..], |value| value.as_bytes());
        for pairs in [uri.query().unwrap_or_default().as_bytes(), header] {
            for (name, value) in form_urlencoded::parse(pairs) {
                behaviour
                    .set(&name, &value)
                    .ok_or_else(|| format!("mock-llm can't read {name}={value}"))?;
            }
        }
        Ok(behaviour)
    }

    /// `None` when the value can't be read.
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "status" => self.status = value.parse().ok()?,
            "error" => {
                let places = [("body", ErrorPlace::Body), ("event", ErrorPlace::Event)];
                self.error = Some(one_of(&places, value)?);
            }
            "finish" => {
                let reasons = [
                    ("stop", Finish::Stop),
                    ("length", Finish::Length),
                    ("failed", Finish::Failed),
                ];
                self.finish = one_of(&reasons, value)?;
            }
            "echo" => {
                let echoes = [("headers", Echo::Headers), ("body", Echo::Body)];
                self.echo = Some(one_of(&echoes, value)?);
            }
            "response_header" => {
                let (name, value) = value.split_once(':')?;
                let header = (name.parse().ok()?, HeaderValue::from_str(value.trim()).ok()?);
                self.response_headers.push(header);
            }
            "chunks" => self.chunks = value.parse().ok()?,
            "chunk_bytes" => self.chunk_bytes = Some(value.parse().ok()?),
            "content" => {
                let contents = [("words", Content::Words), ("adversarial", Content::Adversarial)];
                self.content = one_of(&contents, value)?;
            }
            "language" => self.language = Some(one_of(&Language::NAMES, value)?),
            "tokens_per_event" => {
                let (least, most) = value.split_once('-')?;
                let tokens = Tokens { least: least.parse().ok()?, most: most.parse().ok()? };
                let can_be = tokens.least <= tokens.most && tokens.most <= TOKENS_PER_EVENT_MAX;
                self.tokens_per_event = Some(can_be.then_some(tokens)?);
            }
            "ratelimit_headers" => self.ratelimit_headers = switch(value)?,
            "usage" => {
                let usages = [
                    ("vendor", Usage::AsVendor),
                    ("none", Usage::Missing),
                    ("null", Usage::Null),
                    ("continuous", Usage::Continuous),
                ];
                self.usage = one_of(&usages, value)?;
            }
            "split" => self.split = Some(value.parse().ok()?),
            "encoding" => {
                let when = [("gzip", Gzip::Always), ("accept", Gzip::WhenAccepted)];
                self.gzip = Some(one_of(&when, value)?);
            }
            "delay_ms" => self.delay = Duration::from_millis(value.parse().ok()?),
            "gate" => self.gate = Some(value.to_owned()),
            "stall" => {
                let places = [("head", Stall::Head), ("body", Stall::Body), ("end", Stall::End)];
                self.stall = Some(one_of(&places, value)?);
            }
            "abort_after" => self.abort_after = Some(value.parse().ok()?),
            _ => {
                self.figures.set(name, value)?;
                self.form.set(name, value)?;
            }
        }
        Some(())
    }
}

impl Figures {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "prompt_tokens" => self.prompt = Some(value.parse().ok()?),
            "completion_tokens" => self.completion = Some(value.parse().ok()?),
            "total_tokens" => self.total = Some(value.parse().ok()?),
            "cached_tokens" => self.cached = value.parse().ok()?,
            "reasoning_tokens" => self.reasoning = value.parse().ok()?,
            "cache_creation_tokens" => self.cache_creation = value.parse().ok()?,
            "cache_read_tokens" => self.cache_read = value.parse().ok()?,
            "thoughts_tokens" => self.thoughts = value.parse().ok()?,
            "audio_seconds" => self.audio_seconds = Some(value.parse().ok()?),
            _ => {}
        }
        Some(())
    }
}

impl Form {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "line_end" => {
                self.line_end = one_of(&[("lf", "\n"), ("crlf", "\r\n"), ("cr", "\r")], value)?;
            }
            "padding" => self.padding = value.parse().ok()?,
            "space" => self.space = switch(value)?,
            "pretty" => self.pretty = switch(value)?,
            _ => {}
        }
        Some(())
    }
}

fn one_of<T: Copy>(choices: &[(&str, T)], value: &str) -> Option<T> {
    choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice)
}

fn switch(value: &str) -> Option<bool> {
    one_of(&[("1", true), ("0", false)], value)
}
