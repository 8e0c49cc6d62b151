//! The text of a configuration.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};

use super::{Config, Surroundings, context::Context};

const TEMPLATE: &str = include_str!("envoy.yaml.j2");

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The filter's configuration is no JSON.
    #[error("the filter's configuration cannot be written")]
    PluginConfig(#[from] serde_json::Error),
    /// The template does not fit its context.
    #[error("the template of Envoy's configuration is broken")]
    Template(#[from] minijinja::Error),
}

/// Envoy's configuration as YAML.
pub fn generate(config: &Config, surroundings: &Surroundings) -> Result<String, GenerateError> {
    let context = Context::new(config, surroundings)?;
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
