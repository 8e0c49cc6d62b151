//! A worker's hello, read and judged.

use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{Hello, IdentityKind},
    plugin_config::Identity,
};
use tonic::Status;

use super::filters::Filter;
use crate::{
    excerpt::Excerpt,
    ledger::{Ledger, WorkerId},
};

/// Bytes of a node's id, which is logged. Envoy's own are some tens of bytes.
const NODE_BYTES_MAX: usize = 256;

/// Who a stream is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The worker, which has its name from now on.
    pub(super) worker: WorkerId,
    /// Whether it had it before, and may hold something.
    pub(super) comes_back: bool,
    /// The stream's number among those of the worker.
    stream: u64,
    /// What its Envoy calls itself, as it may stand in a log.
    pub(super) node: Excerpt,
    /// What asks.
    pub(super) filter: Filter,
    /// By what it knows who asks.
    pub(super) identity: IdentityKind,
}

impl Greeting {
    /// Reads the hello of a stream's first frame; a version that this build does not speak is refused.
    pub fn read(hello: Option<&Hello>) -> Result<Self, Status> {
        Self::read_and_name(hello, WorkerId::random)
    }

    /// The same, where `name` names a worker that has no name yet: a simulation names it by its seed.
    pub fn read_and_name(
        hello: Option<&Hello>,
        name: impl FnOnce() -> WorkerId,
    ) -> Result<Self, Status> {
        let Some(hello) = hello else {
            return Err(Status::invalid_argument("the first frame of a stream has to say hello"));
        };
        if hello.protocol_version != DECISION_PROTOCOL_VERSION {
            return Err(Status::failed_precondition(format!(
                "the filter speaks version {} of the decision stream, this control plane speaks \
                 version {DECISION_PROTOCOL_VERSION}: use a filter.wasm of the same release",
                hello.protocol_version
            )));
        }
        if hello.node.len() > NODE_BYTES_MAX {
            return Err(Status::invalid_argument(format!(
                "the node's id has at most {NODE_BYTES_MAX} bytes, not {}",
                hello.node.len()
            )));
        }
        let (stream, node, filter) = (hello.stream, Excerpt::new(&hello.node), Filter::of(hello));
        let identity = hello.identity();
        if hello.worker.is_empty() {
            return Ok(Self { worker: name(), comes_back: false, stream, node, filter, identity });
        }
        let name = <[u8; 16]>::try_from(hello.worker.as_slice()).map_err(|_| {
            Status::invalid_argument(format!(
                "a worker's name has 16 bytes, or none before it has one, not {}",
                hello.worker.len()
            ))
        })?;
        let worker = WorkerId(u128::from_be_bytes(name));
        Ok(Self { worker, comes_back: true, stream, node, filter, identity })
    }

    /// Refuses a filter that knows clients by something else than this control plane, which would charge
    /// whomever it names. One that believes what clients say of themselves takes every filter: that is how
    /// all of them are changed to another identity while they serve.
    pub fn check_identity(&self, ours: Identity) -> Result<(), Status> {
        if ours == Identity::Header || self.identity == ours.into() {
            return Ok(());
        }
        Err(Status::failed_precondition(format!(
            "the filter knows clients by {}, and this control plane by {}: give both the same \
             FLOWGUARD_IDENTITY, as `flowguard envoy-config` does; while filters are changed one after \
             the other, a control plane with FLOWGUARD_IDENTITY=header takes all of them",
            self.identity.word(),
            ours.word(),
        )))
    }

    /// Refuses a stream that a newer one of its worker has overtaken: what its worker said on it that
    /// it holds is no longer so.
    pub fn check_newest(&self, ledger: &Ledger) -> Result<(), Status> {
        if ledger.begin_stream(self.worker, self.stream) {
            return Ok(());
        }
        Err(Status::aborted("a newer stream of the worker has come before"))
    }

    /// The worker, which has its name from now on.
    pub fn worker(&self) -> WorkerId {
        self.worker
    }
}
