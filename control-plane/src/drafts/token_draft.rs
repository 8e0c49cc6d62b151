//! From what an operator gave for a new token to what it is to be.

use limiter::UnixMillis;

use super::{Allowed, FieldError, FieldErrors, Given, judge, key_draft::validity};
use crate::{
    credentials::{InvalidTokenName, Scope, Scopes, TokenName, UnixSeconds, Validity},
    excerpt::Excerpt,
};

/// A token that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenDraft {
    /// What it is called.
    pub name: Given<String>,
    /// What it is good for.
    pub scopes: Given<Vec<Given<String>>>,
    /// From when on it is valid no more; `None`: until it is revoked.
    pub expires_at: Given<Option<UnixSeconds>>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

impl TokenDraft {
    /// What a token is that is made now, or all that is wrong.
    pub fn validate(&self, now: UnixMillis) -> Result<(TokenName, Scopes, Validity), FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.keep(name(&self.name));
        let scopes = scopes(&self.scopes, &mut errors);
        let validity = errors.keep(validity(&self.expires_at, now));
        errors.append(&self.errors);
        match (name, scopes, validity) {
            (Some(name), Some(scopes), Some(validity)) if errors.is_empty() => {
                Ok((name, scopes, validity))
            }
            _ => Err(errors),
        }
    }
}

pub(super) fn name(given: &Given<String>) -> Result<TokenName, FieldError> {
    judge::required("name", given, InvalidTokenName.into(), |text| {
        TokenName::parse(text).ok_or(InvalidTokenName)
    })
}

/// One scope or more, each once.
pub(super) fn scopes(
    given: &Given<Vec<Given<String>>>,
    errors: &mut FieldErrors,
) -> Option<Scopes> {
    const FIELD: &str = "scopes";
    let no_list = |value| {
        let allowed = Allowed::List("one or more of read, write, keys, tokens, metrics and decide");
        FieldError::Value { field: FIELD, allowed, value }
    };
    let list = match given {
        Given::Value(list) if list.is_empty() => {
            errors.push(no_list(Excerpt::new("an empty one")));
            return None;
        }
        Given::Value(list) => list,
        Given::Wrong(value) => {
            errors.push(no_list(value.clone()));
            return None;
        }
        Given::Absent => {
            errors.push(FieldError::Missing { field: FIELD });
            return None;
        }
    };
    let mut scopes = Scopes::default();
    let mut are_right = true;
    for (item, word) in list.iter().enumerate() {
        let unknown =
            |value| FieldError::Item { field: FIELD, item, allowed: Allowed::Scope, value };
        let scope = match word {
            Given::Value(word) => match Scope::try_from(word.as_str()) {
                Ok(scope) if scopes.has(scope) => {
                    let value = Excerpt::quoted(word);
                    Err(FieldError::RepeatedItem { field: FIELD, item, value })
                }
                Ok(scope) => Ok(scope),
                Err(_) => Err(unknown(Excerpt::quoted(word))),
            },
            Given::Wrong(value) => Err(unknown(value.clone())),
            Given::Absent => continue,
        };
        match errors.keep(scope) {
            Some(scope) => scopes = scopes.iter().chain([scope]).collect(),
            None => are_right = false,
        }
    }
    are_right.then_some(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000_000_999);

    fn draft(scopes: &[&str]) -> TokenDraft {
        let scopes = scopes.iter().map(|word| Given::Value((*word).to_owned())).collect();
        TokenDraft {
            name: Given::Value("ci".to_owned()),
            scopes: Given::Value(scopes),
            ..TokenDraft::default()
        }
    }

    fn told(draft: &TokenDraft) -> String {
        let told = draft.validate(NOW);
        told.map_or_else(|errors| errors.to_string(), |(_, scopes, _)| scopes.to_string())
    }

    #[test]
    fn a_token_has_a_name_and_scopes() {
        assert_eq!(told(&draft(&["metrics", "read"])), "read,metrics");
        assert_eq!(told(&TokenDraft::default()), "name is required; scopes is required");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut draft = draft(&["read", "admin", "read"]);
        draft.name = Given::Value("a b".to_owned());
        draft.expires_at = Given::Value(UnixSeconds::new(1));
        assert_eq!(
            told(&draft).split("; ").collect::<Vec<_>>(),
            [
                "name must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, not \"a b\"",
                "scopes[1] must be one of read, write, keys, tokens, metrics and decide, not \"admin\"",
                "scopes must have each value once, not \"read\" twice",
                "expires_at must be null or a time to come, in RFC 3339 and before 2106-02-07, as in \
                 \"2027-01-31T12:00:00Z\", not \"1970-01-01T00:00:01Z\"",
            ]
        );
        draft.scopes = Given::Value(Vec::new());
        let list =
            "scopes must be a list of one or more of read, write, keys, tokens, metrics and decide";
        assert!(told(&draft).contains(&format!("{list}, not an empty one")), "{}", told(&draft));
    }
}
