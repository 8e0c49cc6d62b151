//! Settings of what a request costs, and to whom.

use super::{Setting, VARIABLE};

const LIMIT: &str = "an integer from 1 to 1000000000000";
const FALLBACK_CHARGE: &str = "estimate, request or nothing";

pub(in crate::settings) const ESTIMATE: Setting = Setting {
    name: "ESTIMATE",
    default: "header",
    allowed: "header or learned",
    meaning: "The tokens that a request reserves: header (x-token-estimate), or learned (at least the recent p90 of the client's use; the header may be missing)",
    ..VARIABLE
};

pub(in crate::settings) const DEFAULT_ESTIMATE: Setting = Setting {
    name: "DEFAULT_ESTIMATE",
    default: "1000",
    allowed: "an integer from 0 to 1000000000000",
    meaning: "The tokens that a request without x-token-estimate reserves while nothing is learned, at most the client's limit",
    ..VARIABLE
};

pub(in crate::settings) const MIN_ESTIMATE: Setting = Setting {
    name: "MIN_ESTIMATE",
    default: "0",
    allowed: "an integer from 0 to 1000000000000",
    meaning: "The tokens that a request which makes tokens reserves at least, at most the client's limit",
    ..VARIABLE
};

pub(in crate::settings) const CHARGE_WITHOUT_USAGE: Setting = Setting {
    name: "CHARGE_WITHOUT_USAGE",
    default: "observed",
    allowed: "observed, estimate, request or nothing",
    meaning: "What a 2xx response without usage costs: observed (its estimate, or what was seen to pass if that is more), estimate, request (no tokens) or nothing",
    ..VARIABLE
};

pub(in crate::settings) const CHARGE_ON_ABORT: Setting = Setting {
    name: "CHARGE_ON_ABORT",
    default: "observed",
    allowed: "observed, estimate or known",
    meaning: "What a response that was cut short costs: known (what it has told by then), estimate (that, but no less than its estimate) or observed (that, but no less than what was seen to pass)",
    ..VARIABLE
};

pub(in crate::settings) const OBSERVED_TOKENS_MAX: Setting = Setting {
    name: "OBSERVED_TOKENS_MAX",
    default: "32768",
    allowed: "an integer from 0 to 100000000",
    meaning: "The tokens that are taken to have passed in one event stream at most",
    ..VARIABLE
};

pub(in crate::settings) const CHARGE_ON_READ: Setting = Setting {
    name: "CHARGE_ON_READ",
    default: "request",
    allowed: "request or estimate",
    meaning: "What a GET, HEAD, DELETE or OPTIONS costs: one request (no tokens), or its estimate",
    ..VARIABLE
};

pub(in crate::settings) const CHARGE_ON_UPSTREAM_REFUSAL: Setting = Setting {
    name: "CHARGE_ON_UPSTREAM_REFUSAL",
    default: "request",
    allowed: FALLBACK_CHARGE,
    meaning: "The same when the answer is 3xx or 4xx",
    ..VARIABLE
};

pub(in crate::settings) const CHARGE_ON_UPSTREAM_FAILURE: Setting = Setting {
    name: "CHARGE_ON_UPSTREAM_FAILURE",
    default: "request",
    allowed: FALLBACK_CHARGE,
    meaning: "What a request costs when the upstream can't be reached or answers 5xx: estimate, request (no tokens) or nothing",
    ..VARIABLE
};

pub(in crate::settings) const UNKNOWN_CLIENTS: Setting = Setting {
    name: "UNKNOWN_CLIENTS",
    default: "shared",
    allowed: "shared, deny or allow",
    meaning: "A client that is not configured: shared (all of them draw on one pair of buckets), deny (403) or allow (no limit)",
    ..VARIABLE
};

pub(in crate::settings) const UNKNOWN_CLIENT_RPM: Setting = Setting {
    name: "UNKNOWN_CLIENT_RPM",
    default: "60",
    allowed: LIMIT,
    meaning: "Requests per minute of the shared pair",
    ..VARIABLE
};

pub(in crate::settings) const UNKNOWN_CLIENT_TPM: Setting = Setting {
    name: "UNKNOWN_CLIENT_TPM",
    default: "1000",
    allowed: LIMIT,
    meaning: "Tokens per minute of the shared pair",
    ..VARIABLE
};

pub(in crate::settings) const DEMO_CLIENTS: Setting = Setting {
    name: "DEMO_CLIENTS",
    default: "true",
    allowed: "true or false",
    meaning: "Whether to add the three demo clients when there is no client",
    ..VARIABLE
};
