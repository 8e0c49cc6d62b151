//! From what is written down of a key or a token, in a document or a backup, to that.

use limiter::{ClientId, InvalidClientId};

use super::{Allowed, FieldError, FieldErrors, Given, judge, token_draft};
use crate::{
    credentials::{
        ClientKey, Digest, InvalidDigest, InvalidPublicPart, PublicPart, Token, UnixSeconds,
        Validity,
    },
    excerpt::Excerpt,
};

/// A client's key, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRecordDraft {
    /// The public part that stands before it. `public_part` need not be there then.
    pub addressed_to: Option<String>,
    /// What names it.
    pub public_part: Given<String>,
    /// Whose it is.
    pub client_id: Given<String>,
    /// What is kept of it.
    pub sha256: Given<String>,
    /// When it was made.
    pub created_at: Given<Option<UnixSeconds>>,
    /// From when on it is valid no more; `None`: until it is revoked.
    pub expires_at: Given<Option<UnixSeconds>>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

/// A token, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRecordDraft {
    /// The public part that stands before it. `public_part` need not be there then.
    pub addressed_to: Option<String>,
    /// What names it to programs.
    pub public_part: Given<String>,
    /// What names it to people.
    pub name: Given<String>,
    /// What it is good for.
    pub scopes: Given<Vec<Given<String>>>,
    /// What is kept of it.
    pub sha256: Given<String>,
    /// When it was made.
    pub created_at: Given<Option<UnixSeconds>>,
    /// From when on it is valid no more; `None`: until it is revoked.
    pub expires_at: Given<Option<UnixSeconds>>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

impl KeyRecordDraft {
    /// The key, or all that is wrong.
    pub fn validate(&self) -> Result<ClientKey, FieldErrors> {
        let mut errors = FieldErrors::default();
        let public = public(self.addressed_to.as_deref(), &self.public_part, &mut errors);
        let client = errors.keep(client(&self.client_id));
        let digest = errors.keep(digest(&self.sha256));
        let validity = validity(&self.created_at, &self.expires_at, &mut errors);
        errors.append(&self.errors);
        match (public, client, digest, validity) {
            (Some(public), Some(client), Some(digest), Some(validity)) if errors.is_empty() => {
                Ok(ClientKey { public, digest, client, validity })
            }
            _ => Err(errors),
        }
    }
}

impl TokenRecordDraft {
    /// The token, or all that is wrong.
    pub fn validate(&self) -> Result<Token, FieldErrors> {
        let mut errors = FieldErrors::default();
        let public = public(self.addressed_to.as_deref(), &self.public_part, &mut errors);
        let name = errors.keep(token_draft::name(&self.name));
        let scopes = token_draft::scopes(&self.scopes, &mut errors);
        let digest = errors.keep(digest(&self.sha256));
        let validity = validity(&self.created_at, &self.expires_at, &mut errors);
        errors.append(&self.errors);
        match (public, name, scopes, digest, validity) {
            (Some(public), Some(name), Some(scopes), Some(digest), Some(validity))
                if errors.is_empty() =>
            {
                Ok(Token { public, digest, name, scopes, validity })
            }
            _ => Err(errors),
        }
    }
}

fn public(
    addressed_to: Option<&str>,
    given: &Given<String>,
    errors: &mut FieldErrors,
) -> Option<PublicPart> {
    const FIELD: &str = "public_part";
    let either = addressed_to.map_or_else(|| given.clone(), |text| Given::Value(text.to_owned()));
    let public = judge::required(FIELD, &unsaid(&either), InvalidPublicPart.into(), |text| {
        PublicPart::try_from(text)
    });
    if public.is_ok()
        && let Err(error) = judge::agrees(FIELD, addressed_to, &unsaid(given))
    {
        errors.push(error);
    }
    errors.keep(public)
}

fn client(given: &Given<String>) -> Result<ClientId, FieldError> {
    let allowed = InvalidClientId;
    match given {
        Given::Absent => Err(FieldError::Missing { field: "client_id" }),
        Given::Wrong(value) => Err(FieldError::Id { allowed, value: value.clone() }),
        Given::Value(text) => match ClientId::try_from(text.as_str()) {
            Ok(id) if id.is_reserved() => Err(FieldError::ReservedId(id)),
            Ok(id) => Ok(id),
            Err(allowed) => Err(FieldError::Id { allowed, value: Excerpt::quoted(text) }),
        },
    }
}

fn digest(given: &Given<String>) -> Result<Digest, FieldError> {
    judge::required("sha256", &unsaid(given), InvalidDigest.into(), Digest::parse)
}

/// What is too long to be right may be the secret itself: an error says of it how long it is.
fn unsaid(given: &Given<String>) -> Given<String> {
    match given {
        Given::Value(text) if text.len() > PublicPart::LEN && Digest::parse(text).is_err() => {
            Given::Wrong(Excerpt::new(&format!("a text of {} bytes", text.len())))
        }
        Given::Wrong(_) => Given::Wrong(Excerpt::new("what stands there")),
        given => given.clone(),
    }
}

fn validity(
    created_at: &Given<Option<UnixSeconds>>,
    expires_at: &Given<Option<UnixSeconds>>,
    errors: &mut FieldErrors,
) -> Option<Validity> {
    let time = |field, given: &Given<Option<UnixSeconds>>| {
        let wrong = |value| FieldError::Value { field, allowed: Allowed::Time, value };
        given.judged(None, |time| Ok(*time), wrong)
    };
    let created = time("created_at", created_at)
        .and_then(|time| time.ok_or(FieldError::Missing { field: "created_at" }));
    let created = errors.keep(created);
    let expires = errors.keep(time("expires_at", expires_at));
    Some(Validity { created: created?, expires: expires? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Secret, SecretKind};

    fn text(text: &str) -> Given<String> {
        Given::Value(text.to_owned())
    }

    fn key() -> KeyRecordDraft {
        KeyRecordDraft {
            addressed_to: Some("AbCdEfGhIj12".to_owned()),
            client_id: text("a"),
            sha256: text(&"0a".repeat(32)),
            created_at: Given::Value(UnixSeconds::new(1)),
            ..KeyRecordDraft::default()
        }
    }

    fn told(draft: &KeyRecordDraft) -> Vec<String> {
        let errors = draft.validate().expect_err("wrong");
        errors.told().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_written_down_says_all_but_the_secret() {
        let key = key().validate().expect("a key");
        assert_eq!((key.public.as_str(), key.client.as_str()), ("AbCdEfGhIj12", "a"));
        assert_eq!((key.digest.to_string(), key.validity.expires), ("0a".repeat(32), None));
        assert_eq!(
            told(&KeyRecordDraft::default()),
            ["public_part", "client_id", "sha256", "created_at"]
                .map(|of| format!("{of} is required"))
        );
        let errors = TokenRecordDraft::default().validate().expect_err("nothing is said");
        let told = ["public_part", "name", "scopes", "sha256", "created_at"];
        assert_eq!(errors.to_string(), told.map(|of| format!("{of} is required")).join("; "));
    }

    #[test]
    fn no_error_repeats_what_may_be_a_secret() {
        let secret = Secret::new(SecretKind::Key);
        let wrong = KeyRecordDraft {
            addressed_to: Some(secret.expose().to_owned()),
            client_id: text("unknown"),
            sha256: text(secret.expose()),
            ..key()
        };
        let told = told(&wrong);
        assert_eq!(
            told,
            [
                "public_part must be the public part of a key or token: 12 characters of A-Z a-z 0-9, \
                 not a text of 67 bytes",
                "client_id must not be \"unknown\": \"unknown\" and \"other\" stand for what is not \
                 configured",
                "sha256 must be a SHA-256 digest: 64 hexadecimal digits in lower case, not a text of \
                 67 bytes",
            ]
        );
    }
}
