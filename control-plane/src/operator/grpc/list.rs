//! `ListClients`: one message, which is written, sent and forgotten a piece at a time.
//!
//! tonic keeps an answer whole until its reader has taken it, and encodes it on a thread that
//! serves: a reader that does not read would cost as much as all clients take, for as long as it
//! likes. This answers the call in front of tonic's service. Encoded messages that follow each other
//! are one message that has the fields of all, so a message is written like any other list.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::StreamBody;
use hyper::body::Frame;
use prost::Message as _;
use proto::api::{
    self, ListClientsRequest, ListClientsResponse, flow_guard_service_server::SERVICE_NAME,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
    time::timeout,
};
use tonic::{
    Status, Streaming, body::Body, codec::Codec as _, metadata::GRPC_CONTENT_TYPE,
    server::NamedService,
};
use tonic_prost::ProstCodec;
use tower::Service;

use super::one_message::DECODED_BYTES_MAX;
use crate::{
    clients::{CLIENTS_AT_A_TIME, Span},
    excerpt::Excerpt,
    http::pieces::{self, Pieces},
    listener::ConnectionInfo,
    operator::{Caller, Operator, OperatorError, page::client_behind},
};

const PATH: &str = "/flowguard.FlowGuardService/ListClients";

/// How long an answer may be: 4 MiB is what gRPC's libraries read unless they are told otherwise.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a few clients with the longest ids take at most, and the token after them.
const FEW_CLIENTS_BYTES_MAX: usize = 512 * CLIENTS_AT_A_TIME;

/// How many answers are in memory at a time.
const ANSWERS_MAX: usize = 8;

/// How long a reader may take for an answer: others wait for its place in memory.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The service with this call in front of it.
#[derive(Clone, Debug)]
pub struct Lists<S> {
    service: S,
    operator: Arc<Operator>,
    answers: Arc<Semaphore>,
}

impl<S> Lists<S> {
    pub(super) fn in_front_of(service: S, operator: Arc<Operator>) -> Self {
        Self { service, operator, answers: Arc::new(Semaphore::new(ANSWERS_MAX)) }
    }
}

impl<S> NamedService for Lists<S> {
    const NAME: &'static str = SERVICE_NAME;
}

impl<S> Service<Request<Body>> for Lists<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() != PATH {
            return Box::pin(self.service.call(request));
        }
        let (operator, answers) = (Arc::clone(&self.operator), Arc::clone(&self.answers));
        Box::pin(async move {
            let answered = answer(operator, answers, request).await;
            Ok(answered.unwrap_or_else(Status::into_http))
        })
    }
}

async fn answer(
    operator: Arc<Operator>,
    answers: Arc<Semaphore>,
    request: Request<Body>,
) -> Result<Response<Body>, Status> {
    let connection = request.extensions().get::<ConnectionInfo>().cloned();
    let caller = Caller::of(request.extensions());
    let page = Page::read(request.into_body()).await?;
    let place = answers.acquire_owned().await.map_err(|_| OperatorError::Stopping)?;
    let turns = operator.readers().clone();
    let message = turns.run(move || page.write(&operator, &caller)).await;
    let message = message.map_err(OperatorError::from)?;

    let (sender, pieces) = pieces::channel();
    task::spawn(send(sender, message, place, connection));
    let frames = pieces.map(|piece| piece.map(Frame::data));
    let frames = frames.chain(stream::once(async { Ok(Frame::trailers(ok_trailers())) }));
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC_CONTENT_TYPE);
    Ok(response)
}

/// A reader that is not done in time loses its connection, and with it all that was written to it.
async fn send(
    sender: Pieces,
    message: Vec<Bytes>,
    place: OwnedSemaphorePermit,
    connection: Option<ConnectionInfo>,
) {
    let _answering = connection.as_ref().map(|connection| connection.handle.answering());
    let sent = timeout(READ_TIMEOUT, async {
        for piece in message {
            if sender.send(piece).await.is_err() {
                return;
            }
        }
        sender.end().await;
    });
    if sent.await.is_err()
        && let Some(connection) = connection
    {
        connection.handle.close();
    }
    drop(place);
}

fn ok_trailers() -> HeaderMap {
    HeaderMap::from_iter([(
        header::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )])
}

/// The clients of one answer.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    span: Span,
    clients_max: usize,
}

impl Page {
    async fn read(body: Body) -> Result<Self, Status> {
        let decoder = ProstCodec::<ListClientsResponse, ListClientsRequest>::default().decoder();
        let mut messages = Streaming::new_request(decoder, body, None, Some(DECODED_BYTES_MAX));
        let Some(request) = messages.message().await? else {
            return Err(Status::invalid_argument("the call has no request"));
        };
        Self::of(&request)
    }

    fn of(request: &ListClientsRequest) -> Result<Self, Status> {
        let clients_max = match usize::try_from(request.page_size) {
            Ok(0) => usize::MAX,
            Ok(clients) => clients,
            Err(_) => {
                let given = request.page_size;
                return Err(Status::invalid_argument(format!(
                    "page_size must be 0 (as many as fit into an answer) or above, not {given}"
                )));
            }
        };
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(client_behind(token, &request.prefix).ok_or_else(|| {
                let given = Excerpt::new(&format!("\"{token}\""));
                Status::invalid_argument(format!(
                    "page_token must be an earlier answer's next_page_token, or absent, not {given}"
                ))
            })?),
        };
        let span = Span { after, prefix: request.prefix.clone() };
        Ok(Self { span, clients_max })
    }

    /// The message with its length before it, in pieces.
    fn write(self, operator: &Operator, caller: &Caller) -> Vec<Bytes> {
        let Self { mut span, clients_max } = self;
        let mut pieces = vec![Bytes::new()];
        let (mut clients, mut len) = (0, 0);
        let mut is_whole = false;
        while !is_whole && clients < clients_max && len + FEW_CLIENTS_BYTES_MAX <= ANSWER_BYTES_MAX
        {
            let max = CLIENTS_AT_A_TIME.min(clients_max - clients);
            let few = operator.clients_within(&span, max, caller);
            is_whole = few.len() < max;
            let Some((last, _)) = few.last() else { break };
            span.after = Some(last.id.clone());
            clients += few.len();
            let piece = ListClientsResponse {
                clients: few.iter().map(|(config, _)| api::ClientConfig::from(config)).collect(),
                stats: few.iter().map(|(_, stats)| api::ClientStats::from(stats)).collect(),
                next_page_token: None,
            };
            let piece = piece.encode_to_vec();
            len += piece.len();
            pieces.push(piece.into());
        }
        // Nobody has to ask again only to learn that there is nothing more.
        if !is_whole && !operator.configs_within(&span, 1, caller).is_empty() {
            let token = span.after.map(|id| id.to_string());
            let token = ListClientsResponse { next_page_token: token, ..Default::default() };
            let token = token.encode_to_vec();
            len += token.len();
            pieces.push(token.into());
        }
        if let Some(prefix) = pieces.first_mut() {
            *prefix = prefix_of(len);
        }
        pieces
    }
}

/// Before each message of gRPC: that it is not compressed, and its length.
fn prefix_of(len: usize) -> Bytes {
    let mut prefix = BytesMut::with_capacity(5);
    prefix.put_u8(0);
    prefix.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    prefix.freeze()
}
