//! How one request wants to be answered, read from its query and from its `x-mock-llm` header.

use std::time::Duration;

use http::{HeaderMap, StatusCode, Uri};
use url::form_urlencoded;

/// The header that holds the same pairs as a query, for clients that can't choose the path.
const HEADER: &str = "x-mock-llm";

/// What a request may ask for, for the program's `--help`.
pub const HELP: &str = "\
A request chooses its answer by its query, or by a header `x-mock-llm` of the same form (a=1&b=2):
  status=N             the answer's status; from 400 on with an error body
  echo=headers         answers with the request's headers, as JSON
  chunks=N             content events of a streamed answer (5)
  chunk_bytes=N        bytes of content in each of them (one word)
  prompt_tokens=N      the figures of the usage object (counted from the request and the answer)
  completion_tokens=N
  delay_ms=N           waits before an unstreamed answer, and between the events of a streamed one
  gate=NAME            waits for the test to open the gate, before an unstreamed answer or before each event
  stall=head|body      never answers; or stops for ever after the first event
  abort_after=N        cuts the connection after N events (0: after the head)";

/// Where an answer stops for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stall {
    /// Before its head.
    Head,
    /// After its first event.
    Body,
}

/// How one request is answered; the default is a prompt and complete answer.
#[derive(Clone, Debug)]
pub(super) struct Behaviour {
    pub(super) status: StatusCode,
    pub(super) echo_headers: bool,
    pub(super) chunks: usize,
    pub(super) chunk_bytes: Option<usize>,
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) delay: Duration,
    pub(super) gate: Option<String>,
    pub(super) stall: Option<Stall>,
    pub(super) abort_after: Option<usize>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            echo_headers: false,
            chunks: 5,
            chunk_bytes: None,
            prompt_tokens: None,
            completion_tokens: None,
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
            "echo" => self.echo_headers = (value == "headers").then_some(true)?,
            "chunks" => self.chunks = value.parse().ok()?,
            "chunk_bytes" => self.chunk_bytes = Some(value.parse().ok()?),
            "prompt_tokens" => self.prompt_tokens = Some(value.parse().ok()?),
            "completion_tokens" => self.completion_tokens = Some(value.parse().ok()?),
            "delay_ms" => self.delay = Duration::from_millis(value.parse().ok()?),
            "gate" => self.gate = Some(value.to_owned()),
            "stall" => {
                self.stall = Some(match value {
                    "head" => Stall::Head,
                    "body" => Stall::Body,
                    _ => return None,
                });
            }
            "abort_after" => self.abort_after = Some(value.parse().ok()?),
            _ => {}
        }
        Some(())
    }
}
