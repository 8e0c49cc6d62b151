//! The choices in the filter's configuration, each with its words.

use serde::{Deserialize, Serialize};

/// An enum whose values are words of the configuration, each of them written here and nowhere else.
macro_rules! choice {
    (
        $(#[$about:meta])*
        $choice:ident, $default:ident by default:
        $($(#[$about_value:meta])* $value:ident = $word:literal,)+
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $choice {
            $($(#[$about_value])* #[serde(rename = $word)] $value,)+
        }

        impl $choice {
            /// Every value there is.
            pub const ALL: &[Self] = &[$(Self::$value,)+];

            /// What holds when nothing is said.
            pub const DEFAULT: Self = Self::$default;

            /// The value as it is written.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }

        impl Default for $choice {
            fn default() -> Self {
                Self::DEFAULT
            }
        }
    };
}

choice! {
    /// What the filter does with what was decided.
    Mode, Enforce by default:
    /// A refused request is answered 429.
    Enforce = "enforce",
    /// Asks, waits and counts like `enforce`, and lets every request pass.
    Shadow = "shadow",
    /// Does nothing but count: the way out when FlowGuard itself is in the way.
    Pass = "pass",
    /// Checks the headers and never asks.
    Off = "off",
}

impl Mode {
    /// Whether the control plane is asked.
    pub const fn asks(self) -> bool {
        match self {
            Self::Enforce | Self::Shadow => true,
            Self::Pass | Self::Off => false,
        }
    }
}

choice! {
    /// By what it is known who asks.
    Identity, Header by default:
    /// By `X-Client-ID`, which is believed.
    Header = "header",
    /// By a key that the control plane gave.
    ApiKey = "api-key",
    /// By a claim of a token that a filter before this one has verified.
    Jwt = "jwt",
    /// By the certificate of the client's connection.
    Mtls = "mtls",
}

choice! {
    /// What of a client's certificate says who it is.
    IdentityCert, Uri by default:
    /// Its first name that is a URI, such as a mesh's `spiffe://…`.
    Uri = "uri",
    /// Its first name that is a host's.
    Dns = "dns",
    /// The SHA-256 of the certificate, in hexadecimal digits.
    Digest = "digest",
}

choice! {
    /// What becomes of a request that has no decision in time.
    FailureMode, Closed by default:
    /// It is answered 503.
    Closed = "closed",
    /// It passes unlimited.
    Open = "open",
}

choice! {
    /// How the bodies of the filter's own answers are written.
    ErrorFormat, Flowguard by default:
    /// `{"error":"…","message":"…"}`.
    Flowguard = "flowguard",
    /// As the OpenAI API writes its errors.
    Openai = "openai",
    /// As the Anthropic API writes its errors.
    Anthropic = "anthropic",
    /// As the API that the request is for writes its errors; as `flowguard` where that is unknown.
    Auto = "auto",
}

choice! {
    /// Which headers of a response tell a client where it stands.
    RateLimitHeaders, Openai by default:
    /// None, and an upstream's are not touched.
    Off = "off",
    /// The six `x-ratelimit-…` of the OpenAI API.
    Openai = "openai",
    /// `RateLimit` and `RateLimit-Policy` of the IETF's draft (httpapi-ratelimit-headers).
    Ietf = "ietf",
    /// Those of OpenAI and those of the IETF.
    Both = "both",
}

choice! {
    /// What becomes of the headers in which an upstream tells its own limits.
    UpstreamRateLimitHeaders, Replace by default:
    /// They go, also where FlowGuard has nothing to say in their place: a client must not take the
    /// upstream's limits, which all clients share, for its own.
    Replace = "replace",
    /// The client sees them too, each as `x-upstream-…`.
    Rename = "rename",
}

choice! {
    /// What becomes of a request's `accept-encoding`.
    AcceptEncoding, Drop by default:
    /// It is taken off, so that the response comes uncompressed and its usage can be read.
    Drop = "drop",
    /// It goes on to the upstream; the estimate stands for a response that is then encoded.
    Keep = "keep",
}

choice! {
    /// Where the tokens come from that a request reserves.
    Estimate, Header by default:
    /// From its `X-Token-Estimate`, which must be there.
    Header = "header",
    /// From what its client used of late too; the header may then be missing.
    Learned = "learned",
}

choice! {
    /// Where a request may say which model it is for.
    ModelFrom, Path by default:
    /// In its path, as several vendors' APIs have it.
    Path = "path",
    /// In a header, for something in front that sets it.
    Header = "header",
}
