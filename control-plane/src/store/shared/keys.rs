//! Where things stand that a space has once, behind its prefix.

/// Whose turn it is to write the configuration.
pub(super) const TURN_KEY: &str = "config:turn";

/// The last write of the configuration.
pub(super) const REVISION_KEY: &str = "config:revision";

/// What is configured.
pub(super) const ROWS_KEY: &str = "config:rows";

/// What was written, in the order of the writes.
pub(super) const MOVED_KEY: &str = "config:moved";

/// What was removed, in the order of the writes.
pub(super) const REMOVED_KEY: &str = "config:removed";

/// Up to which write it is not known any more what was removed.
pub(super) const FORGOTTEN_KEY: &str = "config:forgotten";

/// All that there is of the configuration, the rows last: whoever removes it and is killed finds again
/// whatever they name.
pub(super) const CONFIGURATION_KEYS: [&str; 6] =
    [TURN_KEY, REVISION_KEY, MOVED_KEY, REMOVED_KEY, FORGOTTEN_KEY, ROWS_KEY];

/// Who changed what, by the revision of the write. It outlives the configuration: whoever fills the space
/// anew does not take back what was done.
pub(super) const AUDIT_KEY: &str = "audit";

/// Where an import says that it is not finished.
pub(super) const IMPORT_KEY: &str = "import";

/// Which control planes are there, by when each said so last.
pub(super) const PRESENCE_KEY: &str = "control-planes";

/// For how many milliseconds one counts that says nothing more.
pub(super) const PRESENCE_MS: u32 = 10_000;

/// For how many milliseconds it is known that says nothing more; then what it counted is added up with
/// what others counted who are gone.
pub(super) const KNOWN_MS: u32 = 86_400_000;

/// Whose turn it is to look for what can matter no more.
pub(super) const SWEEP_TURN_KEY: &str = "sweep:turn";

/// How far that came.
pub(super) const SWEEP_CURSOR_KEY: &str = "sweep:cursor";

/// What the key of a client's tallies begins with.
pub const TALLIES_KEY: &[u8] = b"t:";

/// What the key of a limit's tallies begins with.
pub const LIMIT_TALLIES_KEY: &[u8] = b"l:";
