//! What Envoy's access log tells of a request, in which somebody may have put a key by mistake.

use super::CLIENT_ID;
use crate::header_map::HeaderMap;

const REQUEST_ID: &str = "x-request-id";

/// Those of a request's headers that must not stay on it for the log's sake: whoever reads that could
/// ask with what stands in them. A key is no client's id and no request's.
pub(crate) fn told_secrets(headers: &HeaderMap) -> impl Iterator<Item = &'static str> {
    let has_secret = |name: &&str| headers.values(name).any(|it| proto::secret_in(it).is_some());
    [CLIENT_ID, REQUEST_ID].into_iter().filter(has_secret)
}

/// The path up to the first key in it, of a request that goes nowhere; `None`: it has none.
pub(crate) fn path_before_secret(headers: &HeaderMap) -> Option<&[u8]> {
    let path = headers.first(":path")?;
    path.get(..proto::secret_in(path)?.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::headers;

    #[test]
    fn a_key_is_found_in_what_the_access_log_tells_and_nowhere_else() {
        let key = "fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
        let found = |pairs: &[(&str, &str)]| told_secrets(&headers(pairs)).collect::<Vec<_>>();
        assert_eq!(found(&[("x-client-id", "a"), ("x-client-id", key)]), [CLIENT_ID]);
        assert_eq!(found(&[("x-request-id", &key[..40])]), [REQUEST_ID]);
        assert!(found(&[("x-client-id", "fgk_a"), ("x-api-key", key)]).is_empty());
    }

    #[test]
    fn a_path_ends_where_a_key_in_it_would_be_told() {
        let path = |path: &str| {
            let headers = headers(&[(":path", path)]);
            path_before_secret(&headers).map(|it| String::from_utf8_lossy(it).into_owned())
        };
        let cut = path("/a/fgk_abcDEF123456_0123456789abcdefgh/v1?x=1");
        assert_eq!(cut.as_deref(), Some("/a/fgk_abcDEF123456_"));
        assert_eq!(path("/a/fgk_abc/v1?x=1"), None);
    }
}
