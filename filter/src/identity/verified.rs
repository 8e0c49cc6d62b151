//! A text that Envoy has verified, as it says who asks.

use proto::IDENTITY_BYTES_MAX;

use super::Unidentified;

/// The identity in `bytes`: text of one line, which is taken as it is and never cut.
pub(super) fn identity(bytes: Vec<u8>) -> Result<String, Unidentified> {
    if !(1..=IDENTITY_BYTES_MAX).contains(&bytes.len()) {
        return Err(Unidentified::InvalidIdentity);
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => Ok(text),
        Ok(_) | Err(_) => Err(Unidentified::InvalidIdentity),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn it_is_any_text_of_one_line_and_nothing_else() {
        for text in ["a", "spiffe://td/ns/a/sa/b", "auth0|5f7c", "M\u{fc}ller, Jos\u{e9}", " "] {
            assert_eq!(identity(text.into()), Ok(text.to_owned()));
        }
        let long = "a".repeat(IDENTITY_BYTES_MAX);
        assert_eq!(identity(long.clone().into()), Ok(long.clone()));
        let longer = long + "a";
        for wrong in [
            &b""[..],
            b"a\n",
            b"\r",
            b"a\0b",
            b"\x7f",
            "\u{85}".as_bytes(),
            b"\xff",
            longer.as_bytes(),
        ] {
            assert_eq!(identity(wrong.to_vec()), Err(Unidentified::InvalidIdentity), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_whole_or_refused(bytes in vec(any::<u8>(), 0..80)) {
            if let Ok(text) = identity(bytes.clone()) {
                prop_assert_eq!(text.as_bytes(), &bytes[..]);
            }
        }
    }
}
