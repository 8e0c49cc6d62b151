//! The process's log, on stderr.

use std::io;

use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// What is logged, and in which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The least severe level that is logged.
    pub level: LogLevel,
    /// How a record is written.
    pub format: LogFormat,
}

/// How severe a log record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words every logger uses")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// How a log record is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

/// Starts logging: FlowGuard's own records from the chosen level on, other crates' only when they
/// warn.
pub fn start(config: Config) {
    let level = match config.level {
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
    let records = match config.format {
        LogFormat::Text => records.with_ansi(false).boxed(),
        LogFormat::Json => records.json().boxed(),
    };
    tracing_subscriber::registry().with(records.with_filter(targets)).init();
}
