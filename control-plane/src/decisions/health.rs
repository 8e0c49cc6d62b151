//! What an Envoy hears that asks whether this control plane is well (grpc.health.v1).

use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

/// The server as a whole has the empty name, and an Envoy asks for nothing else.
const WHOLE_SERVER: &str = "";

/// The longest question that is read: a name of that which is asked for.
const QUESTION_BYTES_MAX: usize = 1_024;

/// The answer, of which two are given: well, and from then on about to stop.
pub(super) struct Health(HealthReporter);

impl Health {
    /// All is well.
    pub(super) async fn well() -> Self {
        let reporter = HealthReporter::new();
        reporter.set_service_status(WHOLE_SERVER, ServingStatus::Serving).await;
        Self(reporter)
    }

    /// The service that answers.
    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.clone()))
            .max_decoding_message_size(QUESTION_BYTES_MAX)
    }

    /// Whoever opens a stream is to open it elsewhere.
    pub(super) async fn stop(&self) {
        self.0.set_service_status(WHOLE_SERVER, ServingStatus::NotServing).await;
    }

    /// Ends the calls that watch for a change, which would keep the server from its end.
    pub(super) async fn close(&mut self) {
        self.0.clear_service_status(WHOLE_SERVER).await;
    }
}
