//! What a filter is answered, as it crosses the wire.

use limiter::{Balance, Dimension, Tokens, Wait};
use proto::decision::{self, Decision, Verdict, verdict};

use crate::{
    ledger::{Answer, Left, Tightest},
    limits::LimitKey,
};

/// The verdict on ask number `id`.
pub(super) fn verdict(id: u32, answer: &Answer) -> Verdict {
    match answer {
        Answer::Admitted { reserved, tightest, is_short, .. } => Verdict {
            settle_at_once: *is_short,
            ..with_tightest(id, Decision::Admitted, tightest, *reserved)
        },
        Answer::Refused { refusal, reserved, tightest } => Verdict {
            wait: Some(match refusal.wait {
                Wait::Millis(wait_ms) => verdict::Wait::RetryAfterMs(wait_ms),
                Wait::Never => verdict::Wait::Never(true),
            }),
            ..with_tightest(id, exceeded(&refusal.limit), tightest, *reserved)
        },
        Answer::UnknownClient => without_tightest(id, Decision::UnknownClient),
        Answer::Unavailable => without_tightest(id, Decision::Unspecified),
    }
}

/// The decision of a request that `limit` refused.
pub(super) fn exceeded(limit: &LimitKey) -> Decision {
    match limit {
        LimitKey::Own(Dimension::Rpm) => Decision::RpmExceeded,
        LimitKey::Own(Dimension::Tpm) | LimitKey::Named(_) => Decision::TpmExceeded,
    }
}

fn with_tightest(id: u32, decision: Decision, tightest: &Tightest, reserved: Tokens) -> Verdict {
    let balance = |left: &Option<Left>| left.as_ref().map(|left| balance(left.balance));
    Verdict {
        requests: balance(&tightest.requests),
        tokens: balance(&tightest.tokens),
        reserved_tokens: reserved.get(),
        ..without_tightest(id, decision)
    }
}

fn without_tightest(id: u32, decision: Decision) -> Verdict {
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
