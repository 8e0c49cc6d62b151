//! By which call something was asked for.

use std::fmt;

use rand::random;

/// Bytes in the longest id that is taken over.
const BYTES_MAX: usize = 128;

/// What a call is known by: its `x-request-id`, or one that is made for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The caller's own where that can stand in a line, and is no secret; otherwise a new one.
    pub fn of(given: Option<&[u8]>) -> Self {
        let given = given.and_then(|given| std::str::from_utf8(given).ok());
        let is_sound = |id: &&str| {
            (1..=BYTES_MAX).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
                && proto::secret_in(id.as_bytes()).is_none()
        };
        given.filter(is_sound).map_or_else(Self::new, |id| Self(id.to_owned()))
    }

    fn new() -> Self {
        Self(format!("{:032x}", random::<u128>()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_own_is_kept_unless_it_could_spoil_a_line() {
        assert_eq!(RequestId::of(Some(b"7f3e-1:a/b")).to_string(), "7f3e-1:a/b");
        for given in
            [None, Some(&b""[..]), Some(b"a b"), Some(b"a\nb"), Some(b"\xff"), Some(&[b'a'; 129])]
        {
            assert_eq!(RequestId::of(given).to_string().len(), 32, "{given:?}");
        }
        let key = b"fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
        assert_eq!(RequestId::of(Some(key)).to_string().len(), 32, "no log has a key");
        assert_ne!(RequestId::of(None), RequestId::of(None));
    }
}
