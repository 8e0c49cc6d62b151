//! Types that are written in the same way by whichever setting they are given.

use std::{net::IpAddr, num::NonZeroU16, path::PathBuf, str::FromStr};

use limiter::{OutOfRange, PerMinute, Tokens};

use super::choice::Choice;
use crate::{
    envoy_config::{CertificateName, ControlPlanes, UpstreamUrl},
    host::Host,
    http::{AllowedHosts, CorsOrigins},
    store::DataDir,
};

/// A type of values, as an operator writes them.
pub(crate) trait Value: Sized {
    /// The value that is written so.
    fn parse(text: &str) -> Option<Self>;

    /// The value as [`Self::parse`] reads it.
    fn text(&self) -> String;

    /// Which values are allowed, as it is said after one that is not.
    fn allowed() -> String;

    /// The port that is listened on by this value, if it is a port and not any free one.
    fn port(&self) -> Option<NonZeroU16> {
        None
    }
}

impl<T: Choice> Value for T {
    fn parse(text: &str) -> Option<Self> {
        T::ALL.iter().copied().find(|value| value.word() == text)
    }

    fn text(&self) -> String {
        self.word().to_owned()
    }

    fn allowed() -> String {
        let words: Vec<_> = T::ALL.iter().map(|value| value.word()).collect();
        match words.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => words.concat(),
        }
    }
}

impl Value for bool {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn allowed() -> String {
        "true or false".to_owned()
    }
}

/// A port that others have to know beforehand, so it is never 0, any free one.
impl Value for NonZeroU16 {
    fn parse(text: &str) -> Option<Self> {
        Self::new(number(text)?)
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn allowed() -> String {
        "a port from 1 to 65535".to_owned()
    }

    fn port(&self) -> Option<NonZeroU16> {
        Some(*self)
    }
}

impl Value for u16 {
    fn parse(text: &str) -> Option<Self> {
        number(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn allowed() -> String {
        "a port from 1 to 65535, or 0 for any free one".to_owned()
    }

    fn port(&self) -> Option<NonZeroU16> {
        NonZeroU16::new(*self)
    }
}

impl Value for PerMinute {
    fn parse(text: &str) -> Option<Self> {
        Self::new(number(text)?).ok()
    }

    fn text(&self) -> String {
        self.get().to_string()
    }

    fn allowed() -> String {
        range_of(Self::new(u64::MAX))
    }
}

impl Value for Tokens {
    fn parse(text: &str) -> Option<Self> {
        Self::new(number(text)?).ok()
    }

    fn text(&self) -> String {
        self.get().to_string()
    }

    fn allowed() -> String {
        range_of(Self::new(u64::MAX))
    }
}

impl Value for IpAddr {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn allowed() -> String {
        "an IP address, such as 127.0.0.1 or 0.0.0.0".to_owned()
    }
}

/// Types that know themselves how they are written.
macro_rules! as_the_type_says {
    ($($type:ty: $allowed:literal,)+) => {
        $(impl Value for $type {
            fn parse(text: &str) -> Option<Self> {
                <$type>::parse(text)
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn allowed() -> String {
                $allowed.to_owned()
            }
        })+
    };
}

as_the_type_says! {
    Host: "a host name or an IP address",
    UpstreamUrl: "an http or https URL of a host, with an optional port and path, without user name, query and fragment",
    CertificateName: "a DNS name, an IP address, a URI such as spiffe://example.org/flowguard, or nothing",
    ControlPlanes: "up to 64 different addresses host:port, separated by commas, or nothing",
    AllowedHosts: "host names such as control-plane, separated by commas",
    CorsOrigins: "origins such as https://console.example.com, separated by commas, or *",
}

/// A folder that has this word for its name is written with another path, such as `./memory`.
impl Value for DataDir {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "memory" => Some(Self::Memory),
            // Where it is is told in one line.
            path if path.is_empty() || path.contains(char::is_control) => None,
            path => Some(Self::Folder(PathBuf::from(path))),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Memory => "memory".to_owned(),
            Self::Folder(path) => path.display().to_string(),
        }
    }

    fn allowed() -> String {
        "the path of a folder, in UTF-8 without control characters, or memory".to_owned()
    }
}

/// Decimal digits alone; the standard library would also take a sign.
pub(super) fn number<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)?.parse().ok()
}

/// What a type says of a number that it refuses: "must be an integer from 1 to 9".
fn range_of<T>(refused: Result<T, OutOfRange>) -> String {
    let said = refused.err().map(|error| error.to_string()).unwrap_or_default();
    said.strip_prefix("must be ").unwrap_or(&said).to_owned()
}
