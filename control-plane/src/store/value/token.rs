//! A token, of which the store never has the secret.

use super::{
    ValueReader, ValueWriter,
    credential::{
        FIRST_FORMAT, HAS_EXPIRES, push_digest, push_validity, read_digest, read_validity,
    },
    value_reader::decoded,
};
use crate::{
    clients::Revision,
    credentials::{PublicPart, Scopes, Token, TokenName},
    store::unreadable::Unreadable,
};

/// The bytes of `token` without its public part, which is their key: its digest, a byte of scopes,
/// when it was made and, as the flag says, when it expires, and its name.
pub(super) fn encode(token: &Token, revision: Revision) -> Vec<u8> {
    let flags = if token.validity.expires.is_some() { HAS_EXPIRES } else { 0 };
    let mut value = ValueWriter::begin(flags, revision);
    push_digest(&mut value, &token.digest);
    value.byte(token.scopes.bits());
    push_validity(&mut value, token.validity);
    value.text(token.name.as_str());
    value.end()
}

/// The token whose key and bytes these are.
pub(in crate::store) fn decode(key: &[u8], bytes: &[u8]) -> Result<(Token, Revision), Unreadable> {
    decoded("token", key, bytes, read)
}

fn read(public: &str, mut value: ValueReader<'_>) -> Option<(Token, Revision)> {
    let is_known = value.format >= FIRST_FORMAT && value.flags & !HAS_EXPIRES == 0;
    let public = PublicPart::try_from(public).ok()?;
    let digest = read_digest(&mut value)?;
    let scopes = Scopes::from_bits(value.byte()?).filter(|scopes| !scopes.is_empty())?;
    let validity = read_validity(&mut value)?;
    let name = TokenName::parse(value.text()?)?;
    let token = Token { public, digest, name, scopes, validity };
    (is_known && value.is_at_its_end()).then_some((token, value.revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Digest, Scope, UnixSeconds, Validity};

    fn token(expires: Option<u32>) -> Token {
        Token {
            public: PublicPart::try_from("AbCdEfGhIj12").unwrap(),
            digest: Digest::from([7; 32]),
            name: TokenName::parse("ci").unwrap(),
            scopes: [Scope::Read, Scope::Decide].into_iter().collect(),
            validity: Validity {
                created: UnixSeconds::new(0x1234).unwrap(),
                expires: expires.and_then(UnixSeconds::new),
            },
        }
    }

    #[test]
    fn format_3_is_these_bytes() {
        let expected = [
            &[3, 1][..],
            &[9, 0, 0, 0, 0, 0, 0, 0],
            &[7; 32],
            &[0b10_0001],
            &[0x34, 0x12, 0, 0],
            &[5, 0, 0, 0],
            b"\x02\0ci",
        ];
        assert_eq!(encode(&token(Some(5)), Revision::new(9)), expected.concat());
    }

    #[test]
    fn what_is_written_is_read() {
        let all = Token { scopes: Scopes::all(), ..token(None) };
        for written in [all, token(Some(1)), token(Some(u32::MAX))] {
            let bytes = encode(&written, Revision::new(u64::MAX));
            let read = decode(b"AbCdEfGhIj12", &bytes).expect("written here");
            assert_eq!(read, (written, Revision::new(u64::MAX)));
        }
    }

    #[test]
    fn what_was_not_written_so_is_refused() {
        let bytes = encode(&token(None), Revision::new(1));
        let key = b"AbCdEfGhIj12";
        for length in 0..bytes.len() {
            assert!(decode(key, &bytes[..length]).is_err(), "{length} bytes");
        }
        let changed = |at: usize, byte| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            bytes
        };
        for (key, bytes) in [
            (&key[..], [&bytes[..], &[0]].concat()),
            (key, changed(0, 2)),
            (key, changed(1, 0b10)),
            // No scope, and one that there is not.
            (key, changed(42, 0)),
            (key, changed(42, 1 << 6)),
            (key, changed(49, b' ')),
            (b"AbCdEfGhIj123", bytes.clone()),
            (b"AbCdEfGhIj1-", bytes.clone()),
            (b"\xff", bytes.clone()),
        ] {
            let refused = decode(key, &bytes);
            assert!(matches!(refused, Err(Unreadable::Damaged(_))), "{key:?} {bytes:?}");
        }
        assert!(matches!(decode(key, &[4]), Err(Unreadable::Newer(4))));
    }
}
