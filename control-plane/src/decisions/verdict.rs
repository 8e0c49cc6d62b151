//! What a filter is answered, as it crosses the wire.

use limiter::{Balance, Dimension, Tokens, Wait};
use proto::decision::{self, Decision, Verdict, verdict};

use crate::{
    ledger::{Answer, Left, Refusal, Shortage, Tightest},
    limits::LimitKey,
};

/// The verdict on ask number `id`.
pub(super) fn verdict(id: u32, answer: &Answer) -> Verdict {
    match answer {
        Answer::Admitted { reserved, tightest, is_short, is_configured, .. } => Verdict {
            configured: *is_configured,
            settle_at_once: *is_short,
            ..with_tightest(id, Decision::Admitted, tightest, *reserved)
        },
        Answer::Refused { refusal, reserved, tightest, is_configured } => Verdict {
            configured: *is_configured,
            wait: Some(match refusal.wait {
                Wait::Millis(wait_ms) => verdict::Wait::RetryAfterMs(wait_ms),
                Wait::Never => verdict::Wait::Never(true),
            }),
            shortage: (!is_tightest(&refusal.limit, tightest)).then(|| shortage(refusal)),
            ..with_tightest(id, exceeded(&refusal.limit), tightest, *reserved)
        },
        Answer::UnknownClient => without_tightest(id, Decision::UnknownClient),
        Answer::Unavailable => without_tightest(id, Decision::Unspecified),
    }
}

/// The verdict on ask number `id` of somebody who is not known.
pub(super) fn verdict_on_stranger(id: u32, decision: Decision) -> Verdict {
    without_tightest(id, decision)
}

/// The decision of a request that `limit` refused.
pub(super) fn exceeded(limit: &LimitKey) -> Decision {
    match limit {
        LimitKey::Own(Dimension::Rpm) => Decision::RpmExceeded,
        LimitKey::Own(Dimension::Tpm) => Decision::TpmExceeded,
        LimitKey::Named(_) => Decision::LimitExceeded,
    }
}

/// Whether a client's own limit is the tightest of its measure, so that its balance is told anyway.
fn is_tightest(limit: &LimitKey, tightest: &Tightest) -> bool {
    let tightest = match limit {
        LimitKey::Own(Dimension::Rpm) => &tightest.requests,
        LimitKey::Own(Dimension::Tpm) => &tightest.tokens,
        LimitKey::Named(_) => return false,
    };
    tightest.as_ref().is_some_and(|left| left.limit == *limit)
}

fn shortage(Refusal { limit, shortage, .. }: &Refusal) -> verdict::Shortage {
    match *shortage {
        Shortage::Requests(left) => verdict::Shortage::ShortOfRequests(balance(limit, left)),
        Shortage::Tokens(left) => verdict::Shortage::ShortOfTokens(balance(limit, left)),
        Shortage::Places(places) => {
            let name = limit.as_str().to_owned();
            verdict::Shortage::ShortOfPlaces(decision::Places { name, limit: places })
        }
    }
}

fn with_tightest(id: u32, decision: Decision, tightest: &Tightest, reserved: Tokens) -> Verdict {
    let balance =
        |left: &Option<Left>| left.as_ref().map(|left| balance(&left.limit, left.balance));
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

/// A client's own limits are each a minute's, whose burst is the limit: what is not said.
fn balance(limit: &LimitKey, balance: Balance) -> decision::Balance {
    let own = decision::Balance {
        limit: balance.limit(),
        remaining: balance.remaining(),
        full_in_ms: balance.full_in_ms(),
        used: balance.used(),
        ..decision::Balance::default()
    };
    match limit {
        LimitKey::Own(_) => own,
        LimitKey::Named(name) => decision::Balance {
            name: name.as_str().to_owned(),
            window_s: balance.quota().window().secs(),
            burst: balance.quota().burst(),
            ..own
        },
    }
}

#[cfg(test)]
mod tests {
    use limiter::{Bucket, Quota, UnixMillis, Window};

    use super::*;
    use crate::limits::LimitName;

    const OWN: LimitKey = LimitKey::Own(Dimension::Tpm);

    fn named(name: &str) -> LimitKey {
        LimitKey::Named(LimitName::try_from(name).unwrap())
    }

    /// A full bucket.
    fn full(amount: u64, window_s: u32, burst: u64) -> Balance {
        let quota = Quota::new(amount, Window::from_secs(window_s).unwrap(), Some(burst)).unwrap();
        Bucket::full(quota, UnixMillis(0)).balance(UnixMillis(0))
    }

    fn refused(limit: LimitKey, shortage: Shortage, tightest: Option<Left>) -> Verdict {
        let wait = Wait::Millis(7);
        let refusal = Refusal { limit, shortage, wait };
        let tightest = Tightest { requests: None, tokens: tightest };
        let reserved = Tokens::ZERO;
        verdict(1, &Answer::Refused { refusal, reserved, tightest, is_configured: true })
    }

    #[test]
    fn a_limit_beside_a_clients_own_is_told_by_name_with_its_window_and_burst() {
        let shortage = Shortage::Tokens(full(5_000, 86_400, 500));
        let told = refused(named("day"), shortage, None);
        assert_eq!(told.decision(), Decision::LimitExceeded);
        let Some(verdict::Shortage::ShortOfTokens(balance)) = told.shortage else {
            panic!("{told:?}")
        };
        assert_eq!((&*balance.name, balance.limit), ("day", 5_000));
        assert_eq!((balance.window_s, balance.burst), (86_400, 500));
    }

    #[test]
    fn places_are_told_by_name_and_number() {
        let told = refused(named("running"), Shortage::Places(8), None);
        let places = decision::Places { name: "running".to_owned(), limit: 8 };
        assert_eq!(told.decision(), Decision::LimitExceeded);
        assert_eq!(told.shortage, Some(verdict::Shortage::ShortOfPlaces(places)));
    }

    #[test]
    fn a_clients_own_limit_has_a_balance_of_its_own_only_where_another_is_tighter() {
        let own = full(100, 60, 100);
        let told = |tightest| refused(OWN, Shortage::Tokens(own), Some(tightest));
        let alone = told(Left { limit: OWN, balance: own });
        assert_eq!((alone.decision(), &alone.shortage), (Decision::TpmExceeded, &None));
        let tokens = alone.tokens.unwrap();
        assert_eq!((&*tokens.name, tokens.window_s, tokens.burst), ("", 0, 0));

        let below = told(Left { limit: named("org"), balance: full(50, 60, 50) });
        assert_eq!((below.decision(), below.tokens.unwrap().limit), (Decision::TpmExceeded, 50));
        let Some(verdict::Shortage::ShortOfTokens(balance)) = below.shortage else {
            panic!("it says which balance is the client's own")
        };
        assert_eq!((&*balance.name, balance.limit), ("", 100));
    }
}
