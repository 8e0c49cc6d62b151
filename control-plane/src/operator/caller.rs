//! Who calls.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc};

use http::Extensions;

use crate::{
    audit::{Actor, ActorKind, RequestId},
    auth::{LetIn, Principal},
    credentials::Scope,
    excerpt::path_in_one_line,
    listener::ConnectionInfo,
};

/// Who calls, as the log and the audit name them.
#[derive(Clone, Debug)]
pub enum Caller {
    /// This process itself, as at its start.
    Process,
    /// Whoever gives a command on the machine itself.
    Local,
    /// Whoever wrote the file of clients.
    File(Arc<Path>),
    /// Whoever made a call.
    Call(Call),
    /// Somebody of whom nothing is known.
    Unknown,
}

/// What is known of a call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who made it and what they may do, where somebody has to show that.
    let_in: Option<LetIn>,
    /// From which address, where its connection still has one.
    peer: Option<SocketAddr>,
    /// By what it is known.
    request_id: Option<RequestId>,
}

impl Caller {
    /// The caller of a request, by what its connection, the lock and its headers left in the request's
    /// extensions.
    pub fn of(extensions: &Extensions) -> Self {
        let connection = extensions.get::<ConnectionInfo>();
        Self::Call(Call {
            let_in: extensions.get::<LetIn>().cloned(),
            peer: connection.and_then(|connection| connection.peer),
            request_id: extensions.get::<RequestId>().cloned(),
        })
    }

    /// As the audit names them.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Process => Actor::of(ActorKind::Process),
            Self::Local => Actor::of(ActorKind::Local),
            Self::File(path) => Actor::named(ActorKind::File, path_in_one_line(path)),
            Self::Call(call) => {
                call.principal().map_or(Actor::of(ActorKind::Anybody), Principal::actor)
            }
            Self::Unknown => Actor::of(ActorKind::Anybody),
        }
    }

    /// Whether they may do what takes `scope`.
    pub(super) fn has(&self, scope: Scope) -> bool {
        match self {
            Self::Call(Call { let_in: Some(let_in), .. }) => let_in.pass().scopes().has(scope),
            _ => true,
        }
    }

    /// Whether they are let in to what takes `scope`; that they are not is noted as of a whole call.
    pub(super) fn is_let_in_to(&self, scope: Scope) -> bool {
        match self {
            Self::Call(Call { let_in: Some(let_in), .. }) => let_in.admit(scope).is_ok(),
            _ => true,
        }
    }

    /// From which address.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Call(call) => call.peer,
            _ => None,
        }
    }

    /// By which call.
    pub(super) fn request_id(&self) -> Option<RequestId> {
        match self {
            Self::Call(call) => call.request_id.clone(),
            _ => None,
        }
    }
}

impl Call {
    fn principal(&self) -> Option<&Principal> {
        self.let_in.as_ref().map(|let_in| &let_in.pass().principal)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("this process"),
            Self::Local => f.write_str("a command on this machine"),
            Self::File(path) => write!(f, "CONFIG_FILE {}", path_in_one_line(path)),
            Self::Call(call) => match (call.principal(), call.peer) {
                (Some(principal), Some(address)) => write!(f, "{principal} at {address}"),
                (Some(principal), None) => principal.fmt(f),
                (None, Some(address)) => address.fmt(f),
                (None, None) => f.write_str("unknown"),
            },
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
