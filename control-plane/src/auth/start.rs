//! Whether a port may be opened: one that takes credentials, and could be given none, is open to nobody
//! or, worse, meant to be open to all.

use std::{fmt, net::IpAddr};

use super::AuthMode;

/// Which ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// REST, gRPC and the metrics.
    Admin,
    /// The decision stream.
    Decide,
}

/// Nobody could show what is required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCredentials {
    side: Side,
    mode: AuthMode,
    ip: IpAddr,
}

impl Side {
    /// Whether callers have to show who they are.
    ///
    /// # Errors
    /// They have to, and there is nothing that anybody could show.
    pub fn is_locked(
        self,
        mode: AuthMode,
        ip: IpAddr,
        has_credentials: bool,
    ) -> Result<bool, NoCredentials> {
        match mode.is_required_at(ip) {
            true if !has_credentials => Err(NoCredentials { side: self, mode, ip }),
            is_required => Ok(is_required),
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN_AUTH",
            Self::Decide => "DECIDE_AUTH",
        }
    }

    /// Who has to show what.
    fn who(self) -> &'static str {
        match self {
            Self::Admin => "whoever may change every limit has to show a token, and there is none",
            Self::Decide => {
                "whoever may spend every limit has to show a token, or a certificate of \
                 TLS_CLIENT_CA_FILE, and there is none"
            }
        }
    }
}

impl std::error::Error for NoCredentials {}

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, mode, ip } = self;
        let (setting, who) = (side.setting(), side.who());
        match mode {
            AuthMode::Required => write!(f, "{setting}=required")?,
            AuthMode::Auto | AuthMode::Off => {
                write!(f, "BIND_ADDRESS={ip} (--bind-address) can be reached from other hosts")?;
            }
        }
        write!(
            f,
            ": {who}: name the file of a token with ADMIN_TOKEN_FILE, make some with flowguard tokens \
             create --local, or open the ports to everybody with {setting}=off"
        )
    }
}
