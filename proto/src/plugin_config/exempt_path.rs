//! Paths that may be reached without being limited: those of health checks and of static files.

/// A path, or all paths beneath one, that a request without a body may reach without its headers.
///
/// It is compared byte for byte with a request's path, so it holds nothing of which two spellings
/// exist: what Envoy, the filter and the upstream could read differently would be a way round the
/// limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExemptPath(String);

impl ExemptPath {
    /// Paths in one configuration, at most: each request without a body is compared with all of
    /// them.
    pub const COUNT_MAX: usize = 64;

    /// Bytes of a path, at most: a hundred times the path of any health check, and 64 of them are no
    /// burden to a configuration.
    pub const BYTES_MAX: usize = 1_024;

    /// `/a` is itself alone, `/a/*` is `/a/` and everything beneath it, not `/a`. `None`: it could
    /// match nothing, or more than it says.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.strip_suffix('*').filter(|path| path.ends_with('/')).unwrap_or(text);
        let is_allowed = text.len() <= Self::BYTES_MAX
            && has_one_reading(path.as_bytes())
            && !path.contains('*');
        is_allowed.then(|| Self(text.to_owned()))
    }

    /// The path as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a path has one reading only: it begins with a slash and holds visible ASCII, but no
/// escape, no backslash, no parameter, no query, no fragment, no empty segment before the last and
/// no dot segment.
pub fn has_one_reading(path: &[u8]) -> bool {
    let Some(segments) = path.strip_prefix(b"/") else { return false };
    let has_one_meaning = |byte: &u8| byte.is_ascii_graphic() && !b"%\\;?#".contains(byte);
    segments.iter().all(has_one_meaning)
        && !path.windows(2).any(|pair| pair == b"//")
        && !segments.split(|byte| *byte == b'/').any(|segment| matches!(segment, b"." | b".."))
}
