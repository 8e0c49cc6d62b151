//! A client's key, of which the store never has the secret.

use limiter::ClientId;

use super::{
    ValueReader, ValueWriter,
    credential::{
        FIRST_FORMAT, HAS_EXPIRES, push_digest, push_validity, read_digest, read_validity,
    },
    value_reader::decoded,
};
use crate::{
    clients::Revision,
    credentials::{ClientKey, PublicPart},
    store::unreadable::Unreadable,
};

/// What the row of a key is called: its public part, and whose it is.
pub(in crate::store) fn name(client: &ClientId, public: PublicPart) -> Vec<u8> {
    [public.as_str().as_bytes(), client.as_str().as_bytes()].concat()
}

/// The two that such a name is made of.
pub(in crate::store) fn of_name(name: &str) -> Option<(ClientId, PublicPart)> {
    let (public, client) = name.split_at_checked(PublicPart::LEN)?;
    Some((ClientId::try_from(client).ok()?, PublicPart::try_from(public).ok()?))
}

/// The bytes of `key` without what its row is called: its digest, when it was made and, as the flag
/// says, when it expires.
pub(super) fn encode(key: &ClientKey, revision: Revision) -> Vec<u8> {
    let flags = if key.validity.expires.is_some() { HAS_EXPIRES } else { 0 };
    let mut value = ValueWriter::begin(flags, revision);
    push_digest(&mut value, &key.digest);
    push_validity(&mut value, key.validity);
    value.end()
}

/// The key whose row is called so and has these bytes.
pub(in crate::store) fn decode(
    name: &[u8],
    bytes: &[u8],
) -> Result<(ClientKey, Revision), Unreadable> {
    decoded("key", name, bytes, read)
}

fn read(name: &str, mut value: ValueReader<'_>) -> Option<(ClientKey, Revision)> {
    let is_known = value.format >= FIRST_FORMAT && value.flags & !HAS_EXPIRES == 0;
    let (client, public) = of_name(name)?;
    let digest = read_digest(&mut value)?;
    let validity = read_validity(&mut value)?;
    let key = ClientKey { public, digest, client, validity };
    (is_known && value.is_at_its_end()).then_some((key, value.revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Digest, UnixSeconds, Validity};

    fn key(expires: Option<u32>) -> ClientKey {
        ClientKey {
            public: PublicPart::try_from("AbCdEfGhIj12").unwrap(),
            digest: Digest::from([7; 32]),
            client: ClientId::try_from("a/b").unwrap(),
            validity: Validity {
                created: UnixSeconds::new(0x1234).unwrap(),
                expires: expires.and_then(UnixSeconds::new),
            },
        }
    }

    #[test]
    fn format_3_is_these_bytes() {
        let whole = key(Some(u32::MAX));
        let expected = [
            &[3, 1][..],
            &[9, 0, 0, 0, 0, 0, 0, 0],
            &[7; 32],
            &[0x34, 0x12, 0, 0],
            &[0xff, 0xff, 0xff, 0xff],
        ];
        assert_eq!(encode(&whole, Revision::new(9)), expected.concat());
        assert_eq!(name(&whole.client, whole.public), b"AbCdEfGhIj12a/b");
    }

    #[test]
    fn what_is_written_is_read() {
        for written in [key(None), key(Some(1)), key(Some(u32::MAX))] {
            let bytes = encode(&written, Revision::new(u64::MAX));
            let read = decode(b"AbCdEfGhIj12a/b", &bytes).expect("written here");
            assert_eq!(read, (written, Revision::new(u64::MAX)));
        }
    }

    #[test]
    fn what_was_not_written_so_is_refused() {
        let bytes = encode(&key(Some(5)), Revision::new(1));
        let name = b"AbCdEfGhIj12a";
        for length in 0..bytes.len() {
            assert!(decode(name, &bytes[..length]).is_err(), "{length} bytes");
        }
        let changed = |at: usize, byte| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            bytes
        };
        for (name, bytes) in [
            (&name[..], [&bytes[..], &[0]].concat()),
            (name, changed(0, 2)),
            (name, changed(1, 0b11)),
            // A key that expires in the second 0.
            (name, changed(46, 0)),
            (b"AbCdEfGhIj1", bytes.clone()),
            (b"AbCdEfGhIj12", bytes.clone()),
            (b"AbCdEfGhIj1-a", bytes.clone()),
            (b"AbCdEfGhIj12a b", bytes.clone()),
            (b"AbCdEfGhIj1\xff", bytes.clone()),
        ] {
            let refused = decode(name, &bytes);
            assert!(matches!(refused, Err(Unreadable::Damaged(_))), "{name:?} {bytes:?}");
        }
        assert!(matches!(decode(name, &[4]), Err(Unreadable::Newer(4))));
    }
}
