//! Settings: what an operator chooses before anything runs.
//!
//! A setting comes from its flag, else from its environment variable (`FLOWGUARD_NAME`, then
//! `NAME`), else from its default ([`Setting`] lists them). All of them are read at once into [`Settings`], whose types
//! hold allowed values only, so that nothing half-configured ever starts.

mod charge;
mod cors;
mod envoy;
mod error;
mod filter;
mod hosts;
pub(crate) mod table;
mod upstream;
mod values;
mod variables;

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
};

use limiter::{PerMinute, Tokens};

pub use cors::{CorsOrigins, Origin};
pub use envoy::EnvoySettings;
pub use error::{NotAllowed, SettingsError, shown};
pub use filter::{
    AcceptEncoding, ErrorFormat, ExemptPath, FailureMode, FilterMode, FilterSettings,
    RateLimitHeaders, UpstreamRateLimitHeaders,
};
pub use hosts::AllowedHosts;
pub use table::{Echo, Setting};
pub use upstream::{Host, Scheme, UpstreamUrl};
pub(crate) use values::fixed_port;
pub use values::{LogFormat, LogLevel, LogSettings, Ports, Word};
pub(crate) use variables::Variables;
pub use variables::{Given, Misspelt, WithoutEffect};

use crate::ledger::{ChargePolicy, EstimatePolicy, Policy, UnknownClients};

/// Every setting in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where Envoy forwards to.
    pub upstream: UpstreamUrl,
    /// The file of PEM certificates that Envoy trusts for an https upstream.
    pub upstream_ca_file: String,
    /// What Envoy may take, and how long it waits.
    pub envoy: EnvoySettings,
    /// The ports of all listeners.
    pub ports: Ports,
    /// The address that the listeners bind, Envoy's proxy listener included.
    pub bind_address: IpAddr,
    /// The host names by which the REST API and the metrics may be called.
    pub allowed_hosts: AllowedHosts,
    /// What is logged, and in which form.
    pub log: LogSettings,
    /// What the filter is told.
    pub filter: FilterSettings,
    /// What a request is charged, and to whom. The filter is told where an estimate comes from.
    pub policy: Policy,
    /// The origins from which a browser may call the REST API.
    pub cors_allow_origins: CorsOrigins,
    /// Whether the demo clients are there when no client is configured.
    pub demo_clients: bool,
}

impl Settings {
    /// Reads every setting; `given` tells what the operator gave for one, if anything.
    ///
    /// # Errors
    /// The first value that is not allowed, or two settings that name the same port.
    pub fn resolve(given: impl Fn(&Setting) -> Option<Given>) -> Result<Self, SettingsError> {
        let given = &given;
        let upstream = read(given, &table::UPSTREAM_URL, UpstreamUrl::parse)?;
        let upstream_ca_file = read(given, &table::UPSTREAM_CA_FILE, values::text)?;
        let ports = Ports {
            proxy: read(given, &table::PROXY_PORT, values::fixed_port)?,
            metrics: read(given, &table::METRICS_PORT, values::number)?,
            config: read(given, &table::CONFIG_PORT, values::number)?,
            grpc: read(given, &table::GRPC_PORT, values::number)?,
            decision: read(given, &table::DECISION_PORT, values::number)?,
            envoy_admin: read(given, &table::ENVOY_ADMIN_PORT, values::fixed_port)?,
        };
        refuse_shared_ports(&ports)?;
        // The limits are read under every policy: a mistake in one must not wait for the day on
        // which the policy changes.
        let rpm = read(given, &table::UNKNOWN_CLIENT_RPM, limit)?;
        let tpm = read(given, &table::UNKNOWN_CLIENT_TPM, limit)?;
        Ok(Self {
            upstream,
            upstream_ca_file,
            envoy: EnvoySettings {
                connections_max: read(
                    given,
                    &table::ENVOY_CONNECTIONS_MAX,
                    envoy::connections_max,
                )?,
                heap_bytes: read(given, &table::ENVOY_HEAP_BYTES, envoy::heap_bytes)?,
                stream_idle_timeout: read(
                    given,
                    &table::STREAM_IDLE_TIMEOUT_S,
                    envoy::idle_timeout,
                )?,
            },
            ports,
            bind_address: read(given, &table::BIND_ADDRESS, |text| text.parse().ok())?,
            allowed_hosts: read(given, &table::ALLOWED_HOSTS, AllowedHosts::parse)?,
            log: LogSettings {
                level: read(given, &table::LOG_LEVEL, Word::parse)?,
                format: read(given, &table::LOG_FORMAT, Word::parse)?,
            },
            filter: FilterSettings {
                failure_mode: read(given, &table::FAILURE_MODE, Word::parse)?,
                decision_timeout: read(
                    given,
                    &table::DECISION_TIMEOUT_MS,
                    filter::decision_timeout,
                )?,
                error_format: read(given, &table::ERROR_FORMAT, Word::parse)?,
                rate_limit_headers: read(given, &table::RATE_LIMIT_HEADERS, Word::parse)?,
                upstream_rate_limit_headers: read(
                    given,
                    &table::UPSTREAM_RATE_LIMIT_HEADERS,
                    Word::parse,
                )?,
                accept_encoding: read(given, &table::ACCEPT_ENCODING, Word::parse)?,
                exempt_paths: read(given, &table::EXEMPT_PATHS, filter::exempt_paths)?,
                exempt_preflight: read(given, &table::EXEMPT_PREFLIGHT, values::yes_or_no)?,
            },
            policy: Policy {
                estimate: EstimatePolicy {
                    source: read(given, &table::ESTIMATE, Word::parse)?,
                    default: read(given, &table::DEFAULT_ESTIMATE, tokens)?,
                    min: read(given, &table::MIN_ESTIMATE, tokens)?,
                },
                charge: ChargePolicy {
                    without_usage: read(given, &table::CHARGE_WITHOUT_USAGE, Word::parse)?,
                    upstream_failure: read(given, &table::CHARGE_ON_UPSTREAM_FAILURE, Word::parse)?,
                    upstream_refusal: read(given, &table::CHARGE_ON_UPSTREAM_REFUSAL, Word::parse)?,
                    abort: read(given, &table::CHARGE_ON_ABORT, Word::parse)?,
                    read: read(given, &table::CHARGE_ON_READ, Word::parse)?,
                    observed_max: read(given, &table::OBSERVED_TOKENS_MAX, observed_max)?,
                },
                unknown_clients: read(given, &table::UNKNOWN_CLIENTS, |text| {
                    charge::unknown_clients(text, rpm, tpm)
                })?,
            },
            cors_allow_origins: read(given, &table::CORS_ALLOW_ORIGINS, CorsOrigins::parse)?,
            demo_clients: read(given, &table::DEMO_CLIENTS, values::yes_or_no)?,
        })
    }

    /// The address by which this host reaches the listeners.
    pub fn local_address(&self) -> IpAddr {
        if self.bind_address.is_unspecified() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            self.bind_address
        }
    }

    /// One `NAME=value` line for each setting that has an effect. Given back as environment
    /// variables, the lines make the same settings.
    pub fn to_lines(&self) -> String {
        let mut lines = String::new();
        for (setting, value) in self.values() {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{}={value}", setting.name);
        }
        lines
    }

    fn values(&self) -> Vec<(&'static Setting, String)> {
        let Self { envoy, filter, policy: Policy { unknown_clients, estimate, charge }, .. } = self;
        let mut values = vec![
            (&table::UPSTREAM_URL, self.upstream.to_string()),
            (&table::UPSTREAM_CA_FILE, self.upstream_ca_file.clone()),
            (&table::STREAM_IDLE_TIMEOUT_S, envoy.stream_idle_timeout.as_secs().to_string()),
        ];
        values.extend(self.ports.by_setting().map(|(setting, port)| (setting, port.to_string())));
        values.extend([
            (&table::ENVOY_CONNECTIONS_MAX, envoy.connections_max.to_string()),
            (&table::ENVOY_HEAP_BYTES, envoy.heap_bytes.to_string()),
            (&table::BIND_ADDRESS, self.bind_address.to_string()),
            (&table::ALLOWED_HOSTS, self.allowed_hosts.to_string()),
            (&table::CORS_ALLOW_ORIGINS, self.cors_allow_origins.to_string()),
            (&table::LOG_LEVEL, self.log.level.word().to_owned()),
            (&table::LOG_FORMAT, self.log.format.word().to_owned()),
            (&table::FAILURE_MODE, filter.failure_mode.word().to_owned()),
            (&table::DECISION_TIMEOUT_MS, filter.decision_timeout.as_millis().to_string()),
            (&table::ERROR_FORMAT, filter.error_format.word().to_owned()),
            (&table::RATE_LIMIT_HEADERS, filter.rate_limit_headers.word().to_owned()),
            (
                &table::UPSTREAM_RATE_LIMIT_HEADERS,
                filter.upstream_rate_limit_headers.word().to_owned(),
            ),
            (&table::ACCEPT_ENCODING, filter.accept_encoding.word().to_owned()),
            (&table::EXEMPT_PATHS, filter::exempt_list(&filter.exempt_paths)),
            (&table::EXEMPT_PREFLIGHT, filter.exempt_preflight.to_string()),
            (&table::ESTIMATE, estimate.source.word().to_owned()),
            (&table::DEFAULT_ESTIMATE, estimate.default.get().to_string()),
            (&table::MIN_ESTIMATE, estimate.min.get().to_string()),
            (&table::CHARGE_WITHOUT_USAGE, charge.without_usage.word().to_owned()),
            (&table::CHARGE_ON_ABORT, charge.abort.word().to_owned()),
            (&table::OBSERVED_TOKENS_MAX, charge.observed_max.get().to_string()),
            (&table::CHARGE_ON_READ, charge.read.word().to_owned()),
            (&table::CHARGE_ON_UPSTREAM_REFUSAL, charge.upstream_refusal.word().to_owned()),
            (&table::CHARGE_ON_UPSTREAM_FAILURE, charge.upstream_failure.word().to_owned()),
            (&table::UNKNOWN_CLIENTS, charge::unknown_clients_word(*unknown_clients).to_owned()),
        ]);
        if let UnknownClients::Shared { rpm, tpm } = unknown_clients {
            values.push((&table::UNKNOWN_CLIENT_RPM, rpm.get().to_string()));
            values.push((&table::UNKNOWN_CLIENT_TPM, tpm.get().to_string()));
        }
        values.push((&table::DEMO_CLIENTS, self.demo_clients.to_string()));
        values
    }
}

fn read<T>(
    given: &impl Fn(&Setting) -> Option<Given>,
    setting: &'static Setting,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, NotAllowed> {
    let given = given(setting).unwrap_or_else(|| setting.default.into());
    given.value.to_str().and_then(parse).ok_or_else(|| NotAllowed::setting(setting, given))
}

fn limit(text: &str) -> Option<PerMinute> {
    PerMinute::new(values::number(text)?).ok()
}

fn tokens(text: &str) -> Option<Tokens> {
    Tokens::new(values::number(text)?).ok()
}

fn observed_max(text: &str) -> Option<Tokens> {
    tokens(text).filter(|tokens| tokens.get() <= ChargePolicy::OBSERVED_MAX)
}

/// Two listeners on one port would leave the second one out, or worse, a request at the wrong
/// door. Port 0 is whichever port is free, so it may be given to many.
fn refuse_shared_ports(ports: &Ports) -> Result<(), SettingsError> {
    let ports = ports.by_setting();
    for (index, (second, port)) in ports.iter().enumerate() {
        let earlier = ports.iter().take(index);
        if let Some((first, _)) = earlier.into_iter().find(|(_, other)| other == port && *port != 0)
        {
            return Err(SettingsError::SamePort { first, second, port: *port });
        }
    }
    Ok(())
}
