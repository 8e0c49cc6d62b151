//! A thin HTTP client: HTTP/1.1 or HTTP/2 with prior knowledge, headers of any bytes, bodies as
//! streams.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

use crate::deadline::{SOON, soon};
use crate::secrets;

type RequestBody = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// A client of one server; it keeps its connections alive.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: legacy::Client<HttpConnector, RequestBody>,
    server: SocketAddr,
}

impl HttpClient {
    /// A client that speaks HTTP/1.1.
    pub fn http1(server: SocketAddr) -> Self {
        Self::new(server, &legacy::Client::builder(TokioExecutor::new()))
    }

    /// A client that speaks HTTP/2 from the first byte.
    pub fn http2(server: SocketAddr) -> Self {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder.http2_only(true);
        Self::new(server, &builder)
    }

    /// A client that opens a connection for each request.
    pub fn one_connection_each(server: SocketAddr) -> Self {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder.pool_max_idle_per_host(0);
        Self::new(server, &builder)
    }

    fn new(server: SocketAddr, builder: &legacy::Builder) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { client: builder.build(connector), server }
    }

    /// The server this client talks to.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// A request to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let uri = format!("http://{}{path}", self.server);
        let request = Request::builder().method(method).uri(uri).body(full(Bytes::new()));
        let request =
            request.unwrap_or_else(|error| panic!("{path:?} is no request target: {error}"));
        RequestBuilder { client: self.clone(), request }
    }

    /// A GET request to be completed.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A POST request to be completed.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }
}

/// A request before it is sent.
#[derive(Debug)]
pub struct RequestBuilder {
    client: HttpClient,
    request: Request<RequestBody>,
}

impl RequestBuilder {
    /// Adds a header; a name that was given before is sent twice.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let name = name.parse::<HeaderName>().unwrap_or_else(|error| panic!("{name:?}: {error}"));
        let value =
            HeaderValue::from_bytes(value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        self.request.headers_mut().append(name, value);
        self
    }

    /// Adds `X-Client-ID`.
    #[must_use]
    pub fn client(self, id: &str) -> Self {
        self.header("x-client-id", id)
    }

    /// Adds `X-Token-Estimate`.
    #[must_use]
    pub fn tokens(self, estimate: impl Display) -> Self {
        self.header("x-token-estimate", estimate.to_string())
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = full(body.into());
        self
    }

    /// Sets the body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sets a body that is made while it is sent.
    #[must_use]
    pub fn streamed_body<B>(mut self, body: B) -> Self
    where
        B: Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
    {
        *self.request.body_mut() = body.boxed_unsync();
        self
    }

    /// Sends the request and reads the whole answer.
    pub async fn send(self) -> Answer {
        let what = self.description();
        self.try_send().await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends the request and reads the whole answer; the error says why there is none.
    pub async fn try_send(self) -> Result<Answer, String> {
        let sent = Instant::now();
        let exchange = async {
            let response =
                self.client.client.request(self.request).await.map_err(|error| describe(&error))?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| describe(&error))?.to_bytes();
            Ok(Answer {
                status: head.status,
                version: head.version,
                headers: head.headers,
                body,
                sent,
                received: Instant::now(),
            })
        };
        let answer = timeout(SOON, exchange).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {SOON:?}")))?;
        answer.is_without_secrets();
        Ok(answer)
    }

    /// Sends the request and returns as soon as the answer's head is here.
    pub async fn open(self) -> OpenAnswer {
        let what = self.description();
        let response = soon(&what, self.client.client.request(self.request)).await;
        let response = response.unwrap_or_else(|error| panic!("{what}: {}", describe(&error)));
        OpenAnswer { response }
    }

    fn description(&self) -> String {
        format!("{} {}", self.request.method(), self.request.uri())
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The HTTP version it came in.
    pub version: Version,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// When the request was about to be sent.
    pub sent: Instant,
    /// When the body's end had arrived.
    pub received: Instant,
}

impl Answer {
    /// The first value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {} {}", self.status, self.text()))
    }

    /// An error has no key and no token in it, whatever was wrong: logs of clients have it too.
    #[track_caller]
    pub(crate) fn is_without_secrets(&self) {
        if self.status.is_client_error() || self.status.is_server_error() {
            let headers = format!("{:?}", self.headers);
            for part in [headers.as_bytes(), &self.body] {
                secrets::none_in(&format!("an answer of status {}", self.status), part);
            }
        }
    }

    /// How long the exchange took.
    pub fn duration(&self) -> Duration {
        self.received.duration_since(self.sent)
    }
}

/// An answer whose body is still coming.
#[derive(Debug)]
pub struct OpenAnswer {
    response: Response<Incoming>,
}

impl OpenAnswer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next piece of the body; `None` at its end, an error when it was cut short.
    pub async fn next_chunk(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            let frame =
                soon("the next piece of the body", self.response.body_mut().frame()).await?;
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err(describe(&error))),
            }
        }
    }
}

fn full(body: Bytes) -> RequestBody {
    Full::new(body).boxed_unsync()
}

/// An error together with its causes, which hyper's own texts leave out.
fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
