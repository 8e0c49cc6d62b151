//! The HTTP side of the load: one request with a bounded time and a bounded memory.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{self, Told};
use super::error::LoadError;
use super::limits::Limits;
use super::options::Origin;
use super::requests::Sent;
use super::standing::{Standing, Statistics};
use super::tally::Outcome;

/// FlowGuard's own answers are far smaller.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a server may take to accept a connection or to tell the limits.
const SETUP_TIMEOUT: Duration = Duration::from_secs(5);

/// An HTTP/1.1 client that keeps its connections alive.
#[derive(Clone, Debug)]
pub(crate) struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

impl Client {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    /// The limits of its own of a client that is configured.
    pub(crate) async fn limits(&self, api: &Origin, client: &str) -> Result<Limits, LoadError> {
        self.read(api, client, "").await
    }

    /// The other limits that apply to it.
    pub(crate) async fn standings(
        &self,
        api: &Origin,
        client: &str,
    ) -> Result<Vec<Standing>, LoadError> {
        let statistics: Statistics = self.read(api, client, "/stats").await?;
        Ok(statistics.limits)
    }

    /// What the REST API tells of a client that is configured.
    async fn read<T: DeserializeOwned>(
        &self,
        api: &Origin,
        client: &str,
        what: &str,
    ) -> Result<T, LoadError> {
        let unreachable = |reason| LoadError::Unreachable {
            what: "the REST API",
            url: api.text.clone(),
            flag: "--config-url",
            reason,
        };
        connect(api).await.map_err(unreachable)?;
        // In a path a slash of an id is written as its escape.
        let uri = format!("{}/api/v1/clients/{}{what}", api.text, client.replace('/', "%2F"));
        let exchange = async {
            let request = Request::get(uri).body(Full::default()).map_err(|e| e.to_string())?;
            let response = self.0.request(request).await.map_err(|e| e.to_string())?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
            Ok((head.status.as_u16(), body.map_err(|e| e.to_string())?.to_bytes()))
        };
        let answer = timeout(SETUP_TIMEOUT, exchange).await;
        let (status, body) =
            answer.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(unreachable)?;
        if status == 404 && String::from_utf8_lossy(&body).contains("client_not_found") {
            let (client, url) = (client.to_owned(), api.text.clone());
            return Err(LoadError::UnknownClient { client, url });
        }
        let wrong = |answer| LoadError::NotTheRestApi { url: api.text.clone(), answer };
        if status != 200 {
            return Err(wrong(format!("it answers {status}")));
        }
        serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))
    }

    /// Sends one request of the load and reads its whole answer.
    pub(crate) async fn send(&self, sent: Sent, answer_timeout: Duration) -> Outcome {
        let started = Instant::now();
        let exchange = async {
            let response = self.0.request(sent.request).await.map_err(|error| {
                if error.is_connect() { "can't connect" } else { "connection lost" }
            })?;
            let (head, body) = response.into_parts();
            let told = read(body).await.map_err(|_| "answer cut short")?;
            Ok((head.status, told))
        };
        match timeout(answer_timeout, exchange).await {
            Ok(Ok((status, Told { refusal, used }))) => Outcome::Answered {
                status: status.as_u16(),
                refusal: refusal.filter(|_| !status.is_success()),
                tokens: match used {
                    _ if !status.is_success() => 0,
                    None => sent.keeps,
                    Some(used) => used.min(sent.keeps),
                },
                latency: started.elapsed(),
            },
            Ok(Err(reason)) => Outcome::Failed(reason),
            Err(_) => Outcome::Failed("no answer in time"),
        }
    }
}

/// Whether somebody listens at the proxy: a connection, which costs the client nothing.
pub(crate) async fn probe(proxy: &Origin) -> Result<(), LoadError> {
    connect(proxy).await.map_err(|reason| LoadError::Unreachable {
        what: "the proxy",
        url: proxy.text.clone(),
        flag: "--url",
        reason,
    })
}

async fn connect(server: &Origin) -> Result<(), String> {
    match timeout(SETUP_TIMEOUT, TcpStream::connect((server.host.as_str(), server.port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no connection within {} s", SETUP_TIMEOUT.as_secs())),
    }
}

/// Reads a body to its end and looks at what it tells; what is long is not kept.
async fn read(mut body: Incoming) -> Result<Told, hyper::Error> {
    let mut start = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            let room = BODY_BYTES_MAX - start.len();
            start.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok(answer::told(&start))
}
