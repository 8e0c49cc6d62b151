//! The metrics of limits beside clients' own, read from the ledger when they are asked for.

use super::text::{head, sample};
use crate::ledger::{Ledger, LimitSnapshot};

/// A metric that every limit has.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    /// Writes one limit's samples under this name.
    samples: fn(&mut String, &'static str, &LimitSnapshot),
}

const REFUSED: Family = Family {
    name: "flowguard_limit_refused_total",
    help: "Requests that a limit refused (enforce), would have refused were it or the request's filter not in shadow (shadow), or would have refused by its number on trial (trial). A request that several limits refuse counts at each.",
    kind: "counter",
    samples: |text, name, limit| {
        for (mode, count) in [
            ("enforce", limit.refused),
            ("shadow", limit.refused_in_shadow),
            ("trial", limit.refused_on_trial),
        ] {
            let labels = [("limit", limit.config.name.as_str()), ("mode", mode)];
            sample(text, name, &labels, count);
        }
    },
};

const REMAINING: Family = Family {
    name: "flowguard_limit_remaining",
    help: "Whole requests, tokens or places that are left of a limit whose bucket all its requests share.",
    kind: "gauge",
    samples: |text, name, limit| {
        if let Some(remaining) = limit.remaining {
            sample(text, name, &[("limit", limit.config.name.as_str())], remaining);
        }
    },
};

const CAPACITY: Family = Family {
    name: "flowguard_limit_capacity",
    help: "Whole requests, tokens or places that such a limit's full bucket holds.",
    kind: "gauge",
    samples: |text, name, limit| {
        if limit.remaining.is_some() {
            let capacity = limit.config.measure.capacity();
            sample(text, name, &[("limit", limit.config.name.as_str())], capacity);
        }
    },
};

const FAMILIES: [&Family; 3] = [&REFUSED, &REMAINING, &CAPACITY];

/// Writes the samples of all limits: there are a thousand at most.
pub(super) fn write(text: &mut String, ledger: &Ledger) {
    let limits = ledger.limit_snapshots();
    for family in FAMILIES {
        head(text, family.name, family.help, family.kind);
        for limit in &limits {
            (family.samples)(text, family.name, limit);
        }
    }
}
