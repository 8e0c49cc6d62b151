//! Requests that pass without being limited: paths of health checks and of static files.

/// The paths in one setting. Each is compared with every GET, HEAD and OPTIONS that arrives.
const PATHS_MAX: usize = 64;

/// As the filter takes it: longer ones are no path of a health check.
const PATH_BYTES_MAX: usize = 1_024;

/// A path, or all paths below one, that a request without a body may reach without its headers.
///
/// It is compared byte for byte with a request's path, so it holds nothing of which two spellings
/// exist: what Envoy, the filter and the upstream could read differently would be a way round the
/// limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExemptPath(String);

impl ExemptPath {
    fn parse(text: &str) -> Option<Self> {
        let path = text.strip_suffix("/*").unwrap_or(text);
        let begins_at_the_root = path.starts_with('/') || (path.is_empty() && text == "/*");
        let one_spelling = path.bytes().all(|byte| byte.is_ascii_graphic())
            && !path.contains(['%', '?', '#', ';', '\\', '*'])
            && !path.contains("//")
            && !path.split('/').any(|segment| matches!(segment, "." | ".."));
        // `/a//*` would be the paths below `/a/`, which begin with two slashes.
        let prefix_is_whole = path.len() == text.len() || !path.ends_with('/');
        let is_short = text.len() <= PATH_BYTES_MAX;
        (is_short && begins_at_the_root && one_spelling && prefix_is_whole)
            .then(|| Self(text.to_owned()))
    }

    pub(super) fn parse_list(text: &str) -> Option<Vec<Self>> {
        if text.trim().is_empty() {
            return Some(Vec::new());
        }
        let paths: Vec<_> =
            text.split(',').map(|path| Self::parse(path.trim())).collect::<Option<_>>()?;
        (paths.len() <= PATHS_MAX).then_some(paths)
    }

    pub(super) fn to_list(paths: &[Self]) -> String {
        paths.iter().map(Self::as_str).collect::<Vec<_>>().join(",")
    }

    /// The path as the filter takes it, such as `/healthz`, or `/static/*` for all below it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
