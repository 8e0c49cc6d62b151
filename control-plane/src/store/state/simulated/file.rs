//! A file, of which some is durable.

use std::{iter, ops::Range};

#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    /// So many of them are durable.
    pub(super) durable: usize,
    /// What a sync that failed had to write: it is gone after a power failure.
    pub(super) lost: Vec<Range<usize>>,
}

impl File {
    /// Forgets what was not synced, as `random` decides.
    pub(super) fn lose_power(&mut self, random: &mut impl FnMut() -> u64) {
        let tail = self.bytes.len().saturating_sub(self.durable);
        let kept = below(random(), tail + 1);
        let behind = tail - kept;
        self.bytes.truncate(self.durable + kept);
        match random() % 4 {
            // The file has its length, but not its bytes.
            0 => self.bytes.extend(iter::repeat_n(0, behind)),
            1 => self.bytes.extend((0..behind).map(|_| random().to_le_bytes()[0])),
            _ => {}
        }
        for lost in self.lost.drain(..) {
            for byte in self.bytes.iter_mut().take(lost.end).skip(lost.start) {
                *byte = 0;
            }
        }
        self.durable = self.bytes.len();
    }
}

/// One of `0..end`.
fn below(random: u64, end: usize) -> usize {
    usize::try_from(random % u64::try_from(end).unwrap_or(u64::MAX)).unwrap_or(0)
}
