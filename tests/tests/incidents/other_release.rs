//! A filter and a control plane of different releases: somebody stands between them, and changes what
//! the filter says of itself. The real control plane has the last word.

use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use proto::DECISION_PROTOCOL_VERSION;
use proto::decision::{
    ControlFrame, FilterFrame, Hello,
    decision_service_client::DecisionServiceClient,
    decision_service_server::{DecisionService, DecisionServiceServer},
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// What a filter of this release says.
pub(crate) const RELEASE: &str = "0.0.0-before";

/// What the filters seem to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filters {
    /// Of a release that speaks another version of the decision stream.
    OtherProtocol,
    /// So are those whose workers were welcomed before.
    OtherProtocolOnReturn,
    /// Of a release that differs in nothing that is on the stream.
    SameProtocol,
}

/// A running one; it ends when it is dropped.
pub(crate) struct OtherRelease {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl OtherRelease {
    /// Starts one before the control plane at this address.
    pub(crate) async fn start(control_plane: SocketAddr, filters: Filters) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let service = DecisionServiceServer::new(Front { control_plane, filters });
        let serving = Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        let task = tokio::spawn(async { serving.await.expect("it serves until it is dropped") });
        Self { address, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for OtherRelease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Front {
    control_plane: SocketAddr,
    filters: Filters,
}

#[tonic::async_trait]
impl DecisionService for Front {
    type DecideStream = Pin<Box<dyn Stream<Item = Result<ControlFrame, Status>> + Send>>;

    async fn decide(
        &self,
        request: Request<Streaming<FilterFrame>>,
    ) -> Result<Response<Self::DecideStream>, Status> {
        let filters = self.filters;
        let frames = request.into_inner().take_while(|frame| ready(frame.is_ok()));
        let frames = frames.filter_map(|frame| ready(frame.ok())).map(move |mut frame| {
            if let Some(hello) = &mut frame.hello {
                change(hello, filters);
            }
            frame
        });
        let endpoint = Endpoint::from_shared(format!("http://{}", self.control_plane));
        let channel = endpoint.expect("an address").connect().await;
        let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
        let answers = DecisionServiceClient::new(channel).decide(frames).await?;
        Ok(Response::new(Box::pin(answers.into_inner())))
    }
}

fn change(hello: &mut Hello, filters: Filters) {
    match filters {
        Filters::OtherProtocolOnReturn if hello.worker.is_empty() => {}
        Filters::OtherProtocol | Filters::OtherProtocolOnReturn => {
            hello.protocol_version = DECISION_PROTOCOL_VERSION + 1;
        }
        Filters::SameProtocol => RELEASE.clone_into(&mut hello.version),
    }
}
