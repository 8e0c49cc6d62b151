//! What a token says of its holder.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::credentials::{Scope, Scopes};

/// The claims that are read; the library looks at those that it knows itself.
#[derive(Deserialize)]
pub(super) struct Claims {
    /// Who made it. It is one name: of a list nobody can say who did.
    pub(super) iss: String,
    /// Who holds it.
    pub(super) sub: String,
    /// A second since 1970.
    pub(super) exp: u64,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Claims {
    /// Those among the words of `claim` that are scopes: words in one text, as OAuth has them, or texts
    /// in a list. What else an issuer puts there is somebody else's.
    pub(super) fn scopes(&self, claim: &str) -> Scopes {
        let words: Vec<&str> = match self.others.get(claim) {
            Some(Value::String(text)) => text.split(' ').collect(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        words.into_iter().filter_map(|word| Scope::try_from(word).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scopes_are_words_in_a_text_or_a_list_and_others_are_nobodys() {
        for (claim, scopes) in [
            (json!("read write"), "read,write"),
            (json!(["decide", "metrics", 5]), "metrics,decide"),
            (json!("openid READ  tokens profile"), "tokens"),
            (json!({ "read": true }), ""),
            (json!(null), ""),
        ] {
            let claims = json!({ "iss": "b", "sub": "a", "exp": 1, "scp": claim });
            let claims: Claims = serde_json::from_value(claims).unwrap();
            assert_eq!(claims.scopes("scp").to_string(), scopes);
            assert!(claims.scopes("scope").is_empty());
        }
    }
}
