//! The name of a header that an operator chooses.

/// The name of a header, in lower case: 1 to 64 of `a-z 0-9 -`. What stands beside these in the names
/// of few headers is dropped or read twofold somewhere: a server may take an underscore for a hyphen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(String);

impl HeaderName {
    /// Bytes in the longest name.
    pub const BYTES_MAX: usize = 64;

    /// The name that is written so, whatever its case.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = (1..=Self::BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_name.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
