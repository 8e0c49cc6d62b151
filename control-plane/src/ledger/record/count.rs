//! A counter that never goes down, although what it counted may turn out not to have been.

/// Counts things that may be taken back: it then waits for as many further ones before it goes up
/// again.
#[derive(Debug, Default)]
pub(super) struct Count {
    shown: u64,
    overcounted: u64,
}

impl Count {
    /// Nothing is counted yet, and so many things are not to be.
    pub(super) fn overcounted_by(overcounted: u64) -> Self {
        Self { shown: 0, overcounted }
    }

    pub(super) fn overcounted(&self) -> u64 {
        self.overcounted
    }

    pub(super) fn shown(&self) -> u64 {
        self.shown
    }

    #[inline]
    pub(super) fn add(&mut self, number: u64) {
        let already_shown = number.min(self.overcounted);
        self.overcounted -= already_shown;
        self.shown = self.shown.saturating_add(number - already_shown);
    }

    pub(super) fn take_back(&mut self, number: u64) {
        self.overcounted = self.overcounted.saturating_add(number);
    }
}
