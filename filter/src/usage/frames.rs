//! Amazon's event stream (`application/vnd.amazon.eventstream`): binary frames, of which the
//! payload is the data of one event.
//!
//! Headers and checksums are passed over: what a payload is shows in it, and TCP has kept its bytes.

use super::{findings::Findings, json::Json};

/// Of a length or a checksum.
const WORD_LEN: u32 = 4;

/// What a frame has beside its headers and its payload: two lengths, their checksum, and one of all.
const FRAME_LEN_MIN: u32 = 4 * WORD_LEN;

/// Amazon allows 24 MiB of payload and 128 KiB of headers. What claims to be longer is no frame,
/// and everything after it could be taken for something else.
const FRAME_LEN_MAX: u32 = FRAME_LEN_MIN + (24 << 20) + (128 << 10);

/// Where a stream of frames stands.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    part: Part,
    /// Bytes of the part that are still to come.
    left: u32,
    /// Of the open frame, as far as they have been read.
    frame_len: u32,
    headers_len: u32,
}

/// The parts of a frame, in their order.
#[derive(Clone, Copy, Debug)]
enum Part {
    FrameLen,
    HeadersLen,
    LengthsChecksum,
    Headers,
    Payload,
    Checksum,
    /// It is no such stream: nothing in it counts any more.
    Nothing,
}

impl Frames {
    pub(super) const fn new() -> Self {
        Self { part: Part::FrameLen, left: WORD_LEN, frame_len: 0, headers_len: 0 }
    }

    pub(super) fn read(&mut self, bytes: &[u8], json: &mut Json, findings: &mut Findings) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let len = usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
            let (piece, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            match self.part {
                Part::FrameLen => self.frame_len = with_digits(self.frame_len, piece),
                Part::HeadersLen => self.headers_len = with_digits(self.headers_len, piece),
                Part::Payload => json.read(piece, findings),
                Part::LengthsChecksum | Part::Headers | Part::Checksum => {}
                Part::Nothing => return,
            }
            self.left = u32::try_from(len).map_or(0, |len| self.left.saturating_sub(len));
            // Headers and payload may be empty.
            while self.left == 0 && !matches!(self.part, Part::Nothing) {
                self.begin_next_part(json);
            }
            rest = after;
        }
    }

    fn begin_next_part(&mut self, json: &mut Json) {
        (self.part, self.left) = match self.part {
            Part::FrameLen => (Part::HeadersLen, WORD_LEN),
            Part::HeadersLen if self.payload_len().is_some() => (Part::LengthsChecksum, WORD_LEN),
            Part::LengthsChecksum => (Part::Headers, self.headers_len),
            Part::Headers => {
                json.reset();
                (Part::Payload, self.payload_len().unwrap_or(0))
            }
            Part::Payload => (Part::Checksum, WORD_LEN),
            Part::Checksum => {
                *self = Self::new();
                (self.part, self.left)
            }
            Part::HeadersLen | Part::Nothing => (Part::Nothing, 0),
        };
    }

    /// Nothing when the frame's lengths can't be right.
    fn payload_len(&self) -> Option<u32> {
        let len = self.frame_len.checked_sub(FRAME_LEN_MIN)?.checked_sub(self.headers_len)?;
        (self.frame_len <= FRAME_LEN_MAX).then_some(len)
    }
}

/// The number with further bytes at its end, the most significant one first.
fn with_digits(number: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(number, |number, byte| (number << 8) | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{place::Scope, tests::frames::frame},
        *,
    };

    const USAGE: &str = r#"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}"#;

    /// Reads a stream at once and byte by byte.
    fn check(stream: &[u8], expected: Option<u64>) {
        for piece_len in [1, 3, stream.len().max(1)] {
            let (mut frames, mut findings) = (Frames::new(), Findings::new());
            let mut json = Json::new(Scope::Event);
            for piece in stream.chunks(piece_len) {
                frames.read(piece, &mut json, &mut findings);
            }
            let tokens = findings.figures.usage().map(|usage| usage.tokens.get());
            assert_eq!(tokens, expected, "{stream:?} in pieces of {piece_len}");
        }
    }

    #[test]
    fn each_payload_is_an_event() {
        let usage = frame(b":event-type", USAGE.as_bytes());
        check(&usage, Some(7));
        let word = frame(b":event-type", br#"{"delta":{"text":"\"usage\":{"}}"#);
        check(&[word.clone(), usage.clone(), word.clone()].concat(), Some(7));
        let [start, end] = [&USAGE[..20], &USAGE[20..]].map(|half| frame(b"", half.as_bytes()));
        check(&[start, end].concat(), None);
        check(&[frame(b"", b"{\"a"), usage].concat(), Some(7));
    }

    #[test]
    fn headers_and_payload_may_be_empty() {
        let usage = frame(b"", USAGE.as_bytes());
        check(&[frame(b"", b""), usage.clone()].concat(), Some(7));
        check(&[frame(b"a", b""), frame(b"", b""), usage].concat(), Some(7));
    }

    #[test]
    fn what_stands_in_headers_does_not_count() {
        check(&frame(USAGE.as_bytes(), b"{}"), None);
    }

    #[test]
    fn nothing_counts_after_lengths_that_cannot_be() {
        let usage = frame(b"", USAGE.as_bytes());
        for lengths in [[0, 0], [15, 0], [16, 1], [u32::MAX, 0], [20, 5], [FRAME_LEN_MAX + 1, 0]] {
            let wrong = [lengths.map(u32::to_be_bytes).concat(), vec![0; 8]].concat();
            check(&[wrong, usage.clone()].concat(), None);
        }
        check(USAGE.as_bytes(), None);
    }

    #[test]
    fn a_frame_may_be_as_large_as_amazon_allows() {
        let mut payload = USAGE.as_bytes().to_vec();
        payload.resize(24 << 20, b' ');
        let (mut frames, mut findings) = (Frames::new(), Findings::new());
        let mut json = Json::new(Scope::Event);
        frames.read(&frame(&vec![0; 128 << 10], &payload), &mut json, &mut findings);
        assert_eq!(findings.figures.usage().map(|usage| usage.tokens.get()), Some(7));
    }
}
