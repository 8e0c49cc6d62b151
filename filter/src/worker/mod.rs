//! One Envoy worker: its requests, its decision stream, and what flows between them.
//!
//! Group commit: one frame of asks is unanswered at a time. What arrives meanwhile waits in the
//! queue and leaves as the next frame, so a batch grows with the load, to its bound, and an idle
//! worker's request leaves at once.

mod decided;
mod ends;
mod flow;
mod identify;
mod lanes;
mod link;
mod mode;
mod outbox;
mod refusals;
mod requests;
mod response;
mod sending;
mod stop;
mod stream;
#[cfg(test)]
mod tests;
mod tick;
mod unanswered;
mod undecided;

use crate::{clock::Clock, config::Config, host::Pace};
use link::Link;
use outbox::Outbox;
use refusals::Refusals;
use requests::Requests;
use stop::Stop;

/// Requests that are resumed or answered in one call of the host's, at most.
///
/// Envoy does it when the call has returned, and each answer calls the filter again, inside of the
/// one before: some 300 in one call overflow the stack of the VM, and every request of the worker
/// dies with it. Other filters in the chain make each step deeper, hence the distance.
const DECIDED_PER_CALL_MAX: usize = proto::ASKS_MAX;

/// The state of one worker.
#[derive(Debug)]
pub struct Worker {
    config: Config,
    clock: Clock,
    link: Link,
    requests: Requests,
    refusals: Refusals,
    outbox: Outbox,
    has_told_forgotten_ends: bool,
    is_counted: bool,
    pace: Pace,
    stop: Stop,
}

impl Worker {
    /// A worker that has seen no request; `node` is Envoy's id, for the control plane's log, and
    /// `seed` a number that no client can know.
    pub fn new(config: Config, node: String, seed: u64) -> Self {
        Self {
            link: Link::new(node, mode::told(config.mode), config.identity.kind().into()),
            config,
            clock: Clock::default(),
            requests: Requests::new(seed),
            refusals: Refusals::new(),
            outbox: Outbox::default(),
            has_told_forgotten_ends: false,
            is_counted: false,
            pace: Pace::Usual,
            stop: Stop::default(),
        }
    }
}
