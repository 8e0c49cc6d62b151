//! What the template is filled with: the settings, put as Envoy's configuration puts them.

use std::{net::IpAddr, num::NonZeroU16};

use serde::Serialize;

use super::{EnvoyConfigError, Options};
use crate::settings::{EnvoySettings, Host, Ports, Scheme, Settings, UpstreamUrl};

#[derive(Serialize)]
pub(super) struct Context {
    admin_port: u16,
    stats_port: Option<u16>,
    envoy: Bounds,
    listener: Listener,
    filter: Filter,
    upstream: Upstream,
    control_plane: Endpoint,
}

/// What Envoy may take, and how long it waits.
#[derive(Serialize)]
struct Bounds {
    connections_max: u32,
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

/// Where a cluster's only endpoint is.
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
    pub(super) fn new(settings: &Settings, options: &Options) -> Result<Self, EnvoyConfigError> {
        if settings.ports.decision == 0 {
            return Err(EnvoyConfigError::UnknownDecisionPort);
        }
        if let Some(port) = options.stats_port {
            refuse_taken(port, &settings.ports)?;
        }
        let control_plane = match &options.control_plane_host {
            Some(host) => host.clone(),
            None => Host::Ip(settings.local_address()),
        };
        Ok(Self {
            admin_port: settings.ports.envoy_admin.get(),
            stats_port: options.stats_port.map(NonZeroU16::get),
            envoy: Bounds::new(&settings.envoy),
            listener: Listener {
                address: settings.bind_address,
                port: settings.ports.proxy.get(),
                accepts_ipv4_too: settings.bind_address.is_unspecified()
                    && settings.bind_address.is_ipv6(),
            },
            filter: Filter::new(settings, options)?,
            upstream: Upstream::new(&settings.upstream, &settings.upstream_ca_file),
            control_plane: Endpoint::new(&control_plane, settings.ports.decision),
        })
    }
}

impl Bounds {
    fn new(settings: &EnvoySettings) -> Self {
        Self {
            connections_max: settings.connections_max.get(),
            heap_bytes: settings.heap_bytes,
            stream_idle_timeout: format!("{}s", settings.stream_idle_timeout.as_secs()),
        }
    }
}

impl Filter {
    fn new(settings: &Settings, options: &Options) -> Result<Self, EnvoyConfigError> {
        let config = settings.filter.plugin_config(options.mode, settings.policy.estimate.source);
        Ok(Self { path: options.filter.clone(), config: serde_json::to_string_pretty(&config)? })
    }
}

impl Upstream {
    fn new(url: &UpstreamUrl, ca_file: &str) -> Self {
        Self {
            endpoint: Endpoint::new(url.host(), url.port().get()),
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

impl Endpoint {
    fn new(host: &Host, port: u16) -> Self {
        let (address, is_ip) = match host {
            Host::Name(name) => (name.clone(), false),
            Host::Ip(ip) => (ip.to_string(), true),
        };
        Self { address, port, is_ip }
    }
}

/// Envoy listens on three ports, and two of them are settings.
fn refuse_taken(port: NonZeroU16, ports: &Ports) -> Result<(), EnvoyConfigError> {
    for (taken, setting) in [(ports.proxy, "PROXY_PORT"), (ports.envoy_admin, "ENVOY_ADMIN_PORT")] {
        if taken == port {
            return Err(EnvoyConfigError::StatsPortTaken { port, setting });
        }
    }
    Ok(())
}
