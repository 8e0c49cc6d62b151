//! The plugin configuration: JSON, refused as a whole when anything in it is wrong.

use std::fmt::{self, Write as _};

use proto::plugin_config::{
    AcceptEncoding, ErrorFormat, Estimate, FailureMode, Mode, PluginConfig, RateLimitHeaders,
    UpstreamRateLimitHeaders,
};

use crate::{
    exempt::{Exemptions, InvalidExemption},
    grpc_service::{GrpcService, InvalidGrpcService},
    identity::{Identity, InvalidIdentity},
    model::{InvalidModelSources, ModelSources},
};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the filter does with what was decided.
    pub(crate) mode: Mode,
    /// By what it is known who asks.
    pub identity: Identity,
    /// What becomes of a request when no decision arrives in time.
    pub(crate) failure_mode: FailureMode,
    /// How long a request waits for its decision.
    pub(crate) decision_timeout_ms: u64,
    /// Whose errors the filter's own look like.
    pub(crate) error_format: ErrorFormat,
    /// Which headers tell a client where it stands.
    pub(crate) rate_limit_headers: RateLimitHeaders,
    /// What becomes of an upstream's own ones.
    pub(crate) upstream_rate_limit_headers: UpstreamRateLimitHeaders,
    /// What the upstream hears of the encodings that the client accepts.
    pub(crate) accept_encoding: AcceptEncoding,
    /// Where the tokens that a request is charged at first come from.
    pub(crate) estimate: Estimate,
    /// Where it is read which model a request is for.
    pub(crate) model_sources: ModelSources,
    /// Whether Envoy's access log is told what became of each request.
    pub(crate) access_log: bool,
    /// What passes without a client and without a decision.
    pub exemptions: Exemptions,
    /// Where the decision stream goes, as the host takes it.
    pub(crate) control_plane: GrpcService,
}

impl Config {
    /// Reads a plugin configuration; an empty one is all defaults.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidConfig> {
        let json: &[u8] = if json.trim_ascii().is_empty() { b"{}" } else { json };
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let json: PluginConfig =
            serde_path_to_error::deserialize(&mut deserializer).map_err(InvalidConfig::Json)?;
        deserializer.end().map_err(InvalidConfig::TrailingBytes)?;
        if !PluginConfig::DECISION_TIMEOUT_MS.contains(&json.decision_timeout_ms) {
            return Err(InvalidConfig::DecisionTimeout(json.decision_timeout_ms));
        }
        Ok(Self {
            mode: json.mode,
            identity: Identity::new(&json).map_err(InvalidConfig::Identity)?,
            failure_mode: json.failure_mode,
            decision_timeout_ms: json.decision_timeout_ms,
            error_format: json.error_format,
            rate_limit_headers: json.rate_limit_headers,
            upstream_rate_limit_headers: json.upstream_rate_limit_headers,
            accept_encoding: json.accept_encoding,
            estimate: json.estimate,
            model_sources: ModelSources::new(&json.model_from, &json.model_header)
                .map_err(InvalidConfig::ModelSources)?,
            access_log: json.access_log,
            exemptions: Exemptions::new(&json.exempt_paths, json.exempt_preflight)
                .map_err(InvalidConfig::Exemption)?,
            control_plane: GrpcService::new(&json.cluster, &json.authority)
                .map_err(InvalidConfig::ControlPlane)?,
        })
    }
}

/// Why a plugin configuration was refused.
#[derive(Debug)]
pub enum InvalidConfig {
    /// Not JSON, or not of this shape; says where.
    Json(serde_path_to_error::Error<serde_json::Error>),
    /// More than one value.
    TrailingBytes(serde_json::Error),
    /// `decision_timeout_ms` out of range.
    DecisionTimeout(u64),
    /// `identity`, and what belongs to it.
    Identity(InvalidIdentity),
    /// `model_from` or `model_header`.
    ModelSources(InvalidModelSources),
    /// `exempt_paths`.
    Exemption(InvalidExemption),
    /// `cluster` or `authority`.
    ControlPlane(InvalidGrpcService),
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write_line(f, &error.to_string()),
            Self::TrailingBytes(error) => write!(f, "{error}"),
            Self::DecisionTimeout(ms) => {
                let (least, most) = PluginConfig::DECISION_TIMEOUT_MS.into_inner();
                write!(f, "decision_timeout_ms must be an integer from {least} to {most}, got {ms}")
            }
            Self::Identity(error) => write!(f, "{error}"),
            Self::ModelSources(error) => write!(f, "{error}"),
            Self::Exemption(error) => write!(f, "{error}"),
            Self::ControlPlane(error) => write!(f, "{error}"),
        }
    }
}

/// Enough to recognize what is wrong by.
const TEXT_CHARS_MAX: usize = 500;

/// Writes a text that may repeat what was given, such as the name of a field that there is not: it
/// stays one line of a log, without characters that a terminal obeys or nobody sees.
fn write_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for char in text.chars().take(TEXT_CHARS_MAX) {
        match char {
            '"' | '\'' | '\\' => f.write_char(char)?,
            _ => write!(f, "{}", char.escape_debug())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::headers;

    fn refused(json: &str) -> String {
        Config::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_configuration_is_all_defaults() {
        for empty in ["", " \n", "{}"] {
            let config = Config::parse(empty.as_bytes()).unwrap();
            assert_eq!(config.mode, Mode::Enforce);
            assert!(config.identity.is_header());
            assert_eq!(config.failure_mode, FailureMode::Closed);
            assert_eq!(config.decision_timeout_ms, 250);
            assert_eq!(config.error_format, ErrorFormat::Flowguard);
            assert_eq!(config.rate_limit_headers, RateLimitHeaders::Openai);
            assert_eq!(config.upstream_rate_limit_headers, UpstreamRateLimitHeaders::Replace);
            assert_eq!(config.accept_encoding, AcceptEncoding::Drop);
            assert_eq!(config.estimate, Estimate::Header);
            assert!(!config.access_log);
            let named = headers(&[(":path", "/model/a/invoke"), ("x-model", "b")]);
            assert_eq!(config.model_sources.model(&named).as_deref(), Some("a"));
            let root = headers(&[(":method", "GET"), (":path", "/")]);
            assert!(!config.exemptions.apply_to(&root, false));
        }
    }

    #[test]
    fn every_field_is_read() {
        let config = Config::parse(
            br#"{"mode":"shadow","identity":"api-key","identity_headers":["X-Key"],
                 "identity_claim":["a","b"],"identity_cert":"dns","keep_credential":true,
                 "failure_mode":"open","decision_timeout_ms":60000,
                 "error_format":"openai","rate_limit_headers":"both",
                 "upstream_rate_limit_headers":"rename","accept_encoding":"keep",
                 "estimate":"learned","model_from":["header","path"],"model_header":"X-LLM",
                 "exempt_paths":["/health","/status/*"],"exempt_preflight":true,
                 "access_log":true,"cluster":"outbound|9095||flowguard.svc","authority":"flowguard"}"#,
        )
        .unwrap();
        assert_eq!(config.mode, Mode::Shadow);
        let keys = headers(&[("x-key", "fgk_1"), ("x-api-key", "fgk_2")]);
        assert!(config.identity.who(&keys, |_| None).unwrap().is_ok());
        assert!(config.identity.taken_off(&keys).headers.is_empty());
        assert_eq!(config.failure_mode, FailureMode::Open);
        assert_eq!(config.decision_timeout_ms, 60_000);
        assert_eq!(config.error_format, ErrorFormat::Openai);
        assert_eq!(config.rate_limit_headers, RateLimitHeaders::Both);
        assert_eq!(config.upstream_rate_limit_headers, UpstreamRateLimitHeaders::Rename);
        assert_eq!(config.accept_encoding, AcceptEncoding::Keep);
        assert_eq!(config.estimate, Estimate::Learned);
        let named = headers(&[(":path", "/model/a/invoke"), ("x-llm", "b")]);
        assert_eq!(config.model_sources.model(&named).as_deref(), Some("b"));
        assert!(config.access_log);
        for path in ["/health", "/status/a"] {
            let exempt = headers(&[(":method", "GET"), (":path", path)]);
            assert!(config.exemptions.apply_to(&exempt, false), "{path}");
        }
    }

    #[test]
    fn every_choice_has_its_word() {
        let read = |json: String| Config::parse(json.as_bytes()).unwrap();
        for (word, format) in [
            ("auto", ErrorFormat::Auto),
            ("flowguard", ErrorFormat::Flowguard),
            ("openai", ErrorFormat::Openai),
            ("anthropic", ErrorFormat::Anthropic),
        ] {
            assert_eq!(read(format!(r#"{{"error_format":"{word}"}}"#)).error_format, format);
        }
        for (word, headers) in [
            ("off", RateLimitHeaders::Off),
            ("openai", RateLimitHeaders::Openai),
            ("ietf", RateLimitHeaders::Ietf),
            ("both", RateLimitHeaders::Both),
        ] {
            let config = read(format!(r#"{{"rate_limit_headers":"{word}"}}"#));
            assert_eq!(config.rate_limit_headers, headers);
        }
    }

    #[test]
    fn a_wrong_word_is_refused_with_the_field_it_stands_in() {
        for field in [
            "identity",
            "identity_cert",
            "error_format",
            "rate_limit_headers",
            "upstream_rate_limit_headers",
            "accept_encoding",
            "estimate",
        ] {
            let wrong = refused(&format!(r#"{{"{field}":"Other"}}"#));
            assert!(wrong.starts_with(&format!("{field}: ")), "{wrong}");
            assert!(wrong.contains("`Other`"), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_configuration_names_what_is_wrong_and_what_is_allowed() {
        let unknown = refused(r#"{"mode":"audit"}"#);
        assert!(unknown.starts_with("mode: "), "{unknown}");
        assert!(unknown.contains("`audit`") && unknown.contains("`enforce`"), "{unknown}");
        assert!(refused("{} {}").contains("trailing"));
        assert!(refused(r#"{"fail_open":true}"#).contains("`fail_open`"));
        assert!(refused(r#"{"decision_timeout_ms":0}"#).contains("from 1 to 60000, got 0"));
        assert!(refused(r#"{"decision_timeout_ms":-1}"#).contains("-1"));
        let path = refused(r#"{"exempt_paths":["/health","/a%20b"]}"#);
        assert!(path.starts_with("exempt_paths[1] must be ") && path.ends_with(r#"got "/a%20b""#));
        assert!(refused(r#"{"exempt_paths":["/a",7]}"#).starts_with("exempt_paths[1]: "));
        assert!(refused(r#"{"exempt_paths":"/a"}"#).starts_with("exempt_paths: "));
        assert!(refused(r#"{"exempt_preflight":"true"}"#).starts_with("exempt_preflight: "));
        assert!(refused(r#"{"model_from":["path","body"]}"#).starts_with("model_from[1]: "));
        assert!(refused(r#"{"model_from":"path"}"#).starts_with("model_from: "));
        assert!(refused(r#"{"model_from":[]}"#).starts_with("model_from must have "));
        assert!(refused(r#"{"model_header":"x y"}"#).ends_with(r#"got "x y""#));
        assert!(refused(r#"{"identity_headers":[]}"#).starts_with("identity_headers must have "));
        assert!(refused(r#"{"identity_claim":["a"]}"#).starts_with("identity_claim must have "));
        let unasked = refused(r#"{"identity":"jwt","mode":"pass"}"#);
        assert!(unasked.starts_with("mode pass is not allowed with identity jwt"), "{unasked}");
        assert!(refused(r#"{"cluster":""}"#).contains("cluster"));
        assert!(refused("[").contains("EOF"));
    }

    #[test]
    fn a_refusal_is_one_line_whatever_it_repeats() {
        let name = refused(r#"{"mo\nde":1}"#);
        assert!(
            name.starts_with(r"mo\nde: unknown field `mo\nde`, expected one of `mode`"),
            "{name}"
        );
        let word = refused(r#"{"mode":"\u0000\r\u0085"}"#);
        assert!(word.contains(r"`\0\r\u{85}`"), "{word}");
        let long = refused(&format!(r#"{{"{}":1}}"#, "a".repeat(2_000)));
        assert_eq!(long.chars().count(), TEXT_CHARS_MAX);
        let hidden = refused(r#"{"mode":"\u202e"}"#);
        assert!(hidden.contains(r"`\u{202e}`"), "{hidden}");
    }
}
