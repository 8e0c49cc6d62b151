//! Why no load was made.

/// Why no load was made. Each text is one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The server can't be reached.
    #[error(
        "nobody answers at {url} ({what}): {reason}; start it by `cargo xtask up`, or name another with {flag}"
    )]
    Unreachable {
        /// Which server it is.
        what: &'static str,
        /// Where it was looked for.
        url: String,
        /// The option that names it.
        flag: &'static str,
        /// What happened instead.
        reason: String,
    },
    /// The client is not configured.
    #[error(
        "client {client:?} is not configured at {url}; configured are those in {url}/api/v1/clients"
    )]
    UnknownClient {
        /// Its id.
        client: String,
        /// The REST API.
        url: String,
    },
    /// The REST API's answer is not one of FlowGuard's.
    #[error("{url} is not FlowGuard's REST API: {answer}; name it with --config-url")]
    NotTheRestApi {
        /// Where it was looked for.
        url: String,
        /// What it answered.
        answer: String,
    },
}
