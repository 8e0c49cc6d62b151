//! The complete configuration of an Envoy in front of the upstream.
//!
//! The text is a template (`envoy.yaml.j2`), so that a reader of either sees what Envoy will see.
//! What depends on [`Config`] and [`Surroundings`] is computed in `context.rs`, never in the
//! template.

mod config;
mod context;
mod control_plane_tls;
mod control_planes;
mod decide_token;
mod files;
mod template;
mod upstream;

pub use config::{Bounds, Config, Discovery, Surroundings};
pub use control_plane_tls::{CertificateName, ControlPlaneTls};
pub use control_planes::{ControlPlane, ControlPlanes};
pub use files::Files;
pub use template::{GenerateError, generate, generate_files};
pub use upstream::{Scheme, UpstreamUrl};
