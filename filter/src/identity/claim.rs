//! Who asks, by a claim that another of Envoy's filters has left in the request's metadata.
//!
//! Asked for by its path, a claim comes as bytes that do not say what it is: the eight bytes of a
//! number can be those of a text. So all of the metadata is read, as Envoy writes it
//! (`envoy.config.core.v3.Metadata`), in which each value has its type.

use proto::plugin_config::IdentityClaim;

use super::{Unauthenticated, Unidentified, verified};

/// Where the claim stands.
#[derive(Clone, Debug)]
pub struct Claim(IdentityClaim);

/// Fields of `Metadata`, `Struct` and `Value`, and of the entries of a map.
mod field {
    /// `Metadata.filter_metadata` and `Struct.fields`, both maps.
    pub(super) const MAP: u64 = 1;
    pub(super) const KEY: u64 = 1;
    pub(super) const VALUE: u64 = 2;
    /// `Value.string_value`.
    pub(super) const STRING: u64 = 3;
    /// `Value.struct_value`.
    pub(super) const STRUCT: u64 = 5;
}

impl Claim {
    pub(super) fn new(way: IdentityClaim) -> Self {
        Self(way)
    }

    /// What it says.
    pub(super) fn text(
        &self,
        property: impl FnOnce(&[&str]) -> Option<Vec<u8>>,
    ) -> Result<String, Unidentified> {
        let metadata = property(&["metadata"]).unwrap_or_default();
        let value =
            self.value(&metadata).ok_or(Unidentified::Unauthenticated(Unauthenticated::NoClaim))?;
        let text = Message(value).last(field::STRING).ok_or(Unidentified::InvalidIdentity)?;
        verified::identity(text.to_vec())
    }

    /// The `Value` at the end of the way.
    fn value<'a>(&self, metadata: &'a [u8]) -> Option<&'a [u8]> {
        let (last, before) = self.0.segments().split_last()?;
        let (filter, before) = before.split_first()?;
        let mut map = Message(metadata).entry(filter)?;
        for name in before {
            map = Message(Message(map).entry(name)?).last(field::STRUCT)?;
        }
        Message(map).entry(last)
    }
}

/// A message of protocol buffers. What is malformed ends it.
#[derive(Clone, Copy)]
struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// The value of a key in the map of this message.
    fn entry(self, key: &str) -> Option<&'a [u8]> {
        let entries = self.texts(field::MAP).map(Message);
        let of_key = entries.filter(|entry| entry.last(field::KEY) == Some(key.as_bytes()));
        of_key.last()?.last(field::VALUE)
    }

    /// The bytes of a field, of which the last counts.
    fn last(self, number: u64) -> Option<&'a [u8]> {
        self.texts(number).last()
    }

    /// The bytes of all fields of a number.
    fn texts(self, number: u64) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || next_field(&mut rest))
            .filter(move |(field, _)| *field == number)
            .filter_map(|(_, bytes)| bytes)
    }
}

/// Takes a field off the front: its number and, where it has a length, its bytes.
fn next_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let tag = varint(rest)?;
    let bytes = match tag & 7 {
        0 => varint(rest).map(|_| None)?,
        1 => take(rest, 8).map(|_| None)?,
        2 => {
            let len = usize::try_from(varint(rest)?).ok()?;
            Some(take(rest, len)?)
        }
        5 => take(rest, 4).map(|_| None)?,
        _ => return None,
    };
    Some((tag >> 3, bytes))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}
