//! The token that Envoy shows to the control plane: it stands in a file, and never in a configuration.

use std::path::Path;

use serde::Serialize;

use super::{Discovery, files::DECIDE_TOKEN};

/// Where Envoy finds the token.
#[derive(Serialize)]
pub(super) struct DecideToken {
    /// The file that has it.
    file: String,
    /// The folder of that file, in which Kubernetes puts another one in its place.
    folder: String,
    /// The file that names it, where Envoy discovers it and follows it.
    discovered: Option<String>,
}

impl DecideToken {
    pub(super) fn new(file: &str, discovery: Option<&Discovery>) -> Self {
        let folder = Path::new(file).parent().and_then(Path::to_str);
        Self {
            file: file.to_owned(),
            folder: folder.filter(|folder| !folder.is_empty()).unwrap_or(".").to_owned(),
            discovered: discovery.map(|discovery| format!("{}/{DECIDE_TOKEN}", discovery.folder)),
        }
    }
}
