//! Keys and tokens as they are written in JSON: in documents and backups what is kept of each, in the REST
//! API's answers and in the audit what is shown of it.

use serde::{Serialize, Serializer, ser::SerializeSeq as _};

use super::{ClientKey, Scopes, Token, UnixSeconds};

/// A key, without its public part where that stands before it.
#[derive(Debug, Serialize)]
pub(crate) struct KeyJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_part: Option<&'a str>,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// A token, likewise.
#[derive(Debug, Serialize)]
pub(crate) struct TokenJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_part: Option<&'a str>,
    name: &'a str,
    scopes: Scopes,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl<'a> KeyJson<'a> {
    /// With its public part.
    pub(crate) fn whole(key: &'a ClientKey) -> Self {
        Self { public_part: Some(key.public.as_str()), ..Self::entry(key) }
    }

    /// The same without its digest: whoever knows that can ask in the client's name.
    pub(crate) fn shown(key: &'a ClientKey) -> Self {
        Self { sha256: None, ..Self::whole(key) }
    }

    /// Without its public part.
    pub(crate) fn entry(key: &'a ClientKey) -> Self {
        Self {
            public_part: None,
            client_id: key.client.as_str(),
            sha256: Some(key.digest.to_string()),
            created_at: key.validity.created.rfc3339(),
            expires_at: key.validity.expires.map(UnixSeconds::rfc3339),
        }
    }
}

impl<'a> TokenJson<'a> {
    /// With its public part.
    pub(crate) fn whole(token: &'a Token) -> Self {
        Self { public_part: Some(token.public.as_str()), ..Self::entry(token) }
    }

    /// The same without its digest.
    pub(crate) fn shown(token: &'a Token) -> Self {
        Self { sha256: None, ..Self::whole(token) }
    }

    /// Without its public part.
    pub(crate) fn entry(token: &'a Token) -> Self {
        Self {
            public_part: None,
            name: token.name.as_str(),
            scopes: token.scopes,
            sha256: Some(token.digest.to_string()),
            created_at: token.validity.created.rfc3339(),
            expires_at: token.validity.expires.map(UnixSeconds::rfc3339),
        }
    }
}

/// A list of their words.
impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for scope in self.iter() {
            list.serialize_element(scope.word())?;
        }
        list.end()
    }
}
