//! What the template is filled with, put as Envoy's configuration puts it.

use std::{net::IpAddr, num::NonZeroU16};

use proto::plugin_config::PluginConfig;
use serde::Serialize;

use super::{
    Bounds, CertificateName, Config, ControlPlane, ControlPlaneTls, ControlPlanes, Discovery,
    Scheme, Surroundings, UpstreamUrl,
    decide_token::DecideToken,
    files::{AUTHORITIES, CERTIFICATE, CLUSTERS, FILTER, LISTENERS},
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
    authorities: String,
    certificate: String,
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
    tls: Option<DecidersTls>,
}

/// How they are called with TLS.
#[derive(Serialize)]
struct DecidersTls {
    sni: Option<String>,
    /// One of these has to stand in the certificate.
    names: Vec<San>,
    ca_file: String,
    /// What Envoy shows.
    certificate: Option<Certificate>,
}

#[derive(Serialize)]
struct Certificate {
    cert_file: String,
    key_file: String,
}

/// A subject alternative name: its kind in Envoy's words, and the name.
#[derive(PartialEq, Eq, Serialize)]
struct San {
    san_type: &'static str,
    san: String,
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
    /// What the certificate must have.
    #[serde(flatten)]
    name: San,
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
            control_planes: Deciders::new(control_planes, &config.control_plane_tls),
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
            authorities: format!("{folder}/{AUTHORITIES}"),
            certificate: format!("{folder}/{CERTIFICATE}"),
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
        let name = San::of_host(host);
        Self { sni: name.sni(), name, ca_file: ca_file.to_owned() }
    }
}

impl San {
    fn of_host(host: &Host) -> Self {
        let (san_type, san) = match host.without_root_dot() {
            Host::Name(name) => ("DNS", name),
            Host::Ip(ip) => ("IP_ADDRESS", ip.to_string()),
        };
        Self { san_type, san }
    }

    fn sni(&self) -> Option<String> {
        (self.san_type == "DNS").then(|| self.san.clone())
    }
}

impl DecidersTls {
    fn new(all: &ControlPlanes, tls: &ControlPlaneTls) -> Option<Self> {
        let ControlPlaneTls { ca_file, name, cert_file, key_file } = tls;
        let ca_file = ca_file.clone()?;
        let mut names = Vec::new();
        match name {
            CertificateName::Host(host) => names.push(San::of_host(host)),
            CertificateName::Uri(uri) => names.push(San { san_type: "URI", san: uri.clone() }),
            CertificateName::OfHost => {
                for control_plane in all.iter() {
                    let name = San::of_host(&control_plane.host);
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
        let sni = match names.as_slice() {
            [name] => name.sni(),
            // Each is called by its own, and the handshake has room for one.
            _ => None,
        };
        let pair = cert_file.clone().zip(key_file.clone());
        let certificate = pair.map(|(cert_file, key_file)| Certificate { cert_file, key_file });
        Some(Self { sni, names, ca_file, certificate })
    }
}

impl Deciders {
    fn new(all: &ControlPlanes, tls: &ControlPlaneTls) -> Self {
        let endpoint = |ControlPlane { host, port }: &ControlPlane| Endpoint::new(host, *port);
        let endpoints: Vec<_> = all.iter().map(endpoint).collect();
        Self {
            are_ips: endpoints.iter().all(|endpoint| endpoint.is_ip),
            are_several: all.are_several(),
            tls: DecidersTls::new(all, tls),
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
