//! What a store that is shared obeys.

use std::path::PathBuf;

use super::{StoreUrl, Topology};

/// Which store is shared, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it is; `None`: nothing is shared.
    pub url: Option<StoreUrl>,
    /// The file of the password, where the URL does not say it.
    pub password_file: Option<PathBuf>,
    /// The certificates that are trusted over TLS; `None`: those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// What all keys begin with. Where it has a part in braces, all of them are in one slot.
    pub prefix: String,
    /// For how many milliseconds an answer is waited for.
    pub timeout_ms: u64,
    /// How many replicas of the store have to have a charge before it is told; 0: none.
    pub wait: u64,
    /// What becomes of a request that the store does not decide in time.
    pub failure_mode: StoreFailureMode,
}

/// What becomes of a request that the store does not decide in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreFailureMode {
    /// It is decided here, by this process' part of the limits.
    #[default]
    Local,
    /// It has no decision, which is for the filter to carry out.
    Closed,
    /// It passes.
    Open,
}

impl Config {
    /// How long the prefix of the keys may be.
    pub const PREFIX_LEN_MAX: usize = 64;

    /// Whether the keys would be in several slots of a cluster, which no script reaches at once.
    pub fn is_spread(&self) -> bool {
        let is_cluster = |url: &StoreUrl| matches!(url.topology, Topology::Cluster(_));
        self.url.as_ref().is_some_and(is_cluster) && !is_one_slot(&self.prefix)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            password_file: None,
            ca_file: None,
            prefix: "{flowguard}:".to_owned(),
            timeout_ms: 200,
            wait: 0,
            failure_mode: StoreFailureMode::default(),
        }
    }
}

/// Whether keys that begin so have a hash tag, as the specification of clusters has it: what stands between
/// the first `{` and the first `}` after it, if anything does.
fn is_one_slot(prefix: &str) -> bool {
    let tag = prefix.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.is_some_and(|(tag, _)| !tag.is_empty())
}
