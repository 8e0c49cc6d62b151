//! Who asks: by a key in the same headers, as a plain reading of the contract finds it, and by the
//! same bytes as what Envoy's filters have left.

use filter::{HeaderMap, Identity, Who};
use proto::plugin_config::{self, PluginConfig};

use super::{Fields, values};

const HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

pub(super) fn check(bytes: &[u8], fields: &Fields, headers: &HeaderMap) {
    let by_key = identity(plugin_config::Identity::ApiKey);
    let found = by_key.who(headers, |_| panic!("nothing is asked of Envoy"));
    // A query may have one too.
    if !values(fields, ":path").iter().any(|path| path.contains(&b'?')) {
        let is_known = matches!(found, Some(Ok(Who::Key(_))));
        assert_eq!(is_known, has_one_key(fields), "{fields:?}");
    }

    let by_claim = identity(plugin_config::Identity::Jwt);
    if let Some(Ok(who)) = by_claim.who(headers, |_| Some(bytes.to_vec())) {
        let Who::Identity(text) = who else { panic!("known by {who:?}") };
        assert!(!text.contains(char::is_control), "{text:?}");
        let stands_there = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(stands_there && !text.is_empty(), "{text:?}");
    }
}

fn identity(identity: plugin_config::Identity) -> Identity {
    let config = PluginConfig { identity, ..PluginConfig::default() };
    Identity::new(&config).expect("the rest is the default")
}

/// Whether there is one key and no other, at most once in each header.
fn has_one_key(fields: &Fields) -> bool {
    let mut keys = Vec::new();
    for name in HEADERS {
        let here: Vec<_> = values(fields, name).into_iter().filter_map(key).collect();
        if here.len() > 1 {
            return false;
        }
        keys.extend(here);
    }
    keys.dedup();
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    matches!(&keys[..], [key] if key.len() <= 128 && key.iter().all(is_allowed))
}

/// What begins as a key of ours, behind `Bearer` or not.
fn key(value: &[u8]) -> Option<Vec<u8>> {
    let value = value.trim_ascii();
    let lower = value.to_ascii_lowercase();
    let value = if lower.starts_with(b"bearer ") { value[7..].trim_ascii() } else { value };
    value.starts_with(b"fgk_").then(|| value.to_vec())
}
