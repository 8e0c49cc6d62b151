//! A model.

use super::{FORMAT, ValueReader, ValueWriter, value_reader::decoded};
use crate::{
    clients::Revision,
    limits::{Name, Pattern, Patterns},
    store::unreadable::Unreadable,
};

/// The format in which there were models first.
const FIRST_FORMAT: u8 = 2;

/// The bytes of a model without its name, which is their key: a byte with the number of its patterns,
/// then each of them. There are no flags.
pub(super) fn encode(patterns: &Patterns, revision: Revision) -> Vec<u8> {
    let mut value = ValueWriter::begin(0, revision);
    let patterns = patterns.as_slice();
    let count = u8::try_from(patterns.len());
    debug_assert!(count.is_ok(), "{} patterns", patterns.len());
    value.byte(count.unwrap_or(u8::MAX));
    for pattern in patterns {
        value.text(pattern.as_str());
    }
    value.end()
}

/// The model whose key and bytes these are.
pub(in crate::store) fn decode(
    key: &[u8],
    bytes: &[u8],
) -> Result<((Name, Patterns), Revision), Unreadable> {
    decoded("model", key, bytes, read)
}

fn read(name: &str, mut value: ValueReader<'_>) -> Option<((Name, Patterns), Revision)> {
    let is_known = (FIRST_FORMAT..=FORMAT).contains(&value.format) && value.flags == 0;
    let name = Name::try_from(name).ok()?;
    let patterns: Option<Vec<_>> =
        (0..value.byte()?).map(|_| Pattern::try_from(value.text()?).ok()).collect();
    let patterns = Patterns::new(patterns?).ok()?;
    (is_known && value.is_at_its_end()).then_some(((name, patterns), value.revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        let patterns = texts.iter().map(|text| Pattern::try_from(*text).unwrap());
        Patterns::new(patterns.collect()).unwrap()
    }

    #[test]
    fn format_3_is_these_bytes() {
        let bytes = encode(&patterns(&["GPT-4o", "*"]), Revision::new(7));
        let expected = [&[3, 0, 7, 0, 0, 0, 0, 0, 0, 0, 2][..], b"\x06\0GPT-4o\x01\0*"];
        assert_eq!(bytes, expected.concat());
        let read = decode(b"gpt-4o", &bytes).expect("written here");
        let model = (Name::try_from("gpt-4o").unwrap(), patterns(&["GPT-4o", "*"]));
        assert_eq!(read, (model, Revision::new(7)));
    }

    #[test]
    fn what_was_not_written_so_is_refused() {
        let bytes = encode(&patterns(&["a", "b"]), Revision::new(1));
        for length in 0..bytes.len() {
            assert!(decode(b"m", &bytes[..length]).is_err(), "{length} bytes");
        }
        let changed = |at: usize, byte| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            bytes
        };
        for (name, bytes) in [
            (&b"m"[..], [&bytes[..], &[0]].concat()),
            (b"m", changed(0, 1)),
            (b"m", changed(1, 1)),
            (b"m", changed(10, 0)),
            (b"m", changed(10, 3)),
            (b"m", changed(13, b' ')),
            (b"m", changed(13, b'b')),
            (b"other", bytes.clone()),
            (b"", bytes.clone()),
        ] {
            let refused = decode(name, &bytes);
            assert!(matches!(refused, Err(Unreadable::Damaged(_))), "{name:?} {bytes:?}");
        }
        assert!(matches!(decode(b"m", &[4]), Err(Unreadable::Newer(4))));
    }
}
