//! Names the control plane to the host, in the one form that is safe.

use std::fmt;

use prost::Message;

/// A serialized `envoy.config.core.v3.GrpcService`.
///
/// The host first tries to parse what it is given as this message, and a plain cluster name that
/// happens to parse (`envoy` does) aborts the whole process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GrpcService(String);

impl GrpcService {
    /// Names a cluster of the host's, and the authority that requests to it carry.
    pub(crate) fn new(cluster: &str, authority: &str) -> Result<Self, InvalidGrpcService> {
        if cluster.is_empty() {
            return Err(InvalidGrpcService::Cluster);
        }
        // tonic answers 400 to an authority that is no host, such as Istio's cluster names.
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(is_host) {
            return Err(InvalidGrpcService::Authority);
        }
        let message = GrpcServiceMessage {
            envoy_grpc: Some(EnvoyGrpc {
                cluster_name: cluster.to_owned(),
                authority: authority.to_owned(),
            }),
        };
        // The host takes text; a length of 128 or more would be a byte that is not UTF-8.
        String::from_utf8(message.encode_to_vec())
            .map(Self)
            .map_err(|_| InvalidGrpcService::Length { bytes: cluster.len() + authority.len() })
    }

    /// The text that the host takes.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

const NAMES_BYTES_MAX: usize = 123;

/// Why the names cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidGrpcService {
    /// No cluster.
    Cluster,
    /// No authority, or one that no HTTP/2 server takes.
    Authority,
    /// Too long together.
    Length {
        /// Bytes in both.
        bytes: usize,
    },
}

impl fmt::Display for InvalidGrpcService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("cluster must name a cluster of this Envoy, got nothing"),
            Self::Authority => f.write_str("authority must be a host name or host:port"),
            Self::Length { bytes } => write!(
                f,
                "cluster and authority must be at most {NAMES_BYTES_MAX} bytes together, got {bytes}"
            ),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct GrpcServiceMessage {
    #[prost(message, optional, tag = "1")]
    envoy_grpc: Option<EnvoyGrpc>,
}

#[derive(Clone, PartialEq, Message)]
struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    cluster_name: String,
    #[prost(string, tag = "2")]
    authority: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_serialized_as_the_message() {
        let service = GrpcService::new("envoy", "host").unwrap();
        assert_eq!(service.as_str(), "\u{a}\u{d}\u{a}\u{5}envoy\u{12}\u{4}host");
    }

    #[test]
    fn names_of_123_bytes_fit_and_124_are_refused() {
        assert!(GrpcService::new(&"c".repeat(120), "abc").is_ok());
        assert_eq!(
            GrpcService::new(&"c".repeat(120), "abcd"),
            Err(InvalidGrpcService::Length { bytes: 124 })
        );
    }

    #[test]
    fn an_authority_that_tonic_rejects_is_refused() {
        for authority in ["", "outbound|9092||host", "a b", "\u{e9}"] {
            assert_eq!(GrpcService::new("c", authority), Err(InvalidGrpcService::Authority));
        }
    }
}
