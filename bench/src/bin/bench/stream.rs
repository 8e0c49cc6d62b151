//! The streams: answers of the mock LLM through Envoy, read event by event on one connection.
//!
//! A model sends its events milliseconds apart, so each of them wakes Envoy and passes the filter by itself. An upstream
//! that writes as fast as it can would have several read at once. So the upstream holds each event until the one before
//! has arrived here: every event is then one read, one call of the filter and one write, whatever the machine does.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::BenchError;
use super::events::{self, CONTENT_BYTES, DONE};
use super::scenario::Scenario;
use mock_llm::{Gate, MockLlm};

/// How long one stream may take, also on a busy machine.
const STREAM_TIMEOUT: Duration = Duration::from_mins(1);

/// One connection, on which one client asks for one stream after the other.
#[derive(Debug)]
pub(crate) struct StreamClient {
    scenario: &'static Scenario,
    proxy: SocketAddr,
    requests: SendRequest<Full<Bytes>>,
    gate: Gate,
}

/// When the upstream sends the events of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One after the other, as fast as it can.
    AtOnce,
    /// Each when the one before has arrived.
    InStep,
}

/// What was seen of one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenStream {
    /// From the request to the first byte of the body.
    pub(crate) first_byte: Duration,
    /// How many events it had.
    pub(crate) events: u32,
    /// The bytes of its events.
    pub(crate) bytes: u32,
}

impl StreamClient {
    /// Connects.
    pub(crate) async fn connect(
        scenario: &'static Scenario,
        proxy: SocketAddr,
        upstream: &MockLlm,
    ) -> Result<Self, BenchError> {
        let failed = |error: &dyn ToString| BenchError::stream(scenario, error);
        let stream = TcpStream::connect(proxy).await.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let (requests, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // It ends with `requests`, and an error shows in the answer that does not come.
        tokio::spawn(connection);
        Ok(Self { scenario, proxy, requests, gate: upstream.gate(scenario.name) })
    }

    /// Reads a stream of so many events with content, and checks that it was whole.
    pub(crate) async fn read(&mut self, chunks: u32, pace: Pace) -> Result<SeenStream, BenchError> {
        let read = timeout(STREAM_TIMEOUT, self.exchange(chunks, pace));
        read.await
            .unwrap_or_else(|_| Err(format!("did not end within {STREAM_TIMEOUT:?}")))
            .map_err(|reason| BenchError::stream(self.scenario, &reason))
    }

    async fn exchange(&mut self, chunks: u32, pace: Pace) -> Result<SeenStream, String> {
        let request = self.request(chunks, pace);
        self.requests.ready().await.map_err(|error| error.to_string())?;
        let sent = Instant::now();
        if pace == Pace::InStep {
            self.gate.let_one_through();
        }
        let response =
            self.requests.send_request(request).await.map_err(|error| error.to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("was answered {}", response.status()));
        }
        let mut body = response.into_body();
        let mut received = Vec::new();
        let mut first_byte = None;
        let mut pieces = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| error.to_string())?;
            let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) else { continue };
            first_byte.get_or_insert_with(|| sent.elapsed());
            pieces += 1;
            received.extend_from_slice(data);
            let event_ended = received.ends_with(b"\n\n");
            if pace == Pace::InStep && event_ended && !received.ends_with(DONE) {
                self.gate.let_one_through();
            }
        }
        let first_byte = first_byte.ok_or("had no body")?;
        let events = events::check(&received, chunks)?;
        if pace == Pace::InStep && pieces < events {
            return Err(format!("had {events} events, which arrived in {pieces} pieces"));
        }
        let bytes = u32::try_from(received.len()).map_err(|error| error.to_string())?;
        Ok(SeenStream { first_byte, events, bytes })
    }

    fn request(&self, chunks: u32, pace: Pace) -> Request<Full<Bytes>> {
        // The tokens are told so that their figure proves the upstream's count, whatever it takes for a token.
        let mut path = format!(
            "/v1/chat/completions?chunks={chunks}&chunk_bytes={CONTENT_BYTES}&completion_tokens={chunks}"
        );
        if pace == Pace::InStep {
            path = format!("{path}&gate={}", self.scenario.name);
        }
        let body = json!({
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "Hello!"}],
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        Request::post(path)
            .header(header::HOST, self.proxy.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-client-id", self.scenario.client_id(1))
            .header("x-token-estimate", "100")
            .body(Full::from(body.to_string()))
            .expect("a path and headers of plain characters")
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::STREAMS;
    use super::*;

    #[tokio::test]
    async fn streams_of_both_paces_follow_each_other_on_one_connection() {
        const CHUNKS: u32 = 50;
        let upstream = MockLlm::start().await;
        let [scenario, _] = &STREAMS;
        let client = StreamClient::connect(scenario, upstream.address(), &upstream).await;
        let mut client = client.expect("a connection to the mock");
        for pace in [Pace::InStep, Pace::AtOnce, Pace::InStep] {
            let seen = client.read(CHUNKS, pace).await.expect("a whole stream");
            assert!(seen.events > CHUNKS, "{pace:?} {seen:?}");
            assert!(seen.bytes > seen.events * CONTENT_BYTES, "{pace:?} {seen:?}");
        }
    }
}
