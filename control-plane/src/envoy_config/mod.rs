//! The complete configuration of an Envoy in front of the upstream, made from the settings.
//!
//! The text is a template (`envoy.yaml.j2`), so that a reader of either sees what Envoy will
//! see. What depends on the settings is computed in `context.rs`, never in the template.

mod context;

use std::num::NonZeroU16;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};

use crate::settings::{FilterMode, Host, Settings};

use context::Context;

const TEMPLATE: &str = include_str!("envoy.yaml.j2");

/// What a configuration needs to know beside the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where Envoy finds the filter's wasm file.
    pub filter: String,
    /// What the filter does with a decision.
    pub mode: FilterMode,
    /// Where Envoy reaches the control plane, when that is not its bind address.
    pub control_plane_host: Option<Host>,
    /// The port at which Envoy shows its statistics to other hosts, if it does.
    pub stats_port: Option<NonZeroU16>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyConfigError {
    /// The control plane will listen on a port that nobody knows yet.
    #[error(
        "DECISION_PORT=0 (--decision-port) is not allowed here: a port from 1 to 65535, for Envoy must know it"
    )]
    UnknownDecisionPort,
    /// Envoy has another listener there.
    #[error("--stats-port={port} is not allowed: a port other than {setting}, which is the same")]
    StatsPortTaken {
        /// The port.
        port: NonZeroU16,
        /// The setting that names the port already.
        setting: &'static str,
    },
    /// The filter's configuration is no JSON.
    #[error("the filter's configuration cannot be written")]
    PluginConfig(#[from] serde_json::Error),
    /// The template does not fit its context.
    #[error("the template of Envoy's configuration is broken")]
    Template(#[from] minijinja::Error),
}

/// Envoy's configuration as YAML.
pub fn generate(settings: &Settings, options: &Options) -> Result<String, EnvoyConfigError> {
    let context = Context::new(settings, options)?;
    let mut environment = Environment::new();
    // A value is written as JSON wherever it stands, so that no setting can inject YAML.
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(syntax()?);
    Ok(environment.render_named_str("envoy.yaml.j2", TEMPLATE, Serde(context))?)
}

/// A line that holds a statement only leaves no trace in the output.
fn syntax() -> Result<SyntaxConfig, minijinja::Error> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
}
