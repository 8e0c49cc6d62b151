//! What Envoy's access log is told of a request: one property, one JSON text.
//!
//! Every word in it is one of the filter's own, but for names of limits and models, which hold nothing
//! that could end a text: no client and no upstream can put anything else in it, and it has some 600
//! bytes at most. What is not known is not there.

use limiter::Wait;
use proto::{
    decision::{Outcome, UsageSource},
    plugin_config::Mode,
};
use serde::Serialize;

use crate::{
    reply::Denial,
    verdict::{Balance, Limit, Refusal, Shortage},
};

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
    /// As the request names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Box<str>>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Refused {
    limit: Box<str>,
    #[serde(flatten)]
    size: Size,
    /// Missing from the full bucket: more than it holds while something is owed.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<u64>,
    /// No wait would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<bool>,
}

/// What a limit that refused allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Size {
    /// One of the client's own.
    Own { limit_per_minute: u64 },
    /// One beside them.
    Named {
        limit_measure: &'static str,
        limit_amount: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit_window_s: Option<u32>,
        /// What the full bucket holds, where that is not the amount.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit_burst: Option<u64>,
    },
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
            Denial::InvalidHeaders(_)
            | Denial::Unidentified(_)
            | Denial::UnknownClient
            | Denial::LimiterUnavailable => None,
        };
        let decision = match refusal.map(|refusal| refusal.shortage.limit()) {
            // Which it is and what it counts has fields of its own.
            Some(Limit::Named(_)) => "limit_exceeded",
            Some(Limit::Own(_)) | None => denial.code(),
        };
        Self {
            decision,
            refused: refusal.map(|refusal| Refused::from(&**refusal)),
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

    /// It is for this model.
    #[must_use]
    pub(crate) fn for_model(self, model: Option<&str>) -> Self {
        Self { model: model.map(Into::into), ..self }
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
        let (size, limit_used) = match &refusal.shortage {
            Shortage::Requests(balance) | Shortage::Tokens(balance) => {
                (Size::of(balance, refusal.shortage.measure()), Some(balance.used))
            }
            Shortage::Places { places, .. } => {
                let limit_measure = refusal.shortage.measure();
                let limit_amount = *places;
                let (limit_window_s, limit_burst) = (None, None);
                (Size::Named { limit_measure, limit_amount, limit_window_s, limit_burst }, None)
            }
        };
        let limit = refusal.shortage.limit().as_str().into();
        Self { limit, size, limit_used, wait_ms, never }
    }
}

impl Size {
    fn of(balance: &Balance, limit_measure: &'static str) -> Self {
        if balance.name.is_none() {
            return Self::Own { limit_per_minute: balance.limit };
        }
        Self::Named {
            limit_measure,
            limit_amount: balance.limit,
            limit_window_s: Some(balance.window_s),
            limit_burst: Some(balance.burst).filter(|burst| *burst != balance.limit),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        request_headers::InvalidHeaders,
        verdict::{LimitName, Tightest},
    };

    const SPENT: Balance = Balance::own(1_000, 0, 1_200, 72_000);

    fn refusal(wait: Wait) -> Denial {
        Denial::Refused(Box::new(Refusal {
            shortage: Shortage::Tokens(SPENT),
            tightest: Tightest::default(),
            wait,
            requested_tokens: 300,
        }))
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
    fn a_refusal_by_another_limit_tells_what_that_one_counts_and_over_which_time() {
        let by = |shortage| {
            let Denial::Refused(refusal) = refusal(Wait::Millis(1_000)) else { unreachable!() };
            Entry::denied(&Denial::Refused(Box::new(Refusal { shortage, ..*refusal })))
                .for_model(Some("a/b"))
        };
        check(
            &by(Shortage::Tokens(SPENT.named("org", 60))),
            r#"{"decision":"limit_exceeded","model":"a/b","limit":"org","limit_measure":"tokens","limit_amount":1000,"limit_window_s":60,"limit_used":1200,"wait_ms":1000,"reserved":300}"#,
        );
        check(
            &by(Shortage::Requests(Balance { burst: 50, ..SPENT.named("day", 86_400) })),
            r#"{"decision":"limit_exceeded","model":"a/b","limit":"day","limit_measure":"requests","limit_amount":1000,"limit_window_s":86400,"limit_burst":50,"limit_used":1200,"wait_ms":1000,"reserved":300}"#,
        );
        let name = LimitName::parse("running".to_owned()).unwrap();
        check(
            &by(Shortage::Places { name, places: 8 }),
            r#"{"decision":"limit_exceeded","model":"a/b","limit":"running","limit_measure":"concurrent","limit_amount":8,"wait_ms":1000,"reserved":300}"#,
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
            &admitted.clone().for_model(Some("gpt-4o")).ended(
                Outcome::Completed,
                UsageSource::None,
                None,
                0,
            ),
            r#"{"decision":"admitted","model":"gpt-4o","reserved":150,"decided_after_us":7,"outcome":"completed","usage":"none"}"#,
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
