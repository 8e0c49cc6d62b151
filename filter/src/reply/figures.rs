//! A denial in words, a refusal with its figures: in the form that programs which read OpenAI's
//! messages look for.

use limiter::{Dimension, Wait};

use super::Denial;
use crate::{rate_limit_headers::duration, verdict::Refusal};

pub(super) fn message(denial: &Denial) -> String {
    match denial {
        Denial::Refused(refusal) => of_refusal(refusal),
        _ => denial.message().to_owned(),
    }
}

fn of_refusal(refusal: &Refusal) -> String {
    let (name, requested) = match refusal.limit {
        Dimension::Rpm => ("requests per min (RPM)", 1),
        Dimension::Tpm => ("tokens per min (TPM)", refusal.requested_tokens),
    };
    let limit = refusal.balance.limit;
    match refusal.wait {
        Wait::Millis(ms) => format!(
            "Rate limit reached for this client on {name}: Limit {limit}, Used {}, Requested \
             {requested}. Please try again in {}.",
            refusal.balance.used,
            duration(ms)
        ),
        Wait::Never => format!(
            "Request too large for this client on {name}: Limit {limit}, Requested {requested}. No \
             wait will make it fit."
        ),
    }
}
