//! What keys and tokens have in common.

use super::{ValueReader, ValueWriter};
use crate::credentials::{Digest, UnixSeconds, Validity};

/// The format in which there were keys and tokens first.
pub(super) const FIRST_FORMAT: u8 = 3;

/// Whether it expires.
pub(super) const HAS_EXPIRES: u8 = 1;

pub(super) fn push_digest(value: &mut ValueWriter, digest: &Digest) {
    value.bytes(digest.as_bytes());
}

pub(super) fn read_digest(value: &mut ValueReader<'_>) -> Option<Digest> {
    value.bytes().map(|bytes: [u8; Digest::LEN]| Digest::from(bytes))
}

/// Two times, the second where the flag says that it is there.
pub(super) fn push_validity(value: &mut ValueWriter, validity: Validity) {
    let Validity { created, expires } = validity;
    for time in [Some(created), expires].into_iter().flatten() {
        value.bytes(&time.get().to_le_bytes());
    }
}

pub(super) fn read_validity(value: &mut ValueReader<'_>) -> Option<Validity> {
    let does_expire = value.has(HAS_EXPIRES);
    let mut time = || UnixSeconds::new(u32::from_le_bytes(value.bytes()?));
    let created = time()?;
    let expires = if does_expire { Some(time()?) } else { None };
    Some(Validity { created, expires })
}
