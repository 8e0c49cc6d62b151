//! What was found in a response so far, beside each other: what it told, what was seen of its
//! content, and whether that has said its end.

use super::{figures::Figures, observed::Observed};

#[derive(Clone, Debug)]
pub(super) struct Findings {
    pub(super) figures: Figures,
    pub(super) observed: Observed,
    /// The open document says that it is the last one.
    is_last: bool,
    ended: bool,
}

impl Findings {
    pub(super) const fn new() -> Self {
        Self { figures: Figures::new(), observed: Observed::new(), is_last: false, ended: false }
    }

    /// A document or an event's object begins; one that was not ended is forgotten.
    pub(super) fn begin_document(&mut self) {
        self.figures.begin_document();
        self.observed.begin_event();
        self.is_last = false;
    }

    /// The open document is the last one.
    pub(super) fn mark_last(&mut self) {
        self.is_last = true;
    }

    pub(super) fn end_document(&mut self) {
        self.figures.close();
        self.ended |= self.is_last;
    }

    /// The content has said that it is complete.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }
}
