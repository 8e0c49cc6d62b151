//! The process's log, on stderr.

use std::io;

use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::settings::{LogFormat, LogLevel, LogSettings};

/// Starts logging: FlowGuard's own records from the chosen level on, other crates' only when they
/// warn.
pub fn start(settings: &LogSettings) {
    let level = match settings.level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let targets = Targets::new()
        .with_default(level.min(tracing::Level::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let records = fmt::layer().with_writer(io::stderr).with_target(false);
    let records = match settings.format {
        LogFormat::Text => records.with_ansi(false).boxed(),
        LogFormat::Json => records.json().boxed(),
    };
    tracing_subscriber::registry().with(records.with_filter(targets)).init();
}
