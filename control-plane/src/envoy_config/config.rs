//! What the generated configuration is made of.

use std::{net::IpAddr, num::NonZeroU16, ops::RangeInclusive};

use proto::plugin_config::PluginConfig;

use super::{ControlPlanes, UpstreamUrl};

/// What an operator chooses for Envoy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where Envoy forwards to.
    pub upstream: UpstreamUrl,
    /// The file of PEM certificates that Envoy trusts for an https upstream.
    pub upstream_ca_file: String,
    /// The port of its listener for API traffic.
    pub proxy_port: NonZeroU16,
    /// The port of its admin interface, always on 127.0.0.1.
    pub admin_port: NonZeroU16,
    /// What it may take, and how long it waits.
    pub bounds: Bounds,
    /// Whom its workers ask, where that is not the control plane that these settings are for.
    pub control_planes: ControlPlanes,
    /// Whether a client is believed that says itself who it is, on a listener that others reach.
    pub trust_client_header: bool,
    /// What the filter is told.
    pub filter: PluginConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            upstream: UpstreamUrl::default(),
            upstream_ca_file: "/etc/ssl/certs/ca-certificates.crt".to_owned(),
            proxy_port: port::<8080>(),
            admin_port: port::<9901>(),
            bounds: Bounds::default(),
            control_planes: ControlPlanes::default(),
            trust_client_header: false,
            filter: PluginConfig::default(),
        }
    }
}

/// What Envoy may take, and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections of clients at once, in [`Self::CONNECTIONS_MAX`]; further ones are closed.
    pub connections_max: u64,
    /// Bytes of memory, in [`Self::HEAP_BYTES`]. Close to it Envoy refuses new requests and ends
    /// the largest streams.
    pub heap_bytes: u64,
    /// How long a request and its response may be silent, in [`Self::STREAM_IDLE_TIMEOUT_S`].
    pub stream_idle_timeout_s: u64,
}

impl Bounds {
    /// How many connections an Envoy may be allowed.
    pub const CONNECTIONS_MAX: RangeInclusive<u64> = 1..=10_000_000;

    /// How much memory an Envoy may be allowed. An idle one with the filter in two workers has some
    /// 30 MB of heap: with less than a few times that it would end what it could serve.
    pub const HEAP_BYTES: RangeInclusive<u64> = 128 << 20..=1 << 40;

    /// A second to a day.
    pub const STREAM_IDLE_TIMEOUT_S: RangeInclusive<u64> = 1..=86_400;
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections_max: 50_000, heap_bytes: 1 << 30, stream_idle_timeout_s: 600 }
    }
}

/// What a configuration has to know of the place where its Envoy will run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Where Envoy finds the filter's wasm file.
    pub filter: String,
    /// The address of Envoy's listeners.
    pub ip: IpAddr,
    /// Where Envoy reaches the control planes.
    pub control_planes: ControlPlanes,
    /// The port at which Envoy shows its statistics to other hosts, if it does.
    pub stats_port: Option<NonZeroU16>,
    /// The file of the token that the decision stream shows, as Envoy finds it, if it shows one.
    pub decide_token_file: Option<String>,
    /// Whether whoever runs this Envoy may drain it over its admin port.
    pub drain: bool,
}

/// What of its configuration an Envoy is to discover in files, and to follow while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The folder of the files, as Envoy finds it.
    pub folder: String,
    /// Which filter the wasm file holds: another text for each.
    pub filter_version: String,
}

/// A port that is known when this is compiled: 0 does not compile.
pub(super) const fn port<const PORT: u16>() -> NonZeroU16 {
    const {
        match NonZeroU16::new(PORT) {
            Some(port) => port,
            None => panic!("0 is no port"),
        }
    }
}
