//! What crosses a process: wire types, generated from `flowguard.proto` and `decision.proto`, and
//! the filter's configuration.
//!
//! With the feature `grpc` the tonic clients and servers come with them.

mod bounds;
mod model_name;
pub mod plugin_config;
mod secret_form;
mod words;

pub use bounds::{
    ASKS_MAX, CLIENT_KEY_BYTES_MAX, CLIENT_KEY_PREFIX, DROPPED_MAX, FIGURE_MAX, IDENTITY_BYTES_MAX,
    REPORTS_MAX, RESUMED_MAX,
};
pub use model_name::{MODEL_NAME_BYTES_MAX, model_name};
pub use secret_form::{PUBLIC_PART_LEN, TOKEN_PREFIX, secret_in};

/// The version of the decision stream that this build speaks, told in `Hello` and `Welcome`.
pub const DECISION_PROTOCOL_VERSION: u32 = 1;

/// The full name of the stream's service, as a gRPC caller without generated clients needs it.
pub const DECISION_SERVICE: &str = "flowguard.decision.v1.DecisionService";

/// The stream's method in [`DECISION_SERVICE`].
pub const DECISION_METHOD: &str = "Decide";

/// `package flowguard`: the public API.
#[allow(missing_docs, clippy::pedantic, reason = "generated code")]
pub mod api {
    include!(concat!(env!("OUT_DIR"), "/flowguard.rs"));
}

/// `package flowguard.decision.v1`: the filter's decision stream.
#[allow(missing_docs, clippy::pedantic, reason = "generated code")]
pub mod decision {
    include!(concat!(env!("OUT_DIR"), "/flowguard.decision.v1.rs"));
}

/// The encoded `FileDescriptorSet` of both packages, for server reflection.
#[cfg(feature = "grpc")]
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
