//! A denial in words, a refusal with its figures: in the form that programs which read OpenAI's
//! messages look for.

use limiter::{Dimension, Wait};

use super::Denial;
use crate::{
    rate_limit_headers::duration,
    verdict::{Balance, Limit, Refusal, Shortage},
};

pub(super) fn message(denial: &Denial) -> String {
    match denial {
        Denial::Refused(refusal) => of_refusal(refusal),
        _ => denial.message().to_owned(),
    }
}

fn of_refusal(refusal: &Refusal) -> String {
    let limit = refusal.shortage.limit();
    let (what, figures, requested) = match &refusal.shortage {
        Shortage::Requests(balance) => (counted("requests", limit, balance), figures(balance), 1),
        Shortage::Tokens(balance) => {
            (counted("tokens", limit, balance), figures(balance), refusal.requested_tokens)
        }
        Shortage::Places { name, places } => {
            let what = format!("concurrent requests (limit {})", name.as_str());
            (what, Figures { limit: *places, burst: None, used: None }, 1)
        }
    };
    let Figures { limit, burst, used } = figures;
    match refusal.wait {
        Wait::Millis(ms) => {
            let used = used.map(|used| format!("Used {used}, ")).unwrap_or_default();
            format!(
                "Rate limit reached for this client on {what}: Limit {limit}, {used}Requested \
                 {requested}. Please try again in {}.",
                duration(ms)
            )
        }
        Wait::Never => {
            let burst = burst.map(|burst| format!("Burst {burst}, ")).unwrap_or_default();
            format!(
                "Request too large for this client on {what}: Limit {limit}, {burst}Requested \
                 {requested}. No wait will make it fit."
            )
        }
    }
}

/// How a limit stands.
struct Figures {
    limit: u64,
    /// What fits at once, where that is less.
    burst: Option<u64>,
    /// Of a client's own limit. What others used of a limit that they share is nobody's business: the
    /// headers tell what is left of it, and nothing else does.
    used: Option<u64>,
}

fn figures(balance: &Balance) -> Figures {
    Figures {
        limit: balance.limit,
        burst: Some(balance.burst).filter(|burst| *burst != balance.limit),
        used: balance.name.is_none().then_some(balance.used),
    }
}

/// What is limited to how much of it: `tokens per min (TPM)`, `tokens per day (limit budget)`.
fn counted(unit: &str, limit: Limit<'_>, balance: &Balance) -> String {
    let window = match balance.window_s {
        1 => "sec".to_owned(),
        60 => "min".to_owned(),
        3_600 => "hour".to_owned(),
        86_400 => "day".to_owned(),
        seconds => duration(u64::from(seconds) * 1_000),
    };
    let name = match limit {
        Limit::Own(Dimension::Rpm) => "RPM".to_owned(),
        Limit::Own(Dimension::Tpm) => "TPM".to_owned(),
        Limit::Named(name) => format!("limit {}", name.as_str()),
    };
    format!("{unit} per {window} ({name})")
}
