//! What a frame of the decision stream may hold, and what a client's key looks like. Both ends keep
//! to it.

/// Asks in a frame, as many as a filter resumes or answers in one call of Envoy's.
pub const ASKS_MAX: usize = 64;

/// Settles, cancels and drops in a frame: some 100 µs of work, for which others wait.
pub const REPORTS_MAX: usize = 1_024;

/// Requests in one drop: what a filter refuses between two frames is far less.
pub const DROPPED_MAX: u32 = 10_000;

/// Ids in a frame's resume: a worker with more requests under way says so in several.
pub const RESUMED_MAX: usize = 4_096;

/// Tokens that a response can have used, by any word of it. A figure beyond is none: it would spoil
/// the statistics for good.
pub const FIGURE_MAX: u64 = 100_000_000;

/// What the key of a client begins with. A credential that does not is another's.
pub const CLIENT_KEY_PREFIX: &str = "fgk_";

/// Bytes in the longest text that can be a client's key.
pub const CLIENT_KEY_BYTES_MAX: usize = 128;

/// Bytes in the longest text that can be an identity: SPIFFE ids and names in certificates are shorter.
pub const IDENTITY_BYTES_MAX: usize = 512;
