//! An entry in a store that several share: all of it is in one place, and is read by other versions too.

use super::Entry;

/// Bytes in the longest entry: what something was and has become is cut, and the names have bounds. What
/// is longer was not written here.
pub const STORED_BYTES_MAX: usize = 24 * 1_024;

impl Entry {
    /// Its bytes, numbered by the write that it tells of: no two writes have one revision, whoever makes
    /// them. `None`: it is longer than any that is read.
    pub fn to_stored(&self, revision: u64) -> Option<Vec<u8>> {
        let entry = Self { id: revision, revision: Some(revision), ..self.clone() };
        serde_json::to_vec(&entry).ok().filter(|bytes| bytes.len() <= STORED_BYTES_MAX)
    }

    /// The entry of the write of this revision. `None`: a later version wrote it otherwise, or somebody
    /// else did.
    pub fn of_stored(bytes: &[u8], revision: u64) -> Option<Self> {
        if bytes.len() > STORED_BYTES_MAX {
            return None;
        }
        let entry: Self = serde_json::from_slice(bytes).ok()?;
        Some(Self { id: revision, ..entry })
    }
}

#[cfg(test)]
mod tests {
    use limiter::UnixMillis;
    use serde_json::value::RawValue;

    use super::*;
    use crate::audit::{Action, Actor, ActorKind, Change, Object, RequestId};

    fn change(name: &str, value: &str) -> Change {
        let value = || RawValue::from_string(value.to_owned()).ok();
        Change {
            actor: Actor {
                public_part: Some("ToKeNpArT001".to_owned()),
                ..Actor::named(ActorKind::Token, name)
            },
            address: Some(([0xffff; 8], 65_535).into()),
            request_id: Some(RequestId::of(Some(&[b'a'; 128]))),
            action: Action::Change,
            object: Object::new("key", &format!("{}/ToKeNpArT001", "c".repeat(256))),
            before: value(),
            after: value(),
            revision: Some(u64::MAX),
        }
    }

    #[test]
    fn the_longest_entry_is_written_and_read_again() {
        // A subject of another issuer is told with escapes of up to ten characters.
        let (name, value) =
            ("\\u{10ffff}".repeat(64), format!("\"{}\"", "a".repeat(8 * 1_024 - 2)));
        let entry = Entry::of(change(&name, &value), 7, UnixMillis(1_000_000));
        let bytes = entry.to_stored(1 << 52).expect("it is not too long");
        let read = Entry::of_stored(&bytes, 1 << 52).expect("it is readable");
        assert_eq!((read.id, read.revision), (1 << 52, Some(1 << 52)));
        assert_eq!((read.actor, read.object), (entry.actor, entry.object));
        assert_eq!(read.after.map(|after| after.get().len()), Some(value.len()));
    }

    #[test]
    fn what_another_version_or_somebody_else_wrote_is_none() {
        let entry = Entry::of(change("ci", "1"), 7, UnixMillis(1_000_000));
        let bytes = entry.to_stored(7).expect("it is not too long");
        let text = str::from_utf8(&bytes).expect("JSON");
        assert!(Entry::of_stored(text.replace("\"change\"", "\"merge\"").as_bytes(), 7).is_none());
        assert!(Entry::of_stored(b"\xff", 7).is_none() && Entry::of_stored(b"{}", 7).is_none());
        let further = text.replacen('{', "{\"further\":1,", 1);
        assert!(Entry::of_stored(further.as_bytes(), 7).is_some());
        let long = format!("{text}{}", " ".repeat(STORED_BYTES_MAX));
        assert!(Entry::of_stored(long.as_bytes(), 7).is_none());
    }
}
