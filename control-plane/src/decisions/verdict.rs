//! What a filter is answered, as it crosses the wire.

use limiter::{Balance, Dimension, Tokens, Wait};
use proto::decision::{self, Decision, Verdict, verdict};

use crate::ledger::{Answer, Refusal, Standing};

/// The verdict on ask number `id`.
pub(super) fn verdict(id: u32, answer: &Answer) -> Verdict {
    match answer {
        Answer::Admitted { reserved, is_configured, standing, .. } => Verdict {
            settle_at_once: is_short(standing, *reserved),
            configured: *is_configured,
            ..with_standing(id, Decision::Admitted, standing, *reserved)
        },
        Answer::Refused { refusal: Refusal { limit, wait }, reserved, is_configured, standing } => {
            Verdict {
                configured: *is_configured,
                wait: Some(match *wait {
                    Wait::Millis(wait_ms) => verdict::Wait::RetryAfterMs(wait_ms),
                    Wait::Never => verdict::Wait::Never(true),
                }),
                ..with_standing(id, exceeded(*limit), standing, *reserved)
            }
        }
        Answer::UnknownClient => without_standing(id, Decision::UnknownClient),
        Answer::Unavailable => without_standing(id, Decision::Unspecified),
    }
}

/// The decision of a request that `limit` refused.
pub(super) fn exceeded(limit: Dimension) -> Decision {
    match limit {
        Dimension::Rpm => Decision::RpmExceeded,
        Dimension::Tpm => Decision::TpmExceeded,
    }
}

/// Whether the same request would now be refused for the tokens that this one may give back.
fn is_short(standing: &Standing, reserved: Tokens) -> bool {
    standing.tokens.is_some_and(|tokens| tokens.remaining() < reserved.get())
}

fn with_standing(id: u32, decision: Decision, standing: &Standing, reserved: Tokens) -> Verdict {
    Verdict {
        requests: standing.requests.map(balance),
        tokens: standing.tokens.map(balance),
        reserved_tokens: reserved.get(),
        ..without_standing(id, decision)
    }
}

fn without_standing(id: u32, decision: Decision) -> Verdict {
    Verdict { id, decision: decision.into(), ..Verdict::default() }
}

fn balance(balance: Balance) -> decision::Balance {
    decision::Balance {
        limit: balance.limit(),
        remaining: balance.remaining(),
        full_in_ms: balance.full_in_ms(),
        used: balance.used(),
    }
}
