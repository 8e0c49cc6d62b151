//! Any bytes as a response's body: where it is cut makes no difference to anything that the reader
//! answers.

use filter::{Framing, Usage, UsageReader};

/// More than that is no figure.
const TOKENS_MAX: u64 = 100_000_000;

/// Reads `body` as each framing, whole and in pieces.
pub fn check(body: &[u8]) {
    for framing in [Framing::Text, Framing::JsonLines, Framing::AmazonFrames] {
        let whole = read(framing, body, || usize::MAX);
        let bytes = read(framing, body, || 1);
        let mut random = body.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let pieces = read(framing, body, || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 59) as usize
        });

        assert_eq!(whole, bytes, "{framing:?} byte by byte");
        assert_eq!(whole, pieces, "{framing:?} in pieces that the body's hash says");
        assert!(whole.usage.is_none_or(|usage| usage.tokens.get() <= TOKENS_MAX), "{whole:?}");
        assert!(whole.observed_tokens <= body.len() as u64, "{whole:?}");
    }
}

/// All that a reader answers.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    usage: Option<Usage>,
    observed_tokens: u64,
    has_ended: bool,
}

/// Reads a body in pieces of the lengths given, which may be 0. What it has seen does not
/// become less.
fn read(framing: Framing, body: &[u8], mut next_len: impl FnMut() -> usize) -> Answer {
    let mut reader = UsageReader::new(framing);
    let mut before = answer(&reader);
    let mut rest = body;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(next_len().min(rest.len()));
        reader.read(piece);
        rest = after;
        let now = answer(&reader);
        assert!(now.observed_tokens >= before.observed_tokens, "{before:?} {now:?}");
        assert!(now.has_ended || !before.has_ended, "{before:?} {now:?}");
        before = now;
    }
    before
}

fn answer(reader: &UsageReader) -> Answer {
    Answer {
        usage: reader.usage(),
        observed_tokens: reader.observed_tokens(),
        has_ended: reader.has_ended(),
    }
}
