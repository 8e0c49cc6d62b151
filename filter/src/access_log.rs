//! What Envoy's access log is told of a request: one property, one JSON text.
//!
//! Every word in it is one of the filter's own, so nothing that a client or an upstream sends can be
//! in it, and it has some 300 bytes at most. What is not known is not there.

use limiter::Wait;
use proto::{
    decision::{Outcome, UsageSource},
    plugin_config::Mode,
};
use serde::Serialize;

use crate::{reply::Denial, verdict::Refusal};

/// What became of one request, in the words of docs/contract.md.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    decision: &'static str,
    /// Where the decision was not carried out: the mode that let the request pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// Why nobody was asked, or nobody answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(flatten)]
    refused: Option<Refused>,
    /// Tokens that it reserved, or would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_after_us: Option<u64>,
    #[serde(flatten)]
    response: Option<Response>,
}

/// The limit that refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Refused {
    limit: &'static str,
    limit_per_minute: u64,
    /// More than the limit for a client in debt.
    limit_used: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<u64>,
    /// No wait would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<bool>,
}

/// What the response told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Response {
    outcome: &'static str,
    usage: &'static str,
    /// Tokens, as it told them.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    /// Tokens, as they were seen to pass.
    #[serde(skip_serializing_if = "is_zero")]
    observed: u64,
}

impl Entry {
    /// It passes without being limited.
    pub(crate) fn exempt() -> Self {
        Self { decision: "exempt", ..Self::default() }
    }

    /// It passes, with so many tokens reserved.
    pub(crate) fn admitted(reserved: u64) -> Self {
        Self { decision: "admitted", reserved: Some(reserved), ..Self::default() }
    }

    /// It does not pass.
    pub(crate) fn denied(denial: &Denial) -> Self {
        let refusal = match denial {
            Denial::Refused(refusal) => Some(refusal),
            Denial::InvalidHeaders(_) | Denial::UnknownClient | Denial::LimiterUnavailable => None,
        };
        Self {
            decision: denial.code(),
            refused: refusal.map(Refused::from),
            reserved: refusal.map(|refusal| refusal.requested_tokens),
            ..Self::default()
        }
    }

    /// It has no decision, and the failure mode lets it pass, or does not.
    pub(crate) fn undecided(fails_open: bool, cause: &'static str) -> Self {
        let decision = if fails_open { "failed_open" } else { "failed_closed" };
        Self { decision, ..Self::default() }.because_of(cause)
    }

    /// Its client went away before it was decided.
    pub(crate) fn canceled() -> Self {
        Self { decision: "canceled", ..Self::default() }
    }

    /// Why nobody was asked.
    #[must_use]
    pub(crate) fn because_of(self, cause: &'static str) -> Self {
        Self { cause: Some(cause), ..self }
    }

    /// It passes all the same, since decisions are not carried out.
    #[must_use]
    pub(crate) fn in_shadow(self) -> Self {
        Self { mode: Some(Mode::Shadow.word()), ..self }
    }

    /// It waited for so long.
    #[must_use]
    pub(crate) fn after_us(self, wait_us: u64) -> Self {
        Self { decided_after_us: Some(wait_us), ..self }
    }

    /// Its response is over.
    #[must_use]
    pub(crate) fn ended(
        self,
        outcome: Outcome,
        usage: UsageSource,
        used: Option<u64>,
        observed: u64,
    ) -> Self {
        let (outcome, usage) = (outcome.word(), usage.word());
        Self { response: Some(Response { outcome, usage, used, observed }), ..self }
    }

    /// One line of JSON.
    pub(crate) fn to_json(&self) -> String {
        // Structs of words and numbers are always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        let (wait_ms, never) = match refusal.wait {
            Wait::Millis(ms) => (Some(ms), None),
            Wait::Never => (None, Some(true)),
        };
        Self {
            limit: refusal.limit.word(),
            limit_per_minute: refusal.balance.limit,
            limit_used: refusal.balance.used,
            wait_ms,
            never,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use limiter::Dimension;

    use super::*;
    use crate::{request_headers::InvalidHeaders, verdict::Balance};

    fn refusal(wait: Wait) -> Denial {
        Denial::Refused(Refusal {
            limit: Dimension::Tpm,
            balance: Balance { limit: 1_000, remaining: 0, used: 1_200, full_in_ms: 72_000 },
            other: None,
            wait,
            requested_tokens: 300,
        })
    }

    fn check(entry: &Entry, json: &str) {
        assert_eq!(entry.to_json(), json);
    }

    #[test]
    fn a_refusal_tells_its_limit_what_was_asked_and_the_wait_that_was_told() {
        check(
            &Entry::denied(&refusal(Wait::Millis(30_000))).after_us(412),
            r#"{"decision":"tpm_exceeded","limit":"tpm","limit_per_minute":1000,"limit_used":1200,"wait_ms":30000,"reserved":300,"decided_after_us":412}"#,
        );
        check(
            &Entry::denied(&refusal(Wait::Never)).because_of("backlog").in_shadow(),
            r#"{"decision":"tpm_exceeded","mode":"shadow","cause":"backlog","limit":"tpm","limit_per_minute":1000,"limit_used":1200,"never":true,"reserved":300}"#,
        );
    }

    #[test]
    fn an_admission_tells_what_was_reserved_and_what_was_used() {
        let admitted = Entry::admitted(150).after_us(7);
        check(
            &admitted.clone().ended(Outcome::Completed, UsageSource::Completions, Some(42), 40),
            r#"{"decision":"admitted","reserved":150,"decided_after_us":7,"outcome":"completed","usage":"completions","used":42,"observed":40}"#,
        );
        check(
            &admitted.ended(Outcome::Aborted, UsageSource::None, None, 0),
            r#"{"decision":"admitted","reserved":150,"decided_after_us":7,"outcome":"aborted","usage":"none"}"#,
        );
    }

    #[test]
    fn what_was_not_asked_says_so_in_a_word() {
        check(&Entry::exempt(), r#"{"decision":"exempt"}"#);
        check(&Entry::canceled(), r#"{"decision":"canceled"}"#);
        check(
            &Entry::denied(&Denial::InvalidHeaders(InvalidHeaders::NoClientId)),
            r#"{"decision":"missing_header"}"#,
        );
        check(
            &Entry::undecided(true, "timeout"),
            r#"{"decision":"failed_open","cause":"timeout"}"#,
        );
        check(
            &Entry::undecided(false, "unreachable"),
            r#"{"decision":"failed_closed","cause":"unreachable"}"#,
        );
    }
}
