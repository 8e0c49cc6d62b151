//! Where the filter reads which model a request is for.

use super::ModelFrom;

/// The name of a header, in lower case: 1 to 64 of `a-z 0-9 -`. What stands beside these in the names
/// of few headers is dropped or read twofold somewhere: a server may take an underscore for a hyphen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelHeader(String);

impl ModelHeader {
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

impl ModelFrom {
    /// Whether `places` can be tried in this order: there is one at least, and none twice.
    pub fn are_an_order(places: &[Self]) -> bool {
        let is_new = |(index, place): (usize, &Self)| {
            !places.iter().take(index).any(|before| before == place)
        };
        !places.is_empty() && places.iter().enumerate().all(is_new)
    }
}
