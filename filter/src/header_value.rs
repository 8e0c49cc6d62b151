//! The one way to a header's value: whatever the filter sets has gone through here.

/// Bytes of a value, at most. Ours are far shorter; an upstream's may be anything.
pub(crate) const HEADER_VALUE_BYTES_MAX: usize = 1_024;

/// A value that can end no line and start no header: no control character but the tab, no space
/// around it, at most 1,024 bytes. Bytes from 0x80 on stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderValue(Vec<u8>);

impl HeaderValue {
    /// The values of a header as one, with commas between those of a repeated one. What no value may
    /// hold is dropped, and so is what is beyond the bound.
    pub(crate) fn joined<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut joined = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            let separator: &[u8] = if index > 0 { b", " } else { b"" };
            let room = HEADER_VALUE_BYTES_MAX - joined.len();
            let kept = value.trim_ascii().iter().filter(|byte| is_allowed(**byte));
            joined.extend(separator.iter().chain(kept).take(room));
        }
        Self(joined.trim_ascii().to_vec())
    }

    /// What goes on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A [`HeaderValue`] of ASCII alone. The host takes the headers of a local reply as text only, so
/// such a reply can hold no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsciiHeaderValue(String);

impl AsciiHeaderValue {
    /// Drops from `text` what no value may hold, what is not ASCII, and what is beyond the bound.
    pub(crate) fn new(text: &str) -> Self {
        let kept = text.chars().filter(|char| u8::try_from(*char).is_ok_and(is_allowed_ascii));
        let kept: String = kept.take(HEADER_VALUE_BYTES_MAX).collect();
        Self(kept.trim_ascii().to_owned())
    }

    /// The same of the first `bytes_max` of any bytes.
    pub(crate) fn cut(bytes: &[u8], bytes_max: usize) -> Self {
        let cut = bytes.get(..bytes_max).unwrap_or(bytes);
        Self::new(&String::from_utf8_lossy(cut))
    }

    /// What goes on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<AsciiHeaderValue> for HeaderValue {
    fn from(value: AsciiHeaderValue) -> Self {
        Self(value.0.into_bytes())
    }
}

fn is_allowed(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn is_allowed_ascii(byte: u8) -> bool {
    byte.is_ascii() && is_allowed(byte)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn what_could_end_a_line_is_dropped() {
        let value = HeaderValue::joined([&b" a\r\nset-cookie: b\0\x7f\x1b\tc \r\n"[..]]);
        assert_eq!(value.as_bytes(), b"aset-cookie: b\tc");
        assert_eq!(AsciiHeaderValue::new(" a\r\nb\0\u{7f}\tc \n").as_str(), "ab\tc");
    }

    #[test]
    fn bytes_that_are_no_ascii_stay_only_where_bytes_can_be_sent() {
        assert_eq!(HeaderValue::joined([&b"caf\xc3\xa9 \xff"[..]]).as_bytes(), b"caf\xc3\xa9 \xff");
        assert_eq!(AsciiHeaderValue::new("caf\u{e9}!").as_str(), "caf!");
        assert_eq!(AsciiHeaderValue::cut(b"a\xffb\xc3\xa9\r\nc", 9).as_str(), "abc");
    }

    #[test]
    fn repeated_values_become_one() {
        let values: [&[u8]; 3] = [b" 1 ", b"", b"2\n"];
        assert_eq!(HeaderValue::joined(values).as_bytes(), b"1, , 2");
        assert_eq!(HeaderValue::joined([]).as_bytes(), b"");
    }

    #[test]
    fn a_long_value_is_cut_at_the_bound() {
        let long = vec![b'a'; 5_000];
        assert_eq!(HeaderValue::joined([&long[..]]).as_bytes(), &long[..HEADER_VALUE_BYTES_MAX]);
        let text = "a".repeat(5_000);
        assert_eq!(AsciiHeaderValue::new(&text).as_str(), &text[..HEADER_VALUE_BYTES_MAX]);
        assert_eq!(AsciiHeaderValue::cut(text.as_bytes(), 128).as_str(), &text[..128]);
    }

    proptest! {
        #[test]
        fn any_bytes_become_a_value(values in vec(vec(any::<u8>(), 0..600), 0..6)) {
            let value = HeaderValue::joined(values.iter().map(Vec::as_slice));
            prop_assert!(value.as_bytes().len() <= HEADER_VALUE_BYTES_MAX);
            prop_assert!(value.as_bytes().iter().all(|byte| is_allowed(*byte)));
            prop_assert_eq!(value.as_bytes().trim_ascii(), value.as_bytes());
        }
    }
}
