//! Settings of who listens where, who may call, and of what Envoy may take.

use super::{Echo, Setting, VARIABLE};

const FIXED_PORT: &str = "a port from 1 to 65535";
const FREE_PORT: &str = "a port from 1 to 65535, or 0 for any free one";

pub(in crate::settings) const UPSTREAM_URL: Setting = Setting {
    name: "UPSTREAM_URL",
    flag: Some("upstream-url"),
    placeholder: "URL",
    default: "https://api.openai.com",
    allowed: "an http or https URL of a host, with an optional port and path, without user name, query and fragment",
    meaning: "Where Envoy forwards",
    echo: Echo::WithoutSecrets,
};

pub(in crate::settings) const UPSTREAM_CA_FILE: Setting = Setting {
    name: "UPSTREAM_CA_FILE",
    flag: Some("upstream-ca-file"),
    placeholder: "PATH",
    default: "/etc/ssl/certs/ca-certificates.crt",
    allowed: "the path of a file of PEM certificates",
    meaning: "The certificates that Envoy trusts for an https upstream",
    echo: Echo::Whole,
};

pub(in crate::settings) const STREAM_IDLE_TIMEOUT_S: Setting = Setting {
    name: "STREAM_IDLE_TIMEOUT_S",
    default: "600",
    allowed: "an integer from 1 to 86400",
    meaning: "How many seconds a request and its response may be silent before Envoy ends them",
    ..VARIABLE
};

pub(crate) const PROXY_PORT: Setting = Setting {
    name: "PROXY_PORT",
    flag: Some("proxy-port"),
    placeholder: "PORT",
    default: "8080",
    allowed: FIXED_PORT,
    meaning: "Envoy's listener for API traffic",
    echo: Echo::Whole,
};

pub(crate) const METRICS_PORT: Setting = Setting {
    name: "METRICS_PORT",
    flag: Some("metrics-port"),
    placeholder: "PORT",
    default: "9090",
    allowed: FREE_PORT,
    meaning: "Prometheus metrics",
    echo: Echo::Whole,
};

pub(crate) const CONFIG_PORT: Setting = Setting {
    name: "CONFIG_PORT",
    flag: Some("config-port"),
    placeholder: "PORT",
    default: "9091",
    allowed: FREE_PORT,
    meaning: "The REST API",
    echo: Echo::Whole,
};

pub(crate) const GRPC_PORT: Setting = Setting {
    name: "GRPC_PORT",
    flag: Some("grpc-port"),
    placeholder: "PORT",
    default: "9092",
    allowed: FREE_PORT,
    meaning: "The gRPC API",
    echo: Echo::Whole,
};

pub(crate) const DECISION_PORT: Setting = Setting {
    name: "DECISION_PORT",
    flag: Some("decision-port"),
    placeholder: "PORT",
    default: "9095",
    allowed: FREE_PORT,
    meaning: "The filter's decision stream",
    echo: Echo::Whole,
};

pub(crate) const ENVOY_ADMIN_PORT: Setting = Setting {
    name: "ENVOY_ADMIN_PORT",
    flag: Some("envoy-admin-port"),
    placeholder: "PORT",
    default: "9901",
    allowed: FIXED_PORT,
    meaning: "Envoy's admin interface, always on 127.0.0.1",
    echo: Echo::Whole,
};

pub(in crate::settings) const ENVOY_CONNECTIONS_MAX: Setting = Setting {
    name: "ENVOY_CONNECTIONS_MAX",
    default: "50000",
    allowed: "an integer from 1 to 10000000",
    meaning: "How many connections Envoy's clients may have at once; further ones are closed",
    ..VARIABLE
};

pub(in crate::settings) const ENVOY_HEAP_BYTES: Setting = Setting {
    name: "ENVOY_HEAP_BYTES",
    default: "1073741824",
    allowed: "an integer from 134217728 (128 MiB) to 1099511627776 (1 TiB)",
    meaning: "How much memory Envoy may take; close to it new requests are refused and the largest streams ended",
    ..VARIABLE
};

pub(in crate::settings) const BIND_ADDRESS: Setting = Setting {
    name: "BIND_ADDRESS",
    flag: Some("bind-address"),
    placeholder: "ADDRESS",
    default: "127.0.0.1",
    allowed: "an IP address, such as 127.0.0.1 or 0.0.0.0",
    meaning: "The address of all listeners",
    echo: Echo::Whole,
};

pub(in crate::settings) const ALLOWED_HOSTS: Setting = Setting {
    name: "ALLOWED_HOSTS",
    default: "",
    allowed: "host names such as control-plane, separated by commas",
    meaning: "Host names by which the REST API and the metrics may be called, besides IP addresses and localhost",
    ..VARIABLE
};

pub(in crate::settings) const CORS_ALLOW_ORIGINS: Setting = Setting {
    name: "CORS_ALLOW_ORIGINS",
    default: "",
    allowed: "origins such as https://console.example.com, separated by commas, or *",
    meaning: "Origins from which a browser may call the REST API: a list, or *",
    echo: Echo::WithoutSecrets,
    ..VARIABLE
};

pub(in crate::settings) const LOG_LEVEL: Setting = Setting {
    name: "LOG_LEVEL",
    flag: Some("log-level"),
    placeholder: "LEVEL",
    default: "info",
    allowed: "error, warn, info, debug or trace",
    meaning: "The least severe level that is logged",
    echo: Echo::Whole,
};

pub(in crate::settings) const LOG_FORMAT: Setting = Setting {
    name: "LOG_FORMAT",
    default: "text",
    allowed: "text or json",
    meaning: "How a log record is written: text or json",
    ..VARIABLE
};
