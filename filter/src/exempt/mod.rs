//! Requests that pass without a client and without a decision, because what sends them can set no
//! headers: health checks, and the preflights of browsers.
//!
//! They are narrow enough to be no way round the meter: they send nothing, and their path has one
//! reading only.

use std::fmt;

use proto::plugin_config::ExemptPath;

use crate::{header_map::HeaderMap, request_line};

/// What passes without a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exemptions {
    paths: Vec<ExemptPath>,
    preflight: bool,
}

impl Exemptions {
    /// `paths` as [`ExemptPath::parse`] reads them. `preflight`: whether CORS preflights pass,
    /// whatever their path.
    pub(crate) fn new(paths: &[String], preflight: bool) -> Result<Self, InvalidExemption> {
        if paths.len() > ExemptPath::COUNT_MAX {
            return Err(InvalidExemption::TooMany(paths.len()));
        }
        let parse = |(index, text): (usize, &String)| {
            let invalid = || InvalidExemption::Path { index, path: text.clone() };
            ExemptPath::parse(text).ok_or_else(invalid)
        };
        let paths = paths.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { paths, preflight })
    }

    /// Whether a request passes. `has_body`: more than these headers is to come.
    pub(crate) fn apply_to(&self, headers: &HeaderMap, has_body: bool) -> bool {
        if has_body || (self.paths.is_empty() && !self.preflight) || announces_body(headers) {
            return false;
        }
        match request_line::method(headers) {
            Some(b"OPTIONS") => self.is_exempt_preflight(headers) || self.has_path_of(headers),
            Some(b"GET" | b"HEAD") => self.has_path_of(headers),
            _ => false,
        }
    }

    fn is_exempt_preflight(&self, headers: &HeaderMap) -> bool {
        self.preflight && headers.has("origin") && headers.has("access-control-request-method")
    }

    fn has_path_of(&self, headers: &HeaderMap) -> bool {
        request_line::path(headers)
            .is_some_and(|path| self.paths.iter().any(|exempt| covers(exempt, path)))
    }
}

/// The host says whether anything follows; a server behind may go by these instead.
fn announces_body(headers: &HeaderMap) -> bool {
    headers.values("content-length").any(|length| length != b"0")
        || headers.has("transfer-encoding")
        || headers.has("upgrade")
}

fn covers(exempt: &ExemptPath, path: &[u8]) -> bool {
    match exempt.as_str().strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix.as_bytes()),
        None => path == exempt.as_str().as_bytes(),
    }
}

/// Why exemptions were refused.
#[derive(Debug, PartialEq, Eq)]
pub enum InvalidExemption {
    /// More than [`ExemptPath::COUNT_MAX`].
    TooMany(usize),
    /// An entry is not a path that could be exempt.
    Path {
        /// Its place in the list, from 0.
        index: usize,
        /// As it was given.
        path: String,
    },
}

impl fmt::Display for InvalidExemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => {
                let most = ExemptPath::COUNT_MAX;
                write!(f, "exempt_paths must have at most {most} entries, got {count}")
            }
            Self::Path { index, path } => {
                // Enough to recognize it by.
                let shown: String = path.chars().take(80).collect();
                let most = ExemptPath::BYTES_MAX;
                write!(
                    f,
                    "exempt_paths[{index}] must be a path such as /health, or /health/* for all \
                     beneath it: 1 to {most} visible ASCII characters from the \
                     first / on, without % \\ ; ? # // or a segment . or .., and * only at the end \
                     after a /, got {shown:?}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
