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

/// Whom Envoy trusts for the control plane, by the file that has it. Envoy takes one secret a file.
pub(super) const AUTHORITIES: &str = "authorities.yaml";

/// What Envoy shows to it, by the files that have it.
pub(super) const CERTIFICATE: &str = "certificate.yaml";

/// The texts of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub(super) bootstrap: String,
    pub(super) filter: String,
    pub(super) listeners: String,
    pub(super) clusters: String,
    pub(super) decide_token: Option<String>,
    /// Where the control plane is called with TLS.
    pub(super) authorities: Option<String>,
    /// Where Envoy shows a certificate there.
    pub(super) certificate: Option<String>,
}

impl Files {
    /// The name and the text of each that an Envoy follows, in the order in which one that runs is to
    /// see them: what a listener refers to is there before the listener.
    pub fn followed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self.decide_token.as_deref().map(|token| (DECIDE_TOKEN, token));
        let authorities = self.authorities.as_deref().map(|trusted| (AUTHORITIES, trusted));
        let certificate = self.certificate.as_deref().map(|shown| (CERTIFICATE, shown));
        let others: [(&str, &str); 3] =
            [(CLUSTERS, &self.clusters), (FILTER, &self.filter), (LISTENERS, &self.listeners)];
        token.into_iter().chain(authorities).chain(certificate).chain(others)
    }

    /// The name and the text of the one that an Envoy reads when it starts, and no more.
    pub fn bootstrap(&self) -> (&'static str, &str) {
        (BOOTSTRAP, &self.bootstrap)
    }
}
