//! The lock of one port.

use std::{net::SocketAddr, sync::Arc};

use http::{Extensions, HeaderMap, HeaderValue};
use tokio::task;
use tracing::warn;

use super::{AuthMetrics, Authenticator, Pass, Refusal, Requirement, authenticator::now, bearer};
use crate::{
    audit::{self, Audit, RequestId},
    credentials::Scope,
    listener::ConnectionInfo,
    log_budget::LogBudget,
};

/// Whoever tries tokens can make a line of each; this many a second are for people.
const LINES_PER_SECOND_MAX: u32 = 1;

const REQUEST_ID: &str = "x-request-id";

/// A port, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortName {
    /// The REST API.
    Rest,
    /// The gRPC API.
    Grpc,
    /// The metrics.
    Metrics,
    /// The decision stream.
    Decisions,
}

/// What stands before a port's calls; a clone is the same one.
#[derive(Clone, Debug)]
pub struct Lock(Option<Arc<Locked>>);

#[derive(Debug)]
pub(super) struct Locked {
    port: PortName,
    authenticator: Arc<Authenticator>,
    metrics: AuthMetrics,
    audit: Arc<Audit>,
    log: LogBudget,
}

/// A call that was let in; in its extensions where the port is locked.
#[derive(Clone, Debug)]
pub(crate) struct LetIn {
    locked: Arc<Locked>,
    pass: Pass,
    call: Arc<str>,
    peer: Option<SocketAddr>,
}

impl PortName {
    pub(super) const ALL: [Self; 4] = [Self::Rest, Self::Grpc, Self::Metrics, Self::Decisions];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
            Self::Metrics => "metrics",
            Self::Decisions => "decisions",
        }
    }
}

impl Lock {
    /// One that lets everybody in.
    pub fn open() -> Self {
        Self(None)
    }

    /// One that lets those in whom `authenticator` knows, each to what they may do, and notes all others.
    pub fn closed(
        port: PortName,
        authenticator: Arc<Authenticator>,
        metrics: AuthMetrics,
        audit: Arc<Audit>,
    ) -> Self {
        let log = LogBudget::new(LINES_PER_SECOND_MAX, "refused callers");
        Self(Some(Arc::new(Locked { port, authenticator, metrics, audit, log })))
    }

    /// Whether callers have to show who they are.
    pub fn is_closed(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn locked(&self) -> Option<&Arc<Locked>> {
        self.0.as_ref()
    }

    /// Lets a call in, and notes whose and which it is, or says why not. `call` is what it asks for, as
    /// the table names it.
    pub(super) fn admit(
        &self,
        requirement: Requirement,
        call: &str,
        headers: &HeaderMap,
        extensions: &mut Extensions,
    ) -> Result<(), Refusal> {
        let request_id = headers.get(REQUEST_ID).map(HeaderValue::as_bytes);
        extensions.insert(RequestId::of(request_id));
        let Some(locked) = &self.0 else { return Ok(()) };
        if takes_certificate(requirement) && shows_certificate(extensions) {
            return Ok(());
        }
        match locked.identify(requirement, headers) {
            Ok(Some(pass)) => {
                let locked = Arc::clone(locked);
                let peer = peer(extensions);
                extensions.insert(LetIn { locked, pass, call: call.into(), peer });
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(refusal) => {
                locked.note(&refusal, call, peer(extensions));
                Err(refusal)
            }
        }
    }
}

fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<ConnectionInfo>().and_then(|connection| connection.peer)
}

/// Whether a client certificate is enough: it makes an Envoy, and no operator.
fn takes_certificate(requirement: Requirement) -> bool {
    requirement == Requirement::Scope(Scope::Decide)
}

fn shows_certificate(extensions: &Extensions) -> bool {
    let connection = extensions.get::<ConnectionInfo>();
    let shown = connection.and_then(|connection| connection.certificate.as_ref());
    shown.is_some_and(|certificate| certificate.check().is_ok())
}

impl LetIn {
    /// Who made the call, and what they may do.
    pub(crate) fn pass(&self) -> &Pass {
        &self.pass
    }

    /// Lets a part of the call in that takes another scope. What is refused is noted as the call would be.
    pub(crate) fn admit(&self, scope: Scope) -> Result<(), Refusal> {
        let admitted = self.pass.require(scope);
        if let Err(refusal) = &admitted {
            self.locked.note(refusal, &self.call, self.peer);
        }
        admitted
    }
}

impl Locked {
    pub(super) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    fn identify(
        &self,
        requirement: Requirement,
        headers: &HeaderMap,
    ) -> Result<Option<Pass>, Refusal> {
        let scope = match requirement {
            Requirement::Nothing => return Ok(None),
            Requirement::Anybody => None,
            Requirement::Scope(scope) => Some(scope),
        };
        let credential = bearer::read(headers)?.ok_or(Refusal::Missing(scope))?;
        let pass = self.authenticator.identify(credential)?;
        if let Some(scope) = scope {
            pass.require(scope)?;
        }
        Ok(Some(pass))
    }

    fn note(&self, refusal: &Refusal, call: &str, address: Option<SocketAddr>) {
        self.metrics.refused(self.port, refusal);
        self.write_down(&refusal.audited(call, address));
        // Who shows nothing does not try to be somebody.
        if matches!(refusal, Refusal::Missing(_)) {
            return;
        }
        self.log.log(|| {
            let peer = address.as_ref().map(SocketAddr::to_string).unwrap_or_default();
            let token = refusal.who();
            warn!(port = self.port.word(), peer, token, "a caller was refused: {refusal}");
        });
    }

    /// Writes a refusal down, which its caller does not wait for.
    fn write_down(&self, refusal: &audit::Refusal) {
        let Some(line) = self.audit.refusal(refusal, now()) else { return };
        let audit = Arc::clone(&self.audit);
        task::spawn_blocking(move || {
            if let Err(error) = audit.write_refusal(&line) {
                warn!("a refusal could not be written down: {error}");
            }
        });
    }
}
