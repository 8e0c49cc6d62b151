//! What this process tells of itself to those who may read (`operator/system.rs`).

use prometheus::Registry;

use crate::{
    health::Health,
    operator::Surroundings,
    settings::{Setting, Settings},
};

/// Settings by which somebody who reads what was decided can tell why. No secret is among them, and
/// nothing that says where one is kept.
const TOLD: [&str; 18] = [
    "FLOWGUARD_IDENTITY",
    "RETRY_AFTER",
    "ESTIMATE",
    "DEFAULT_ESTIMATE",
    "MIN_ESTIMATE",
    "CHARGE_WITHOUT_USAGE",
    "CHARGE_ON_ABORT",
    "OBSERVED_TOKENS_MAX",
    "CHARGE_ON_READ",
    "CHARGE_ON_UPSTREAM_REFUSAL",
    "CHARGE_ON_UPSTREAM_FAILURE",
    "UNKNOWN_CLIENTS",
    "UNKNOWN_CLIENT_RPM",
    "UNKNOWN_CLIENT_TPM",
    "CONFIG_FILE",
    "DECISIONS_KEPT",
    "RESUME_TIMEOUT_MS",
    "STORE_FAILURE_MODE",
];

/// What is around an operator in a process with these settings.
pub(super) fn surroundings(
    settings: &Settings,
    health: &Health,
    registry: &Registry,
) -> Surroundings {
    let is_told = |setting: &&Setting| {
        TOLD.contains(&setting.name)
            && (setting.name != "STORE_FAILURE_MODE" || settings.store.url.is_some())
    };
    let told = Setting::all().filter(|setting| is_told(setting));
    let told = told.filter_map(|setting| Some((setting.name, setting.show(settings)?)));
    let told = told.filter(|(_, value)| !value.is_empty()).collect();
    Surroundings { health: health.clone(), registry: registry.clone(), settings: told }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_a_setting_and_no_secret() {
        for name in TOLD {
            assert!(Setting::all().any(|setting| setting.name == name), "{name}");
            let is_of_a_secret =
                ["TOKEN", "PASSWORD", "KEY", "URL"].iter().any(|of| name.ends_with(of));
            assert!(!is_of_a_secret, "{name}");
        }
        let settings = Settings::default();
        let told = surroundings(&settings, &Health::ready(), &Registry::new()).settings;
        let of = |name| told.iter().find(|(told, _)| *told == name).map(|(_, value)| &**value);
        assert_eq!(of("UNKNOWN_CLIENTS"), Some("shared"));
        assert_eq!(of("DECISIONS_KEPT"), Some("1000000"));
        assert_eq!(of("CONFIG_FILE"), None, "there is none");
        assert_eq!(of("STORE_FAILURE_MODE"), None, "there is no store");
    }
}
