//! What does not go on to the upstream.

use super::CLIENT_ID;
use crate::header_map::HeaderMap;

/// Headers to be taken off a request, and what its path becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenOff {
    /// Names as the request has them, each once; all headers of these names go.
    pub(crate) headers: Vec<String>,
    /// The path, where it is another one then.
    pub(crate) path: Option<Vec<u8>>,
}

impl TakenOff {
    /// The client's own word for who it is.
    pub(super) fn of_client_id(headers: &HeaderMap) -> Self {
        Self::of(headers, &[CLIENT_ID])
    }

    /// Headers of these names, and what a server behind may take for one of them.
    pub(super) fn of(headers: &HeaderMap, names: &[&str]) -> Self {
        let mut taken_off: Vec<String> = Vec::new();
        for (header, _) in headers.iter() {
            let goes = names.iter().any(|name| reads_as(header, name));
            if goes && !taken_off.iter().any(|other| other == header) {
                taken_off.push(header.to_owned());
            }
        }
        Self { headers: taken_off, path: None }
    }
}

/// Whether a header's name is `name`, of which each hyphen may be an underscore: servers that hand
/// headers on as variables (CGI) make no difference.
fn reads_as(header: &str, name: &str) -> bool {
    let hyphened = header.bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
    header.len() == name.len() && hyphened.eq(name.bytes())
}
