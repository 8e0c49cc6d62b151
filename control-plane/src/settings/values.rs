//! The plain settings' types: a choice of words, ports, limits.

use std::{num::NonZeroU16, str::FromStr};

use super::{Setting, table};

/// A setting whose value is one of a few words.
pub trait Word: Copy + 'static {
    /// Every value there is.
    const ALL: &[Self];

    /// The value as the operator writes it.
    fn word(self) -> &'static str;

    /// The value that is written so.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == text)
    }
}

/// What the control plane logs, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The least severe level that is logged.
    pub level: LogLevel,
    /// How a record is written.
    pub format: LogFormat,
}

/// How severe a log record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words every logger uses")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Word for LogLevel {
    const ALL: &[Self] = &[Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How a log record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object per line.
    Json,
}

impl Word for LogFormat {
    const ALL: &[Self] = &[Self::Text, Self::Json];

    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The port of each listener.
///
/// The control plane's own may be 0, any free port: it logs which one it got. Envoy's are written
/// into its configuration and known to clients, so they are never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Envoy's listener for API traffic.
    pub proxy: NonZeroU16,
    /// The control plane's Prometheus metrics.
    pub metrics: u16,
    /// The control plane's REST API.
    pub config: u16,
    /// The control plane's gRPC API.
    pub grpc: u16,
    /// The control plane's end of the decision stream.
    pub decision: u16,
    /// Envoy's admin interface.
    pub envoy_admin: NonZeroU16,
}

impl Ports {
    pub(super) fn by_setting(&self) -> [(&'static Setting, u16); 6] {
        [
            (&table::PROXY_PORT, self.proxy.get()),
            (&table::METRICS_PORT, self.metrics),
            (&table::CONFIG_PORT, self.config),
            (&table::GRPC_PORT, self.grpc),
            (&table::DECISION_PORT, self.decision),
            (&table::ENVOY_ADMIN_PORT, self.envoy_admin.get()),
        ]
    }
}

/// Decimal digits alone; the standard library would also take a sign.
pub(super) fn number<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)?.parse().ok()
}

pub(crate) fn fixed_port(text: &str) -> Option<NonZeroU16> {
    NonZeroU16::new(number(text)?)
}

pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    text.parse().ok()
}

pub(super) fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
