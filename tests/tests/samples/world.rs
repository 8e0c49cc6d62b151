//! What a sample runs in: a control plane, an upstream, and Envoys one after the other.

use harness::control_plane::{ControlPlane, Settings};
use harness::envoy::{Envoy, EnvoyPorts};
use serde_json::Value;
use tempfile::TempDir;

use crate::config;
use crate::echo::Echo;

/// The parts around the Envoys.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) control_plane: ControlPlane,
    pub(crate) upstream: Echo,
    pub(crate) folder: TempDir,
}

impl World {
    /// Starts them.
    pub(crate) async fn start() -> Self {
        let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let settings = [("BIND_ADDRESS", "127.0.0.1"), ("DEMO_CLIENTS", "false")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            control_plane: ControlPlane::start(Settings::from(settings), folder.path().to_owned())
                .await,
            upstream: Echo::start().await,
            folder,
        }
    }

    /// A ready Envoy with this configuration, as it is on this machine.
    pub(crate) async fn envoy(&self, name: &str, config: &Value) -> Envoy {
        let ports = EnvoyPorts::free();
        let config = config::on_this_machine(
            config,
            ports,
            self.control_plane.decision_address(),
            self.upstream.address(),
        );
        let mut envoy = Envoy::spawn(name, &config.to_string(), ports, 1, self.folder.path());
        envoy.wait_until_ready().await;
        envoy
    }
}
