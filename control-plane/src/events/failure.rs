//! A time in which requests could meet a failure mode, as far as that can be known here.

use limiter::UnixMillis;
use serde::Serialize;

use crate::rfc3339::rfc3339;

/// A time in which requests could meet a failure mode.
#[derive(Serialize)]
pub(super) struct Failure<'a> {
    pub(super) what: &'static str,
    pub(super) began: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) worker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<&'a str>,
}

impl Failure<'_> {
    pub(super) fn over(what: &'static str, began: UnixMillis, ended: Option<UnixMillis>) -> Self {
        Self {
            what,
            began: rfc3339(began).unwrap_or_default(),
            ended: ended.and_then(rfc3339),
            seconds: ended.map(|ended| seconds(ended.0.saturating_sub(began.0))),
            worker: None,
            node: None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for as long as anything is away")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
