//! How much is measured, as the command line says.

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How often every cell is measured.
    pub(crate) rounds: u32,
    /// How long a cell is measured in each round.
    pub(crate) seconds: u32,
}
