//! The text of a configuration.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};

use super::{Config, Discovery, Files, Surroundings, context::Context};

const TEMPLATE: &str = include_str!("envoy.yaml.j2");
const NAME: &str = "envoy.yaml.j2";

/// What a file begins with that Envoy discovers.
const HEAD: &str = "\
# A part of Envoy's configuration, written by `flowguard envoy-config`. Envoy follows it while it runs:
# it notices a file that is moved to this place, and none that is changed where it is.
resources:
";

/// The filter is one resource, named as the listener's chain of filters names it.
const FILTER_HEAD: &str =
    "    - '@type': type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
      name: flowguard
      typed_config:
";

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
    let context = Context::new(config, surroundings, None)?;
    Ok(environment()?.render_named_str(NAME, TEMPLATE, Serde(context))?)
}

/// The same, in files of which an Envoy follows all but the one that it is started with.
pub fn generate_files(
    config: &Config,
    surroundings: &Surroundings,
    discovery: &Discovery,
) -> Result<Files, GenerateError> {
    let context = Context::new(config, surroundings, Some(discovery))?;
    let shows_token = surroundings.decide_token_file.is_some();
    let has_tls = config.control_plane_tls.ca_file.is_some();
    let shows_certificate = has_tls && config.control_plane_tls.cert_file.is_some();
    let environment = environment()?;
    let template = environment.template_from_named_str(NAME, TEMPLATE)?;
    let mut rendered = template.render_captured(Serde(context))?;
    let mut block = |name| rendered.with_state_mut(|state| state.render_block(name));
    let (filter, listeners, clusters) = (block("filter")?, block("listeners")?, block("clusters")?);
    let token = if shows_token { Some(block("decide_token")?) } else { None };
    let authorities = if has_tls { Some(block("authorities")?) } else { None };
    let certificate = if shows_certificate { Some(block("certificate")?) } else { None };
    Ok(Files {
        bootstrap: rendered.into_output(),
        filter: format!("{HEAD}{FILTER_HEAD}{filter}"),
        listeners: format!("{HEAD}{listeners}"),
        clusters: format!("{HEAD}{clusters}"),
        decide_token: token.map(|token| format!("{HEAD}{token}")),
        authorities: authorities.map(|trusted| format!("{HEAD}{trusted}")),
        certificate: certificate.map(|shown| format!("{HEAD}{shown}")),
    })
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // A value is written as JSON wherever it stands, so that no setting can inject YAML.
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(syntax()?);
    Ok(environment)
}

/// A line that holds a statement only leaves no trace in the output.
fn syntax() -> Result<SyntaxConfig, minijinja::Error> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
}
