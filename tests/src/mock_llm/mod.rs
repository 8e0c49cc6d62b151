//! An LLM API to run against: answers as OpenAI, Anthropic, Gemini and others do, and misbehaves on
//! request.
//!
//! The same server runs inside a test, which then sees what arrived and opens gates, and as the
//! program `mock-llm`. `api` knows whose request it is. What an answer is made of stands in one
//! file per API (`openai`, `anthropic`, `gemini`, `bedrock`, `ollama`, `cohere`, `workers_ai`); how it is written down (`form`) and delivered,
//! late, in pieces or not at all (`delivery`), is read from the request by `behaviour` and is the
//! same for every API.

mod amazon_frames;
mod answer;
mod anthropic;
mod api;
mod bedrock;
mod behaviour;
mod cohere;
mod content;
mod delivery;
mod form;
mod gates;
mod gemini;
mod language;
mod ollama;
mod openai;
mod rate_limit_headers;
mod record;
mod reply;
mod server;
mod workers_ai;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use behaviour::HELP;
pub use gates::{Gate, Gates};
pub use record::{BodyProgress, RecordedRequest, ResponseEnd};
pub use server::serve;

use record::Recorder;

use crate::deadline::eventually;

/// What all connections of one server share.
#[derive(Debug, Default)]
pub struct State {
    gates: Gates,
    recorder: Option<Recorder>,
}

/// A mock LLM that runs inside the test. Dropping it closes its listener and every connection.
#[derive(Debug)]
pub struct MockLlm {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl MockLlm {
    /// Starts it on a free loopback port.
    pub async fn start() -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state =
            Arc::new(State { gates: Gates::default(), recorder: Some(Recorder::default()) });
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gate that a request names with `gate=NAME`.
    pub fn gate(&self, name: &str) -> Gate {
        self.state.gates.named(name)
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Arc<RecordedRequest>> {
        self.state.recorder.as_ref().map(Recorder::all).unwrap_or_default()
    }

    /// The requests so far whose path, without the query, is `path`.
    pub fn requests_to(&self, path: &str) -> Vec<Arc<RecordedRequest>> {
        let mut requests = self.requests();
        requests.retain(|request| request.path() == path);
        requests
    }

    /// The one request to `path`, as soon as its head has arrived.
    pub async fn request_to(&self, path: &str) -> Arc<RecordedRequest> {
        let what = format!("a request to {path} at the upstream");
        let requests = eventually(&what, || async {
            Some(self.requests_to(path)).filter(|requests| !requests.is_empty())
        })
        .await;
        match requests.as_slice() {
            [request] => Arc::clone(request),
            several => {
                panic!("{} requests to {path} reached the upstream, expected one", several.len())
            }
        }
    }
}

impl Drop for MockLlm {
    fn drop(&mut self) {
        self.server.abort();
    }
}
