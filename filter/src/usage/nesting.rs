//! The containers that are open, as deep as anything of interest stands; below that only how many.

use super::place::Place;

/// The deepest API has its content at level 9. Below this, what is skipped is counted.
const LEVELS: usize = 32;

/// A list or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    List,
    Object,
}

#[derive(Clone, Debug)]
pub(super) struct Nesting {
    levels: [(Container, Place); LEVELS],
    len: usize,
    /// Containers that are open below the levels.
    skipped: u64,
    /// What is skipped is content that is nested too deep: its strings count, whatever they are.
    skips_content: bool,
}

impl Nesting {
    pub(super) const fn new() -> Self {
        Self {
            levels: [(Container::Object, Place::Nowhere); LEVELS],
            len: 0,
            skipped: 0,
            skips_content: false,
        }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.skipped = 0;
    }

    /// Opens a container; `false` when it is skipped.
    pub(super) fn open(&mut self, container: Container, place: Place) -> bool {
        match self.levels.get_mut(self.len) {
            Some(level) if place != Place::Nowhere => {
                *level = (container, place);
                self.len += 1;
                true
            }
            _ => {
                self.skipped = 1;
                self.skips_content = place == Place::Content;
                false
            }
        }
    }

    /// Opens a container inside of one that is skipped.
    pub(super) fn skip(&mut self) {
        self.skipped = self.skipped.saturating_add(1);
    }

    /// Closes the innermost container; its place, when it was not skipped.
    pub(super) fn close(&mut self) -> Option<Place> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return None;
        }
        let (_, place) = self.innermost()?;
        self.len -= 1;
        Some(place)
    }

    /// The innermost container that is not skipped.
    pub(super) fn innermost(&self) -> Option<(Container, Place)> {
        self.levels.get(self.len.checked_sub(1)?).copied()
    }

    pub(super) fn is_skipping(&self) -> bool {
        self.skipped > 0
    }

    /// Whether what is skipped is content.
    pub(super) fn skips_content(&self) -> bool {
        self.skips_content
    }
}
