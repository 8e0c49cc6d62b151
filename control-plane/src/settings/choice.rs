//! Settings whose value is one of a few words.

use proto::plugin_config::{
    AcceptEncoding, ErrorFormat, Estimate, FailureMode, Identity, IdentityCert, Mode, ModelFrom,
    RateLimitHeaders, UpstreamRateLimitHeaders,
};

use crate::{
    auth::AuthMode,
    ledger::{
        AbortCharge, FallbackCharge, ReadCharge, RetryAfter, UnknownClients, WithoutUsageCharge,
    },
    logging::{LogFormat, LogLevel},
    store::shared::StoreFailureMode,
};

/// A type whose values are words.
pub(crate) trait Choice: Copy + 'static {
    /// Every value there is, in the order in which they are told.
    const ALL: &[Self];

    /// The value as the operator writes it.
    fn word(self) -> &'static str;
}

/// The words of a type, each of them written here and nowhere else.
macro_rules! words {
    ($choice:ident: $($value:ident$(($inner:path))? = $word:literal),+) => {
        impl Choice for $choice {
            const ALL: &[Self] = &[$(Self::$value$(($inner))?),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$value$(($inner))? => $word),+
                }
            }
        }
    };
}

words!(LogLevel: Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace");
words!(LogFormat: Text = "text", Json = "json");
words!(AuthMode: Auto = "auto", Required = "required", Off = "off");
words!(FallbackCharge: Estimate = "estimate", Request = "request", Nothing = "nothing");
words!(AbortCharge: Observed = "observed", Estimate = "estimate", Known = "known");
words!(ReadCharge: Request = "request", Estimate = "estimate");
words!(StoreFailureMode: Local = "local", Closed = "closed", Open = "open");
words!(RetryAfter: Exact = "exact", Spread = "spread");
words!(
    WithoutUsageCharge:
    Observed = "observed",
    Fixed(FallbackCharge::Estimate) = "estimate",
    Fixed(FallbackCharge::Request) = "request",
    Fixed(FallbackCharge::Nothing) = "nothing"
);

/// The pair of buckets, shared or each one's, has its default limits until the settings that are theirs are read.
impl Choice for UnknownClients {
    const ALL: &[Self] = &[Self::DEFAULT, Self::DEFAULT_EACH, Self::Deny, Self::Allow];

    fn word(self) -> &'static str {
        match self {
            Self::Shared { .. } => "shared",
            Self::Each { .. } => "each",
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

/// The filter's choices have their words from its configuration.
macro_rules! words_of_the_filter {
    ($($choice:ident),+) => {
        $(impl Choice for $choice {
            const ALL: &[Self] = $choice::ALL;

            fn word(self) -> &'static str {
                $choice::word(self)
            }
        })+
    };
}

words_of_the_filter!(
    Mode,
    Identity,
    IdentityCert,
    FailureMode,
    ErrorFormat,
    RateLimitHeaders,
    UpstreamRateLimitHeaders,
    AcceptEncoding,
    Estimate,
    ModelFrom
);
