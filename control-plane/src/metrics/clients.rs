//! Every client's metrics, read from the ledger when they are asked for.
//!
//! There is no second set of counters that could drift from the ledger's, and a decision pays
//! nothing for being counted here. All values that one client has in a family are of one moment.
//!
//! The lines are written here and not by way of the `prometheus` crate's data model, which takes
//! 4 KB and 20 µs a client: a page of 100,000 clients would use 450 MB and over a second.

use std::{slice, sync::Arc};

use limiter::{Balance, ClientId, Dimension};

use super::text::{Label, head, sample};
use crate::{
    clients::CLIENTS_AT_A_TIME,
    http::pieces::PIECE_BYTES,
    ledger::{ClientSnapshot, Histogram, Ledger, RefusedInShadow, UnknownSnapshot},
};

const RPM: &str = Dimension::Rpm.word();
const TPM: &str = Dimension::Tpm.word();

/// A metric that every client has.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    /// Writes one client's samples under this name.
    samples: fn(&mut String, &'static str, &ClientSnapshot),
}

const REQUESTS: Family = Family {
    name: "flowguard_requests_total",
    help: "Requests, by what was decided: success is admitted, whatever the upstream then answers; dropped is refused.",
    kind: "counter",
    samples: |text, name, client| {
        requests(text, name, id(client), client.record.admitted, dropped(client));
    },
};

const DROPPED: Family = Family {
    name: "flowguard_requests_dropped_total",
    help: "Requests that were refused, by the limit that is named.",
    kind: "counter",
    samples: |text, name, client| {
        sample(text, name, &[id(client), ("reason", RPM)], client.record.rpm_dropped);
        sample(text, name, &[id(client), ("reason", TPM)], client.record.tpm_dropped);
        let by_limits = dropped_by_limits(client);
        if by_limits > 0 || !client.limits.is_empty() {
            sample(text, name, &[id(client), ("reason", "limit")], by_limits);
        }
    },
};

const REFUSED_IN_SHADOW: Family = Family {
    name: "flowguard_shadow_refused_total",
    help: "Requests that were refused and passed all the same, since their filter is in shadow; they are among the admitted ones.",
    kind: "counter",
    samples: |text, name, client| {
        let refused = client.record.refused_in_shadow;
        // Most clients are never in shadow, and the page is long enough.
        if refused != RefusedInShadow::default() {
            sample(text, name, &[id(client), ("reason", RPM)], refused.rpm);
            sample(text, name, &[id(client), ("reason", TPM)], refused.tpm);
            if refused.limit > 0 || !client.limits.is_empty() {
                sample(text, name, &[id(client), ("reason", "limit")], refused.limit);
            }
        }
    },
};

const TOKENS_USED: Family = Family {
    name: "flowguard_tokens_used_total",
    help: "Tokens of admitted requests that ended, as they were charged in the end.",
    kind: "counter",
    samples: |text, name, client| sample(text, name, &[id(client)], client.record.tokens_used),
};

/// estimated - refunded + debt = settled, at every moment.
const TOKENS: Family = Family {
    name: "flowguard_tokens_total",
    help: "Tokens of admitted requests that ended: estimated at first, settled in the end, and the difference, refunded or charged further as debt.",
    kind: "counter",
    samples: |text, name, client| {
        let estimated = client
            .record
            .tokens_used
            .saturating_add(client.record.tokens_refunded)
            .saturating_sub(client.record.tokens_charged_further);
        for (kind, tokens) in [
            ("estimated", estimated),
            ("settled", client.record.tokens_used),
            ("refunded", client.record.tokens_refunded),
            ("debt", client.record.tokens_charged_further),
        ] {
            sample(text, name, &[id(client), ("kind", kind)], tokens);
        }
    },
};

const BALANCE: Family = Family {
    name: "flowguard_tokens_remaining",
    help: "Exact balance of a bucket, in requests (rpm) or tokens (tpm); negative in debt.",
    kind: "gauge",
    samples: |text, name, client| {
        for (limit, balance) in limits(client) {
            sample(text, name, &[id(client), ("bucket_type", limit)], balance.tokens());
        }
    },
};

const REMAINING: Family = Family {
    name: "flowguard_rate_limit_remaining",
    help: "Whole requests (rpm) or tokens (tpm) that would be admitted now.",
    kind: "gauge",
    samples: |text, name, client| {
        for (limit, balance) in limits(client) {
            sample(text, name, &[id(client), ("limit_type", limit)], balance.remaining());
        }
    },
};

const LIMIT: Family = Family {
    name: "flowguard_client_limit",
    help: "Limit in force, in requests (rpm) or tokens (tpm) a minute.",
    kind: "gauge",
    samples: |text, name, client| {
        let limits = client.config.limits_in_force();
        for (limit, per_minute) in [(RPM, limits.rpm), (TPM, limits.tpm)] {
            if let Some(per_minute) = per_minute {
                sample(text, name, &[id(client), ("limit_type", limit)], per_minute.get());
            }
        }
    },
};

const DURATION: Family = Family {
    name: "flowguard_request_duration_milliseconds",
    help: "Time from an admitted request to the end of its response.",
    kind: "histogram",
    samples: |text, name, client| {
        // A client that never finished a request has no distribution: in a large installation
        // most of the page would be empty buckets.
        if client.record.durations.count() > 0 {
            histogram(text, name, id(client), &client.record.durations);
        }
    },
};

const FAMILIES: [&Family; 9] = [
    &REQUESTS,
    &DROPPED,
    &REFUSED_IN_SHADOW,
    &TOKENS_USED,
    &TOKENS,
    &LIMIT,
    &BALANCE,
    &REMAINING,
    &DURATION,
];

/// Writes the metrics of every client, and of all unconfigured ids together, a piece at a time:
/// one family after the other, as the format wants it, and in each the clients by id.
#[derive(Debug)]
pub(super) struct Clients {
    ledger: Arc<Ledger>,
    /// The families that are not finished yet.
    families: slice::Iter<'static, &'static Family>,
    /// The one that is being written, and after which client it goes on.
    current: Option<(&'static Family, Option<ClientId>)>,
}

impl Clients {
    pub(super) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, families: FAMILIES.iter(), current: None }
    }

    pub(super) fn write_head(&self, text: &mut String) {
        head(text, "flowguard_clients", "Clients that are configured.", "gauge");
        sample(text, "flowguard_clients", &[], self.ledger.len());
        let (name, help) =
            ("flowguard_open_requests", "Admitted requests whose end is not known yet.");
        head(text, name, help, "gauge");
        sample(text, name, &[], self.ledger.held());
    }

    /// Writes until `text` is a piece; `false` when everything is written.
    pub(super) fn write(&mut self, text: &mut String) -> bool {
        while text.len() < PIECE_BYTES {
            let (family, after) = match self.current.take() {
                Some(current) => current,
                None => match self.families.next() {
                    Some(family) => {
                        head(text, family.name, family.help, family.kind);
                        (*family, None)
                    }
                    None => return false,
                },
            };
            let clients = self.ledger.snapshots_after(after.as_ref(), CLIENTS_AT_A_TIME);
            for client in &clients {
                (family.samples)(text, family.name, client);
            }
            match clients.last() {
                Some(last) => self.current = Some((family, Some(last.config.id.clone()))),
                None => self.write_unknown(text, family),
            }
        }
        true
    }

    fn write_unknown(&self, text: &mut String, family: &Family) {
        match self.ledger.unknown_snapshot() {
            UnknownSnapshot::Shared(unknown) => (family.samples)(text, family.name, &unknown),
            // No bucket refused these: they are dropped for neither `rpm` nor `tpm`.
            UnknownSnapshot::Denied { refused, in_shadow } => {
                let id = ("client_id", ClientId::UNKNOWN);
                if family.name == REQUESTS.name {
                    requests(text, family.name, id, in_shadow, refused);
                } else if family.name == REFUSED_IN_SHADOW.name && in_shadow > 0 {
                    sample(text, family.name, &[id, ("reason", "unknown_client")], in_shadow);
                }
            }
        }
    }
}

fn id(client: &ClientSnapshot) -> Label<'_> {
    ("client_id", client.config.id.as_str())
}

fn dropped(client: &ClientSnapshot) -> u64 {
    let own = client.record.rpm_dropped.saturating_add(client.record.tpm_dropped);
    own.saturating_add(dropped_by_limits(client))
}

/// Refused by limits beside the client's own two, by this process.
fn dropped_by_limits(client: &ClientSnapshot) -> u64 {
    client.record.limit_dropped.saturating_sub(client.record.limit_dropped_before)
}

/// The limits that there are, with what is left of each.
fn limits(client: &ClientSnapshot) -> impl Iterator<Item = (&'static str, Balance)> {
    let limits = [(RPM, client.standing.requests), (TPM, client.standing.tokens)];
    limits.into_iter().filter_map(|(limit, balance)| Some((limit, balance?)))
}

fn requests(text: &mut String, name: &'static str, id: Label<'_>, success: u64, dropped: u64) {
    sample(text, name, &[id, ("status", "success")], success);
    sample(text, name, &[id, ("status", "dropped")], dropped);
}

fn histogram(text: &mut String, name: &'static str, id: Label<'_>, durations: &Histogram) {
    let bucket = format_args!("{name}_bucket");
    for (bound_ms, count) in durations.cumulative() {
        sample(text, bucket, &[id, ("le", &bound_ms.to_string())], count);
    }
    sample(text, bucket, &[id, ("le", "+Inf")], durations.count());
    sample(text, format_args!("{name}_sum"), &[id], durations.sum_ms());
    sample(text, format_args!("{name}_count"), &[id], durations.count());
}
