//! What the control plane is asked with in place of a key.

use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// The digest of a key's text: what the control plane keeps of it.
pub(super) fn digest(key: &[u8]) -> Digest {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_256_of_the_text() {
        let [first, second, .., last] = digest(b"abc");
        assert_eq!([first, second, last], [0xba, 0x78, 0xad]);
    }
}
