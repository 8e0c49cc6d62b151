//! Settings of who listens where, who may call, and of what Envoy may take.
//!
//! Their defaults stand in the `impl Default` of what they fill: `envoy_config/config.rs`,
//! `listener/addresses.rs` and `http/access.rs`.

use super::rows;
use crate::{
    envoy_config::Bounds,
    settings::{
        NonEmpty,
        field::field,
        notation::{Bytes, OptionalPort},
    },
};

rows! {
    UPSTREAM_URL {
        fills: field!(envoy.upstream),
        flag: "upstream-url" URL,
        meaning: "Where Envoy forwards",
        echo: WithoutSecrets,
    }
    UPSTREAM_CA_FILE {
        fills: field!(envoy.upstream_ca_file as NonEmpty("the path of a file of PEM certificates")),
        flag: "upstream-ca-file" PATH,
        meaning: "The certificates that Envoy trusts for an https upstream",
    }
    STREAM_IDLE_TIMEOUT_S {
        fills: field!(envoy.bounds.stream_idle_timeout_s as Bounds::STREAM_IDLE_TIMEOUT_S),
        meaning: "How many seconds a request and its response may be silent before Envoy ends them",
    }
    PROXY_PORT {
        fills: field!(envoy.proxy_port),
        flag: "proxy-port" PORT,
        meaning: "Envoy's listener for API traffic",
    }
    METRICS_PORT {
        fills: field!(listeners.metrics_port),
        flag: "metrics-port" PORT,
        meaning: "Prometheus metrics",
    }
    CONFIG_PORT {
        fills: field!(listeners.config_port),
        flag: "config-port" PORT,
        meaning: "The REST API",
    }
    GRPC_PORT {
        fills: field!(listeners.grpc_port),
        flag: "grpc-port" PORT,
        meaning: "The gRPC API",
    }
    DECISION_PORT {
        fills: field!(listeners.decision_port),
        flag: "decision-port" PORT,
        meaning: "The filter's decision stream",
    }
    HEALTH_PORT {
        fills: field!(listeners.health_port as OptionalPort),
        flag: "health-port" PORT,
        meaning: "A port of /health and /ready alone, which never has TLS",
    }
    CONTROL_PLANES {
        fills: field!(envoy.control_planes),
        flag: "control-plane" ADDRESS repeatedly,
        meaning: "Where Envoy's filter asks, in place of DECISION_PORT of this one: control planes that share a store",
    }
    ENVOY_ADMIN_PORT {
        fills: field!(envoy.admin_port),
        flag: "envoy-admin-port" PORT,
        meaning: "Envoy's admin interface, always on 127.0.0.1",
    }
    ENVOY_CONNECTIONS_MAX {
        fills: field!(envoy.bounds.connections_max as Bounds::CONNECTIONS_MAX),
        meaning: "How many connections Envoy's clients may have at once; further ones are closed",
    }
    ENVOY_HEAP_BYTES {
        fills: field!(envoy.bounds.heap_bytes as Bytes(Bounds::HEAP_BYTES)),
        meaning: "How much memory Envoy may take; close to it new requests are refused and the largest streams ended",
    }
    BIND_ADDRESS {
        fills: field!(listeners.ip),
        flag: "bind-address" ADDRESS,
        meaning: "The address of all listeners",
    }
    ALLOWED_HOSTS {
        fills: field!(access.hosts),
        meaning: "Host names by which the REST API and the metrics may be called, besides IP addresses and localhost",
    }
    CORS_ALLOW_ORIGINS {
        fills: field!(access.origins),
        meaning: "Origins from which a browser may call the REST API: a list, or *",
        echo: WithoutSecrets,
    }
}
