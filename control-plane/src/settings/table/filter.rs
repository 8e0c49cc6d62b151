//! Settings of what the filter does with a request and its response.
//!
//! Their defaults stand in `PluginConfig::default` (`proto/src/plugin_config/`).

use proto::plugin_config::PluginConfig;

use super::rows;
use crate::settings::{
    field::field,
    notation::{ClaimWay, ExemptPaths, KeyHeaders, ModelHeaderName, ModelPlaces},
};

rows! {
    // `MODE` alone is a variable of many environments, and means something else there.
    FLOWGUARD_MODE {
        fills: field!(envoy.filter.mode),
        flag: "mode" MODE,
        meaning: "What the filter does: enforce the limits, shadow (decides and counts, and lets all pass), pass (the emergency exit: nothing is checked, asked or changed) or off (only checks the headers)",
    }
    // `IDENTITY` alone is a variable of many environments too.
    FLOWGUARD_IDENTITY {
        fills: field!(envoy.filter.identity),
        flag: "identity" KIND,
        meaning: "By what it is known who asks: header (X-Client-ID, which is believed), api-key (a key of FlowGuard's), jwt (a claim that Envoy has verified) or mtls (the client's certificate)",
    }
    IDENTITY_HEADERS {
        fills: field!(envoy.filter.identity_headers as KeyHeaders),
        meaning: "With api-key: the headers in which a key is looked for, and which the upstream does not see",
    }
    IDENTITY_CLAIM {
        fills: field!(envoy.filter.identity_claim as ClaimWay),
        meaning: "With jwt: where the claim stands in the metadata that Envoy's filters leave, as a JSON list of names",
    }
    IDENTITY_CERT {
        fills: field!(envoy.filter.identity_cert),
        meaning: "With mtls: what of the certificate says who asks: uri (its first URI name), dns (its first DNS name) or digest (its SHA-256)",
    }
    KEEP_CREDENTIAL {
        fills: field!(envoy.filter.keep_credential),
        meaning: "With api-key: whether the upstream sees the headers in which keys are looked for",
    }
    TRUST_CLIENT_HEADER {
        fills: field!(envoy.trust_client_header),
        meaning: "With header: whether X-Client-ID is believed on an address that others reach, where something in front sets it or nobody else gets there",
    }
    FAILURE_MODE {
        fills: field!(envoy.filter.failure_mode),
        flag: "failure-mode" MODE,
        meaning: "A request without a decision in time: closed answers 503, open lets it pass",
    }
    DECISION_TIMEOUT_MS {
        fills: field!(envoy.filter.decision_timeout_ms as PluginConfig::DECISION_TIMEOUT_MS),
        meaning: "How many milliseconds a request waits for its decision",
    }
    ERROR_FORMAT {
        fills: field!(envoy.filter.error_format),
        meaning: "Whose form the bodies of FlowGuard's own answers have: flowguard, openai, anthropic, or auto (that of the API which the request is for)",
    }
    RATE_LIMIT_HEADERS {
        fills: field!(envoy.filter.rate_limit_headers),
        meaning: "Headers that tell a client what it has left: off, openai (x-ratelimit-…), ietf (RateLimit and RateLimit-Policy) or both",
    }
    UPSTREAM_RATE_LIMIT_HEADERS {
        fills: field!(envoy.filter.upstream_rate_limit_headers),
        meaning: "The upstream's own headers of that kind: replace, or rename (they become x-upstream-…)",
    }
    ACCEPT_ENCODING {
        fills: field!(envoy.filter.accept_encoding),
        meaning: "A request's accept-encoding: drop (the usage in its response can be read) or keep",
    }
    MODEL_FROM {
        fills: field!(envoy.filter.model_from as ModelPlaces),
        meaning: "Where it is read which model a request is for, in the order in which these are tried: path and header",
    }
    MODEL_HEADER {
        fills: field!(envoy.filter.model_header as ModelHeaderName),
        meaning: "The header of MODEL_FROM=header, which something in front has to set or remove",
    }
    EXEMPT_PATHS {
        fills: field!(envoy.filter.exempt_paths as ExemptPaths),
        meaning: "Paths that a GET, HEAD or OPTIONS reaches without the two headers and without being limited",
    }
    EXEMPT_PREFLIGHT {
        fills: field!(envoy.filter.exempt_preflight),
        meaning: "Whether a browser's CORS preflight passes without the two headers and without being limited",
    }
}
