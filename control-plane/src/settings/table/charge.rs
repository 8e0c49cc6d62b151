//! Settings of what a request costs. Their defaults stand in `ledger/policy.rs`.

use super::rows;
use crate::settings::field::field;

rows! {
    ESTIMATE {
        fills: field!(policy.estimate.source),
        meaning: "The tokens that a request reserves: header (x-token-estimate), or learned (at least the recent p90 of the client's use; the header may be missing)",
    }
    DEFAULT_ESTIMATE {
        fills: field!(policy.estimate.default),
        meaning: "The tokens that a request without x-token-estimate reserves while nothing is learned, at most the client's limit",
    }
    MIN_ESTIMATE {
        fills: field!(policy.estimate.min),
        meaning: "The least that a request which generates tokens reserves, but never more than its client's tokens per minute",
    }
    CHARGE_WITHOUT_USAGE {
        fills: field!(policy.charge.without_usage),
        meaning: "What a 2xx response without usage costs: observed (its estimate, or what was seen to pass if that is more), estimate, request (no tokens) or nothing",
    }
    CHARGE_ON_ABORT {
        fills: field!(policy.charge.abort),
        meaning: "What a response that was cut short costs: known (what it has told by then), estimate (that, but no less than its estimate) or observed (that, but no less than what was seen to pass)",
    }
    OBSERVED_TOKENS_MAX {
        fills: field!(policy.charge.observed_max as 0..=proto::FIGURE_MAX),
        meaning: "The tokens that are taken to have passed in one event stream at most",
    }
    CHARGE_ON_READ {
        fills: field!(policy.charge.read),
        meaning: "What a GET, HEAD, DELETE or OPTIONS costs: one request (no tokens), or its estimate",
    }
    CHARGE_ON_UPSTREAM_REFUSAL {
        fills: field!(policy.charge.upstream_refusal),
        meaning: "What a request costs when the answer is 3xx or 4xx: estimate, request (no tokens) or nothing",
    }
    CHARGE_ON_UPSTREAM_FAILURE {
        fills: field!(policy.charge.upstream_failure),
        meaning: "What a request costs when the upstream can't be reached or answers 5xx: estimate, request (no tokens) or nothing",
    }
}
