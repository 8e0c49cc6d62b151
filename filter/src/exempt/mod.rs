//! Requests that pass without a client and without a decision, because what sends them can set no
//! headers: health checks, and the preflights of browsers.
//!
//! They are narrow enough to be no way round the meter: they send nothing, and their path has one
//! reading only.

use std::fmt;

use crate::{headers::HeaderMap, request_line};

/// Paths, at most: each request without a body is compared with all of them.
pub const EXEMPT_PATHS_MAX: usize = 64;

/// Bytes of a path, at most: a hundred times the path of any health check, and 64 of them are no
/// burden to a configuration.
pub const EXEMPT_PATH_BYTES_MAX: usize = 1_024;

/// What passes without a client.
#[derive(Clone, Debug, Default)]
pub struct Exemptions {
    paths: Vec<ExemptPath>,
    preflight: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ExemptPath {
    /// This one alone.
    Exact(Vec<u8>),
    /// All that begin so; it ends with a slash.
    Beneath(Vec<u8>),
}

impl Exemptions {
    /// `paths`: `/a` is itself alone, `/a/*` is `/a/` and everything beneath it, not `/a`.
    /// `preflight`: whether CORS preflights pass, whatever their path.
    pub fn new(paths: &[String], preflight: bool) -> Result<Self, InvalidExemption> {
        if paths.len() > EXEMPT_PATHS_MAX {
            return Err(InvalidExemption::TooMany(paths.len()));
        }
        let paths = paths.iter().enumerate().map(|(index, path)| ExemptPath::new(index, path));
        Ok(Self { paths: paths.collect::<Result<_, _>>()?, preflight })
    }

    /// Whether a request passes. `has_body`: more than these headers is to come.
    pub fn apply_to(&self, headers: &HeaderMap, has_body: bool) -> bool {
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
        let has = |name: &str| headers.iter().any(|(header, _)| header == name);
        self.preflight && has("origin") && has("access-control-request-method")
    }

    fn has_path_of(&self, headers: &HeaderMap) -> bool {
        request_line::path(headers)
            .is_some_and(|path| self.paths.iter().any(|exempt| exempt.is(path)))
    }
}

/// The host says whether anything follows; a server behind may go by these instead.
fn announces_body(headers: &HeaderMap) -> bool {
    headers.iter().any(|(name, value)| match name.as_str() {
        "content-length" => value != b"0",
        "transfer-encoding" | "upgrade" => true,
        _ => false,
    })
}

impl ExemptPath {
    fn new(index: usize, text: &str) -> Result<Self, InvalidExemption> {
        let (path, is_prefix) = match text.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('/') => (prefix, true),
            _ => (text, false),
        };
        let is_allowed = text.len() <= EXEMPT_PATH_BYTES_MAX
            && request_line::is_plain(path.as_bytes())
            && !path.contains('*');
        if !is_allowed {
            return Err(InvalidExemption::Path { index, path: text.to_owned() });
        }
        let path = path.as_bytes().to_vec();
        Ok(if is_prefix { Self::Beneath(path) } else { Self::Exact(path) })
    }

    fn is(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Beneath(prefix) => path.starts_with(prefix),
        }
    }
}

/// Why exemptions were refused.
#[derive(Debug, PartialEq, Eq)]
pub enum InvalidExemption {
    /// More than [`EXEMPT_PATHS_MAX`].
    TooMany(usize),
    /// An entry, by its place, that is no path which could be exempt.
    Path {
        /// From 0.
        index: usize,
        /// As it was given.
        path: String,
    },
}

impl fmt::Display for InvalidExemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => {
                write!(f, "exempt_paths must have at most {EXEMPT_PATHS_MAX} entries, got {count}")
            }
            Self::Path { index, path } => {
                // Enough to recognize it by.
                let shown: String = path.chars().take(80).collect();
                write!(
                    f,
                    "exempt_paths[{index}] must be a path such as /health, or /health/* for all \
                     beneath it: 1 to {EXEMPT_PATH_BYTES_MAX} visible ASCII characters from the \
                     first / on, without % \\ ; ? # // or a segment . or .., and * only at the end \
                     after a /, got {shown:?}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
