//! Settings of TLS on the control plane's ports, and of an Envoy that calls it. Their defaults stand in
//! `tls/config.rs` and `envoy_config/control_plane_tls.rs`.

use super::rows;
use crate::settings::{field::field, notation::OptionalPath};

rows! {
    TLS_CERT_FILE {
        fills: field!(tls.cert_file as OptionalPath("the path of a file of PEM certificates, or nothing")),
        flag: "tls-cert-file" PATH,
        meaning: "The certificate that the control plane's ports show, and behind it those that lead to its authority; without it they have no TLS",
    }
    TLS_KEY_FILE {
        fills: field!(tls.key_file as OptionalPath("the path of a file with a PEM private key, or nothing")),
        flag: "tls-key-file" PATH,
        meaning: "The private key of that certificate",
    }
    TLS_CLIENT_CA_FILE {
        fills: field!(tls.client_ca_file as OptionalPath("the path of a file of PEM certificates, or nothing")),
        flag: "tls-client-ca-file" PATH,
        meaning: "The authorities of the certificates that callers show; the decision port wants one",
    }
    CONTROL_PLANE_CA_FILE {
        fills: field!(envoy.control_plane_tls.ca_file as OptionalPath("the path of a file of PEM certificates, or nothing")),
        flag: "control-plane-ca-file" PATH,
        meaning: "The certificates that Envoy trusts for the control plane, which it then calls with TLS",
    }
    CONTROL_PLANE_NAME {
        fills: field!(envoy.control_plane_tls.name),
        flag: "control-plane-name" NAME,
        meaning: "The name that Envoy wants in the control plane's certificate, a DNS name or a URI such as spiffe://example.org/flowguard; without it the host that it calls",
    }
    ENVOY_CERT_FILE {
        fills: field!(envoy.control_plane_tls.cert_file as OptionalPath("the path of a file of PEM certificates, or nothing")),
        flag: "envoy-cert-file" PATH,
        meaning: "The certificate that Envoy shows to the control plane",
    }
    ENVOY_KEY_FILE {
        fills: field!(envoy.control_plane_tls.key_file as OptionalPath("the path of a file with a PEM private key, or nothing")),
        flag: "envoy-key-file" PATH,
        meaning: "The private key of that certificate",
    }
}
