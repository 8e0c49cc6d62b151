//! An LLM API to run against: answers as OpenAI, Anthropic, Gemini and others do, and misbehaves on
//! request.
//!
//! The same server runs inside a test, which then sees what arrived and opens gates, and as the
//! program `mock-llm`. `api` knows whose request it is. What an answer is made of stands in one
//! file per API (`openai`, `anthropic`, `gemini`, `bedrock`, `ollama`, `cohere`, `workers_ai`). How
//! it is written down (`form`) and delivered, late, in pieces or not at all (`delivery`), is read
//! from the request by `behaviour` and is the same for every API.

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
mod path_model;
mod rate_limit_headers;
mod record;
mod reply;
mod server;
mod workers_ai;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use behaviour::HELP;
pub use gates::{Gate, Gates};
pub use record::{BodyProgress, RecordedRequest, ResponseEnd};
pub use server::serve;

use record::Recorder;

/// How long a test waits for a request that should come soon; generous, for a busy machine.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(20);

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
    ///
    /// # Panics
    /// There is none.
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

    /// How many requests there were at a time, at most, whose answers had not begun.
    pub fn most_unanswered(&self) -> usize {
        self.state.recorder.as_ref().map(Recorder::most_unanswered).unwrap_or_default()
    }

    /// The requests so far whose path, without the query, is `path`.
    pub fn requests_to(&self, path: &str) -> Vec<Arc<RecordedRequest>> {
        let mut requests = self.requests();
        requests.retain(|request| request.path() == path);
        requests
    }

    /// The one request to `path`, as soon as its head has arrived.
    ///
    /// # Panics
    /// None arrives in time, or there are several.
    pub async fn request_to(&self, path: &str) -> Arc<RecordedRequest> {
        let arrived = timeout(ARRIVAL_TIMEOUT, self.requests_arrived(path)).await;
        let requests = arrived.unwrap_or_else(|_| {
            panic!("no request to {path} reached the upstream within {ARRIVAL_TIMEOUT:?}")
        });
        match requests.as_slice() {
            [request] => Arc::clone(request),
            several => {
                panic!("{} requests to {path} reached the upstream, expected one", several.len())
            }
        }
    }

    /// The requests to `path`, once there is one.
    async fn requests_arrived(&self, path: &str) -> Vec<Arc<RecordedRequest>> {
        let Some(recorder) = &self.state.recorder else { return std::future::pending().await };
        loop {
            // Listens before it looks, so that none arrives unnoticed between the two.
            let next = recorder.next_arrival();
            let requests = self.requests_to(path);
            if !requests.is_empty() {
                return requests;
            }
            next.await;
        }
    }
}

impl Drop for MockLlm {
    fn drop(&mut self) {
        self.server.abort();
    }
}
