//! A short string of JSON, unescaped, in a buffer that holds every name that is looked for.

/// The length of the longest name that is looked for: a longer key is none of them.
const KEY_LEN_MAX: usize = 32;

/// The key of a member, or the name that is its value.
#[derive(Clone, Debug)]
pub(super) struct Key {
    bytes: [u8; KEY_LEN_MAX],
    /// None when it is none of the names that are looked for.
    len: Option<usize>,
}

impl Key {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; KEY_LEN_MAX], len: None }
    }

    /// Begins an empty key.
    pub(super) fn clear(&mut self) {
        self.len = Some(0);
    }

    /// Adds bytes without escapes.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.len = self.len.and_then(|len| {
            let end = len.checked_add(text.len())?;
            self.bytes.get_mut(len..end)?.copy_from_slice(text);
            Some(end)
        });
    }

    /// Adds an escaped code unit. All names are ASCII: with anything else it is none of them.
    pub(super) fn push_unit(&mut self, unit: u16) {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => self.push(&[byte]),
            _ => self.len = None,
        }
    }

    /// The whole key; empty when it can be none of the names.
    pub(super) fn get(&self) -> &[u8] {
        self.len.and_then(|len| self.bytes.get(..len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined() {
        let mut key = Key::new();
        assert_eq!(key.get(), b"");
        key.clear();
        key.push(b"us");
        key.push_unit(0x61);
        key.push(b"ge");
        assert_eq!(key.get(), b"usage");
    }

    #[test]
    fn a_key_that_is_too_long_is_none_until_the_next() {
        let mut key = Key::new();
        key.clear();
        key.push(&[b'a'; KEY_LEN_MAX]);
        assert_eq!(key.get(), [b'a'; KEY_LEN_MAX]);
        key.push(b"a");
        key.push(b"");
        assert_eq!(key.get(), b"");
        key.clear();
        key.push(b"id");
        assert_eq!(key.get(), b"id");
    }

    #[test]
    fn a_key_with_more_than_ascii_is_none() {
        let mut key = Key::new();
        for unit in [0x80, 0xe9, 0x161, 0xd83d] {
            key.clear();
            key.push_unit(unit);
            key.push(b"a");
            assert_eq!(key.get(), b"");
        }
    }
}
