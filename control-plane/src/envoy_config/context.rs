//! What the template is filled with, put as Envoy's configuration puts it.

use std::{net::IpAddr, num::NonZeroU16};

use proto::plugin_config::PluginConfig;
use serde::Serialize;

use super::{
    Bounds, Config, ControlPlane, ControlPlanes, Discovery, Scheme, Surroundings, UpstreamUrl,
    decide_token::DecideToken,
    files::{CLUSTERS, FILTER, LISTENERS},
};
use crate::host::Host;

#[derive(Serialize)]
pub(super) struct Context {
    admin_port: u16,
    stats_port: Option<u16>,
    drain: bool,
    envoy: EnvoyBounds,
    listener: Listener,
    filter: Filter,
    upstream: Upstream,
    control_planes: Deciders,
    decide_token: Option<DecideToken>,
    discovery: Option<Discovered>,
}

/// Where the parts are that Envoy discovers.
#[derive(Serialize)]
struct Discovered {
    filter: String,
    listeners: String,
    clusters: String,
    filter_version: String,
}

/// What Envoy may take, and how long it waits.
#[derive(Serialize)]
struct EnvoyBounds {
    connections_max: u64,
    heap_bytes: u64,
    /// As Envoy writes durations.
    stream_idle_timeout: String,
}

#[derive(Serialize)]
struct Listener {
    address: IpAddr,
    port: u16,
    accepts_ipv4_too: bool,
}

#[derive(Serialize)]
struct Filter {
    path: String,
    /// Its configuration as JSON, a line for each key.
    config: String,
}

/// Whom the filter asks.
#[derive(Serialize)]
struct Deciders {
    endpoints: Vec<Endpoint>,
    /// No DNS is needed for any of them.
    are_ips: bool,
    /// One that is not well can be left for another.
    are_several: bool,
}

/// Where an endpoint of a cluster is.
#[derive(Serialize)]
struct Endpoint {
    /// A name, or an address without brackets.
    address: String,
    port: u16,
    /// No DNS is needed.
    is_ip: bool,
}

#[derive(Serialize)]
struct Upstream {
    #[serde(flatten)]
    endpoint: Endpoint,
    /// The `Host` header.
    authority: String,
    /// With slashes at both ends, since it takes the place of the path's first slash.
    path_prefix: Option<String>,
    tls: Option<Tls>,
}

#[derive(Serialize)]
struct Tls {
    /// None for an IP address, which the TLS extension does not allow (RFC 6066, section 3).
    sni: Option<String>,
    /// The kind of subject alternative name that the certificate must have, and the name.
    san_type: &'static str,
    san: String,
    ca_file: String,
}

impl Context {
    pub(super) fn new(
        config: &Config,
        surroundings: &Surroundings,
        discovery: Option<&Discovery>,
    ) -> serde_json::Result<Self> {
        // The template has an access log.
        let filter_config = PluginConfig { access_log: true, ..config.filter.clone() };
        let Surroundings { filter, ip, control_planes, stats_port, decide_token_file, drain } =
            surroundings;
        Ok(Self {
            admin_port: config.admin_port.get(),
            stats_port: stats_port.map(NonZeroU16::get),
            drain: *drain,
            envoy: EnvoyBounds::new(&config.bounds),
            listener: Listener {
                address: *ip,
                port: config.proxy_port.get(),
                accepts_ipv4_too: ip.is_unspecified() && ip.is_ipv6(),
            },
            filter: Filter {
                path: filter.clone(),
                config: serde_json::to_string_pretty(&filter_config)?,
            },
            upstream: Upstream::new(&config.upstream, &config.upstream_ca_file),
            control_planes: Deciders::new(control_planes),
            decide_token: decide_token_file
                .as_deref()
                .map(|file| DecideToken::new(file, discovery)),
            discovery: discovery.map(Discovered::new),
        })
    }
}

impl Discovered {
    fn new(discovery: &Discovery) -> Self {
        let Discovery { folder, filter_version } = discovery;
        Self {
            filter: format!("{folder}/{FILTER}"),
            listeners: format!("{folder}/{LISTENERS}"),
            clusters: format!("{folder}/{CLUSTERS}"),
            filter_version: filter_version.clone(),
        }
    }
}

impl EnvoyBounds {
    fn new(bounds: &Bounds) -> Self {
        Self {
            connections_max: bounds.connections_max,
            heap_bytes: bounds.heap_bytes,
            stream_idle_timeout: format!("{}s", bounds.stream_idle_timeout_s),
        }
    }
}

impl Upstream {
    fn new(url: &UpstreamUrl, ca_file: &str) -> Self {
        Self {
            endpoint: Endpoint::new(url.host(), url.port()),
            authority: url.authority(),
            path_prefix: (!url.path_prefix().is_empty()).then(|| format!("{}/", url.path_prefix())),
            tls: match url.scheme() {
                Scheme::Http => None,
                Scheme::Https => Some(Tls::new(url.host(), ca_file)),
            },
        }
    }
}

impl Tls {
    fn new(host: &Host, ca_file: &str) -> Self {
        let (sni, san_type, san) = match host.without_root_dot() {
            Host::Name(name) => (Some(name.clone()), "DNS", name),
            Host::Ip(ip) => (None, "IP_ADDRESS", ip.to_string()),
        };
        Self { sni, san_type, san, ca_file: ca_file.to_owned() }
    }
}

impl Deciders {
    fn new(all: &ControlPlanes) -> Self {
        let endpoint = |ControlPlane { host, port }: &ControlPlane| Endpoint::new(host, *port);
        let endpoints: Vec<_> = all.iter().map(endpoint).collect();
        Self {
            are_ips: endpoints.iter().all(|endpoint| endpoint.is_ip),
            are_several: all.are_several(),
            endpoints,
        }
    }
}

impl Endpoint {
    fn new(host: &Host, port: NonZeroU16) -> Self {
        let (address, is_ip) = match host {
            Host::Name(name) => (name.clone(), false),
            Host::Ip(ip) => (ip.to_string(), true),
        };
        Self { address, port: port.get(), is_ip }
    }
}
