//! Serves the API: its services, with bounds on messages, calls and connections.

use std::{convert::Infallible, future, sync::Arc, time::Duration};

use prost::Message as _;
use prost_types::FileDescriptorSet;
use proto::api::flow_guard_service_server::{FlowGuardServiceServer, SERVICE_NAME};
use tokio_util::sync::CancellationToken;
use tonic::{service::LayerExt as _, transport::Server};
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server as reflection;

use super::{
    list::Lists,
    one_message::{self, DECODED_BYTES_MAX},
    service::FlowGuard,
    work::WorkLayer,
};
use crate::{
    auth::{GrpcLayer, Lock},
    health::Health,
    listener::{ConnectionLimits, Listener, OPERATOR_CONNECTIONS_MAX, Port, UNREAD_TIMEOUT},
    operator::Operator,
};

const STREAMS_PER_CONNECTION_MAX: u32 = 64;

/// Pings find peers that are gone, and their answers keep a live connection from seeming silent.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a call may take until its answer begins.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that does not even begin to speak HTTP/2 is closed after the read timeout.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections_max: OPERATOR_CONNECTIONS_MAX,
    read_timeout: Some(Duration::from_mins(1)),
    idle_timeout: None,
    unread_timeout: UNREAD_TIMEOUT,
};

/// What the public API is described by; the decision stream is the filter's alone.
const PUBLIC_FILES: [&str; 2] = ["flowguard.proto", "google/protobuf/field_mask.proto"];

/// What answers the calls.
pub type Calls = Lists<FlowGuardServiceServer<FlowGuard>>;

/// Why the API could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors for reflection cannot be read.
    #[error("the gRPC descriptors cannot be read: {0}")]
    Descriptors(#[from] prost::DecodeError),
    /// Reflection does not take the descriptors.
    #[error("gRPC reflection cannot be served: {0}")]
    Reflection(#[from] reflection::Error),
    /// The server failed.
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves the API to those whom `lock` lets in until `shutdown`, then finishes the calls that are open; the caller bounds how
/// long that may take.
pub async fn serve(
    port: impl Into<Port>,
    operator: Arc<Operator>,
    health: Health,
    lock: Lock,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let public = public_descriptors()?;
    let reflection = || {
        reflection::Builder::configure()
            .register_file_descriptor_set(public.clone())
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let reporter = HealthReporter::new();
    report(&reporter, ServingStatus::Serving).await;
    let health_service = HealthService::from_health_reporter(reporter.clone());
    let health_server =
        HealthServer::new(health_service).max_decoding_message_size(DECODED_BYTES_MAX);
    let one_message = one_message::layer();

    let served = Server::builder()
        .layer(WorkLayer)
        .layer(GrpcLayer::new(lock))
        .timeout(CALL_TIMEOUT)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(one_message.named_layer(calls(operator)))
        .add_service(one_message.named_layer(health_server))
        .add_service(reflection().build_v1()?.max_decoding_message_size(DECODED_BYTES_MAX))
        .add_service(reflection().build_v1alpha()?.max_decoding_message_size(DECODED_BYTES_MAX))
        .serve_with_incoming_shutdown(
            Listener::new(port, LIMITS).into_stream(),
            shutdown.clone().cancelled_owned(),
        );
    tokio::select! {
        served = served => Ok(served?),
        never = report_stop(reporter, health, shutdown) => match never {},
    }
}

/// The calls of the API, without health and reflection.
pub fn calls(operator: Arc<Operator>) -> Calls {
    let flow_guard = FlowGuardServiceServer::new(FlowGuard::new(Arc::clone(&operator)))
        .max_decoding_message_size(DECODED_BYTES_MAX);
    Lists::in_front_of(flow_guard, operator)
}

/// For the server as a whole, which has the empty name, and for its one service.
async fn report(reporter: &HealthReporter, status: ServingStatus) {
    reporter.set_service_status("", status).await;
    reporter.set_service_status(SERVICE_NAME, status).await;
}

/// Tells that the process stops, and at last ends the calls that watch for it.
async fn report_stop(
    mut reporter: HealthReporter,
    health: Health,
    shutdown: CancellationToken,
) -> Infallible {
    tokio::select! {
        () = health.stopped() => {}
        () = shutdown.cancelled() => {}
    }
    report(&reporter, ServingStatus::NotServing).await;
    shutdown.cancelled().await;
    reporter.clear_service_status("").await;
    reporter.clear_service_status(SERVICE_NAME).await;
    future::pending().await
}

fn public_descriptors() -> Result<FileDescriptorSet, prost::DecodeError> {
    let mut descriptors = FileDescriptorSet::decode(proto::DESCRIPTORS)?;
    descriptors.file.retain(|file| PUBLIC_FILES.contains(&file.name()));
    Ok(descriptors)
}
