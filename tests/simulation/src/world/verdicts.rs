//! What is on the wire, in the words of the oracle.

use proto::decision::{self, Decision as Told, Verdict, ask::Who, verdict};

use crate::{
    oracle::{Answer, Ask, Balance, Decision, Left, Limit, Shortage},
    upstream::{Kind, Outcome, Truth},
};

/// What a frame asks.
pub(crate) fn asked(ask: &decision::Ask) -> Ask {
    Ask {
        id: ask.id,
        client: match &ask.who {
            Some(Who::ClientId(id)) => id.clone(),
            other => panic!("simulated requests are believed, this one is by {other:?}"),
        },
        model: ask.model.clone(),
        estimate: ask.tokens.unwrap_or(0),
        kind: match ask.kind() {
            decision::RequestKind::Generates => Kind::Generates,
            decision::RequestKind::Reads => Kind::Reads,
            decision::RequestKind::Counts => Kind::Counts,
        },
    }
}

/// What a frame says of an end.
pub(crate) fn truth(settle: &decision::Settle) -> Truth {
    Truth {
        outcome: match settle.outcome() {
            decision::Outcome::Completed => Outcome::Completed,
            decision::Outcome::UpstreamFailed => Outcome::Failed,
            decision::Outcome::UpstreamRefused => Outcome::Refused,
            decision::Outcome::TimedOut => Outcome::TimedOut,
            decision::Outcome::Aborted | decision::Outcome::Unspecified => Outcome::Aborted,
        },
        told: settle.used_tokens,
        observed: settle.observed_tokens,
    }
}

/// Whether a verdict says what the oracle does.
pub(super) fn same_answer(answer: &Answer, verdict: &Verdict) -> Result<(), String> {
    let (told, wait) = match answer.decision {
        Decision::Admitted => (Told::Admitted, None),
        Decision::Refused(limit, wait) => {
            let told = match limit {
                Limit::Rpm => Told::RpmExceeded,
                Limit::Tpm => Told::TpmExceeded,
                Limit::Named(_) => Told::LimitExceeded,
            };
            (told, Some(wait))
        }
    };
    let is_same = verdict.decision() == told
        && wait.is_none_or(|expected| wait_of(verdict) == expected)
        && verdict.reserved_tokens == answer.reserved
        && answer.left.as_ref().is_none_or(|left| {
            left.requests.map(balance) == verdict.requests
                && left.tokens.map(balance) == verdict.tokens
                && same_shortage(answer.decision, left, verdict)
                && verdict.settle_at_once == (told == Told::Admitted && left.is_short)
        });
    if is_same {
        Ok(())
    } else {
        Err(format!("the oracle says {answer:?}, the verdict is {verdict:?}"))
    }
}

/// What the named limit has too little of. For a client's own limits it may go without saying.
fn same_shortage(decision: Decision, left: &Left, verdict: &Verdict) -> bool {
    let Decision::Refused(limit, _) = decision else { return verdict.shortage.is_none() };
    let tightest = match limit {
        Limit::Rpm => left.requests,
        Limit::Tpm => left.tokens,
        Limit::Named(_) => None,
    };
    if verdict.shortage.is_none() {
        return tightest.is_some_and(|(tightest, _)| tightest == limit);
    }
    let expected = left.shortage.map(|shortage| match (shortage, limit) {
        (Shortage::Requests(left), limit) => {
            verdict::Shortage::ShortOfRequests(balance((limit, left)))
        }
        (Shortage::Tokens(left), limit) => verdict::Shortage::ShortOfTokens(balance((limit, left))),
        (Shortage::Places(limit_to), limit) => verdict::Shortage::ShortOfPlaces(decision::Places {
            name: name(limit).to_owned(),
            limit: limit_to,
        }),
    });
    verdict.shortage == expected
}

fn balance((limit, balance): (Limit, Balance)) -> decision::Balance {
    let own = decision::Balance {
        limit: balance.numbers.amount,
        remaining: balance.remaining(),
        full_in_ms: balance.full_in_ms,
        used: balance.used(),
        ..decision::Balance::default()
    };
    match limit {
        Limit::Rpm | Limit::Tpm => own,
        Limit::Named(name) => decision::Balance {
            name: name.to_owned(),
            window_s: u32::try_from(balance.numbers.window_ms / 1_000).unwrap_or(0),
            burst: balance.numbers.burst,
            ..own
        },
    }
}

fn name(limit: Limit) -> &'static str {
    match limit {
        Limit::Rpm | Limit::Tpm => "",
        Limit::Named(name) => name,
    }
}

/// The wait that a verdict tells; `None`: never.
pub(crate) fn wait_of(verdict: &Verdict) -> Option<u64> {
    match verdict.wait {
        Some(decision::verdict::Wait::RetryAfterMs(wait_ms)) => Some(wait_ms),
        Some(decision::verdict::Wait::Never(_)) | None => None,
    }
}
