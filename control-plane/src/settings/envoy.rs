//! What Envoy may take, and how long it waits.

use std::{num::NonZeroU32, time::Duration};

use super::values::number;

/// Bounds of the Envoy whose configuration is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvoySettings {
    /// Connections of clients at once; further ones are closed.
    pub connections_max: NonZeroU32,
    /// Bytes of memory. Close to it Envoy refuses new requests and ends the largest streams.
    pub heap_bytes: u64,
    /// How long a request and its response may be silent: 1 s to a day.
    pub stream_idle_timeout: Duration,
}

const CONNECTIONS_MAX: u32 = 10_000_000;

/// An idle Envoy with the filter in two workers has some 30 MB of heap. With less than a few times
/// that it would end what it could serve.
const HEAP_BYTES_MIN: u64 = 128 << 20;
const HEAP_BYTES_MAX: u64 = 1 << 40;

pub(super) fn connections_max(text: &str) -> Option<NonZeroU32> {
    number(text).filter(|number| *number <= CONNECTIONS_MAX).and_then(NonZeroU32::new)
}

pub(super) fn heap_bytes(text: &str) -> Option<u64> {
    number(text).filter(|bytes| (HEAP_BYTES_MIN..=HEAP_BYTES_MAX).contains(bytes))
}

pub(super) fn idle_timeout(text: &str) -> Option<Duration> {
    number(text).filter(|seconds| (1..=86_400).contains(seconds)).map(Duration::from_secs)
}
