//! What the filter is told: each setting here is a key of its configuration.

use std::time::Duration;

use proto::plugin_config::PluginConfig;
pub use proto::plugin_config::{
    AcceptEncoding, ErrorFormat, ExemptPath, FailureMode, Mode as FilterMode, RateLimitHeaders,
    UpstreamRateLimitHeaders,
};

use super::{Word, values};
use crate::ledger::EstimateSource;

/// The settings that the filter follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterSettings {
    /// What happens to a request that has no decision in time.
    pub failure_mode: FailureMode,
    /// How long a request waits for its decision: 1 ms to 60 s.
    pub decision_timeout: Duration,
    /// How its own answers are written.
    pub error_format: ErrorFormat,
    /// Which headers tell a client where it stands.
    pub rate_limit_headers: RateLimitHeaders,
    /// What becomes of the upstream's headers of the same names.
    pub upstream_rate_limit_headers: UpstreamRateLimitHeaders,
    /// What becomes of a request's `accept-encoding`.
    pub accept_encoding: AcceptEncoding,
    /// What a GET, HEAD or OPTIONS reaches without the two headers and without a decision.
    pub exempt_paths: Vec<ExemptPath>,
    /// Whether a browser's CORS preflight does so, whatever its path.
    pub exempt_preflight: bool,
}

impl FilterSettings {
    /// The filter's configuration: these settings, and what else it has to know.
    pub fn plugin_config(&self, mode: FilterMode, estimate: EstimateSource) -> PluginConfig {
        PluginConfig {
            mode,
            failure_mode: self.failure_mode,
            decision_timeout_ms: u64::try_from(self.decision_timeout.as_millis())
                .unwrap_or(*PluginConfig::DECISION_TIMEOUT_MS.end()),
            error_format: self.error_format,
            rate_limit_headers: self.rate_limit_headers,
            upstream_rate_limit_headers: self.upstream_rate_limit_headers,
            accept_encoding: self.accept_encoding,
            exempt_paths: self.exempt_paths.iter().map(|path| path.as_str().to_owned()).collect(),
            exempt_preflight: self.exempt_preflight,
            estimate: match estimate {
                EstimateSource::Header => proto::plugin_config::Estimate::Header,
                EstimateSource::Learned => proto::plugin_config::Estimate::Learned,
            },
            ..PluginConfig::default()
        }
    }
}

/// The filter's choices have their words from its configuration.
macro_rules! words_of_the_filter {
    ($($choice:ident),+) => {
        $(impl Word for $choice {
            const ALL: &[Self] = $choice::ALL;

            fn word(self) -> &'static str {
                $choice::word(self)
            }
        })+
    };
}

words_of_the_filter!(
    FailureMode,
    FilterMode,
    ErrorFormat,
    RateLimitHeaders,
    UpstreamRateLimitHeaders,
    AcceptEncoding
);

pub(super) fn decision_timeout(text: &str) -> Option<Duration> {
    values::number(text)
        .filter(|ms| PluginConfig::DECISION_TIMEOUT_MS.contains(ms))
        .map(Duration::from_millis)
}

pub(super) fn exempt_paths(text: &str) -> Option<Vec<ExemptPath>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let paths: Vec<_> =
        text.split(',').map(|path| ExemptPath::parse(path.trim())).collect::<Option<_>>()?;
    (paths.len() <= ExemptPath::COUNT_MAX).then_some(paths)
}

/// As [`exempt_paths`] reads them.
pub(super) fn exempt_list(paths: &[ExemptPath]) -> String {
    paths.iter().map(ExemptPath::as_str).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Settings, table},
        *,
    };

    #[test]
    fn what_is_not_set_is_as_the_filter_takes_what_is_left_out() {
        let settings = Settings::resolve(|_| None).expect("every setting has a default");
        let config =
            settings.filter.plugin_config(FilterMode::DEFAULT, settings.policy.estimate.source);
        assert_eq!(config, PluginConfig::default());
    }

    #[test]
    fn the_operator_is_told_the_bounds_that_hold() {
        let (least, most) = PluginConfig::DECISION_TIMEOUT_MS.into_inner();
        let allowed = table::DECISION_TIMEOUT_MS.allowed;
        assert_eq!(allowed, format!("an integer from {least} to {most}"));
        let allowed = table::EXEMPT_PATHS.allowed;
        assert!(allowed.starts_with(&format!("up to {} paths", ExemptPath::COUNT_MAX)));
        assert!(allowed.contains(&format!("at most {} bytes", ExemptPath::BYTES_MAX)));
    }
}
