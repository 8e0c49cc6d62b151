//! A configuration of which Envoy discovers parts in files, so that they can change while it runs.

/// What Envoy is started with.
pub(super) const BOOTSTRAP: &str = "envoy.yaml";

/// The filter and what it is told.
pub(super) const FILTER: &str = "filter.yaml";

/// What Envoy listens on.
pub(super) const LISTENERS: &str = "listeners.yaml";

/// Where Envoy forwards to, and whom the filter asks.
pub(super) const CLUSTERS: &str = "clusters.yaml";

/// Where the token is that Envoy shows to the control plane, if it shows one.
pub(super) const DECIDE_TOKEN: &str = "decide-token.yaml";
/// Whom Envoy trusts and what it shows, by the files that have it.
pub(super) const SECRETS: &str = "secrets.yaml";

/// The texts of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub(super) bootstrap: String,
    pub(super) filter: String,
    pub(super) listeners: String,
    pub(super) clusters: String,
    pub(super) decide_token: Option<String>,
    /// Where the control plane is called with TLS.
    pub(super) secrets: Option<String>,
}

impl Files {
    /// The name and the text of each that an Envoy follows, in the order in which one that runs is to
    /// see them: what a listener refers to is there before the listener.
    pub fn followed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self.decide_token.as_deref().map(|token| (DECIDE_TOKEN, token));
        let secrets = self.secrets.as_deref().map(|secrets| (SECRETS, secrets));
        let others: [(&str, &str); 3] =
            [(CLUSTERS, &self.clusters), (FILTER, &self.filter), (LISTENERS, &self.listeners)];
        token.into_iter().chain(secrets).chain(others)
    }

    /// The name and the text of the one that an Envoy reads when it starts, and no more.
    pub fn bootstrap(&self) -> (&'static str, &str) {
        (BOOTSTRAP, &self.bootstrap)
    }
}
