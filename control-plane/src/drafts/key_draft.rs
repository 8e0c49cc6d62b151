//! From what an operator gave for a new key to how long it is valid.

use limiter::UnixMillis;

use super::{Allowed, FieldError, FieldErrors, Given};
use crate::{
    credentials::{UnixSeconds, Validity},
    excerpt::Excerpt,
};

/// A key that is to be made for a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyDraft {
    /// From when on it is valid no more; `None`: until it is revoked.
    pub expires_at: Given<Option<UnixSeconds>>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

impl KeyDraft {
    /// From when to when a key is valid that is made now, or all that is wrong.
    pub fn validate(&self, now: UnixMillis) -> Result<Validity, FieldErrors> {
        let mut errors = FieldErrors::default();
        let validity = errors.keep(validity(&self.expires_at, now));
        errors.append(&self.errors);
        match validity {
            Some(validity) if errors.is_empty() => Ok(validity),
            _ => Err(errors),
        }
    }
}

/// Of what is made now.
pub(super) fn validity(
    expires_at: &Given<Option<UnixSeconds>>,
    now: UnixMillis,
) -> Result<Validity, FieldError> {
    let created = UnixSeconds::at(now);
    let to_come = |time: &Option<UnixSeconds>| match *time {
        Some(time) if time <= created => Err(Excerpt::quoted(&time.rfc3339())),
        time => Ok(time),
    };
    let wrong =
        |value| FieldError::Value { field: "expires_at", allowed: Allowed::TimeToCome, value };
    let expires = expires_at.judged(None, to_come, wrong)?;
    Ok(Validity { created, expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000_000_999);

    fn told(expires_at: Given<Option<UnixSeconds>>) -> String {
        let draft = KeyDraft { expires_at, ..KeyDraft::default() };
        draft.validate(NOW).map_or_else(
            |errors| errors.to_string(),
            |validity| validity.expires.map(UnixSeconds::rfc3339).unwrap_or_default(),
        )
    }

    #[test]
    fn a_key_expires_at_a_time_to_come_or_never() {
        let at = |seconds| Given::Value(UnixSeconds::new(seconds));
        assert_eq!(told(Given::Absent), "");
        assert_eq!(told(Given::Value(None)), "");
        assert_eq!(told(at(1_000_000_001)), "2001-09-09T01:46:41Z");
        let refused = "expires_at must be null or a time to come, in RFC 3339 and before 2106-02-07, \
                       as in \"2027-01-31T12:00:00Z\", not";
        assert_eq!(told(at(1_000_000_000)), format!("{refused} \"2001-09-09T01:46:40Z\""));
        assert_eq!(told(Given::Wrong(Excerpt::new("5"))), format!("{refused} 5"));
    }
}
