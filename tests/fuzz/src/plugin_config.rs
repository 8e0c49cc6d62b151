//! Any bytes as a plugin configuration: one that is accepted is the same when it was written again,
//! one that is not is told in one line.

use filter::Config;
use proto::plugin_config::PluginConfig;

/// The longest line that tells what is wrong, all of it escaped.
const LINE_CHARS_MAX: usize = 5_000;

/// Reads `bytes` as the filter's configuration.
pub fn check(bytes: &[u8]) {
    match Config::parse(bytes) {
        Ok(config) => {
            // One of spaces alone is all defaults.
            let written: PluginConfig = serde_json::from_slice(bytes).unwrap_or_default();
            let again = serde_json::to_vec(&written).expect("a configuration can be written");
            let again = Config::parse(&again).expect("what was accepted is accepted again");
            assert_eq!(format!("{config:?}"), format!("{again:?}"));
        }
        Err(invalid) => {
            let told = invalid.to_string();
            assert!(!told.chars().any(char::is_control), "{told:?}");
            assert!(told.chars().count() <= LINE_CHARS_MAX, "{told:?}");
        }
    }
}
