//! What was seen of a stream's content, for when nothing tells what it cost.

/// About what a token of English has; less in other scripts, in code and in JSON.
const BYTES_PER_TOKEN: u64 = 4;

/// How many events had content, and how many bytes of it.
///
/// Servers send from one token an event to a whole paragraph, and tokens of one byte to ten. The
/// larger of both figures is within a factor of two of what tokenizers count, for visible text;
/// the prompt and hidden reasoning are not in it.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    events: u64,
    bytes: u64,
    /// The open event is among `events`.
    is_counted: bool,
}

impl Observed {
    pub(super) const fn new() -> Self {
        Self { events: 0, bytes: 0, is_counted: false }
    }

    pub(super) fn begin_event(&mut self) {
        self.is_counted = false;
    }

    /// So many bytes of content have passed in the open event.
    pub(super) fn add(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if !self.is_counted {
            self.is_counted = true;
            self.events = self.events.saturating_add(1);
        }
    }

    pub(super) fn tokens(&self) -> u64 {
        self.events.max(self.bytes.div_ceil(BYTES_PER_TOKEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(events: &[&[usize]]) -> u64 {
        let mut observed = Observed::new();
        for pieces in events {
            observed.begin_event();
            for bytes in *pieces {
                observed.add(*bytes);
            }
        }
        observed.tokens()
    }

    #[test]
    fn an_event_with_content_is_a_token_at_least() {
        assert_eq!(tokens(&[]), 0);
        assert_eq!(tokens(&[&[], &[0], &[0, 0]]), 0);
        assert_eq!(tokens(&[&[1], &[1], &[1]]), 3);
        assert_eq!(tokens(&[&[1, 1, 0, 1], &[0], &[1]]), 2);
    }

    #[test]
    fn four_bytes_are_a_token_at_least() {
        assert_eq!(tokens(&[&[4]]), 1);
        assert_eq!(tokens(&[&[5]]), 2);
        assert_eq!(tokens(&[&[40, 1], &[7]]), 12);
    }

    #[test]
    fn more_than_can_be_counted_saturates() {
        assert_eq!(tokens(&[&[usize::MAX, usize::MAX]]), u64::MAX / 4 + 1);
    }
}
