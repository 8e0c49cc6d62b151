//! When a file that changed may be read: while somebody writes it in place, half of it is there.

use std::hash::BuildHasher as _;

use foldhash::quality::RandomState;

/// Tells contents apart by a number each, instead of keeping them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fingerprints(RandomState);

impl Fingerprints {
    pub(crate) fn of(&self, bytes: &[u8]) -> u64 {
        self.0.hash_one(bytes)
    }
}

/// What was seen of a file so far.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    judged: Option<u64>,
    changed: Option<u64>,
}

impl Settling {
    /// Takes in what is seen now. `true` when it is to be judged: it is another content than the
    /// one that was judged last, and the same as the time before.
    pub(crate) fn sees(&mut self, content: u64) -> bool {
        if self.judged == Some(content) {
            self.changed = None;
            return false;
        }
        self.changed.replace(content) == Some(content)
    }

    /// What was judged last is to be judged again when it comes back.
    pub(crate) fn forget_judged(&mut self) {
        self.judged = None;
    }

    /// This content needs to be judged no more.
    pub(crate) fn has_judged(&mut self, content: u64) {
        *self = Self { judged: Some(content), changed: None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is judged of contents that are seen one after the other.
    fn judged(contents: &[u64]) -> Vec<u64> {
        let mut settling = Settling::default();
        settling.has_judged(0);
        let mut judged = Vec::new();
        for &content in contents {
            if settling.sees(content) {
                settling.has_judged(content);
                judged.push(content);
            }
        }
        judged
    }

    #[test]
    fn a_content_is_judged_once_when_it_was_seen_twice_in_a_row() {
        assert_eq!(judged(&[0, 0, 1, 1, 1, 1]), [1]);
        assert_eq!(judged(&[1, 2, 1, 2, 2]), [2]);
        assert_eq!(judged(&[1, 1, 0, 0]), [1, 0]);
    }

    #[test]
    fn a_content_that_is_gone_before_it_was_seen_twice_is_never_judged() {
        assert!(judged(&[1, 0, 1, 0]).is_empty());
        assert!(judged(&[1, 2, 3, 0]).is_empty());
    }

    #[test]
    fn what_was_judged_last_is_judged_again_once_it_is_forgotten() {
        let mut settling = Settling::default();
        settling.has_judged(0);
        assert_eq!([1, 1].map(|content| settling.sees(content)), [false, true]);
        settling.forget_judged();
        assert_eq!([0, 0].map(|content| settling.sees(content)), [false, true]);
    }
}
