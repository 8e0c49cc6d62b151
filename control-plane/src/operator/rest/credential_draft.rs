//! The drafts of keys and tokens in JSON.

use serde::de::MapAccess;

use super::object::{FromFields, read_field};
use crate::operator::{
    FieldErrors, Fields, KeyDraft, KeyRecordDraft, TokenDraft, TokenRecordDraft,
};

impl FromFields for KeyDraft {
    const OF: Fields = Fields::Key;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "expires_at" => read_field("expires_at", &mut self.expires_at, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}

impl FromFields for TokenDraft {
    const OF: Fields = Fields::Token;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "name" => read_field("name", &mut self.name, map, errors),
            "scopes" => read_field("scopes", &mut self.scopes, map, errors),
            "expires_at" => read_field("expires_at", &mut self.expires_at, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}

impl FromFields for KeyRecordDraft {
    const OF: Fields = Fields::KeyRecord;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "public_part" => read_field("public_part", &mut self.public_part, map, errors),
            "client_id" => read_field("client_id", &mut self.client_id, map, errors),
            "sha256" => read_field("sha256", &mut self.sha256, map, errors),
            "created_at" => read_field("created_at", &mut self.created_at, map, errors),
            "expires_at" => read_field("expires_at", &mut self.expires_at, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}

impl FromFields for TokenRecordDraft {
    const OF: Fields = Fields::TokenRecord;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "public_part" => read_field("public_part", &mut self.public_part, map, errors),
            "name" => read_field("name", &mut self.name, map, errors),
            "scopes" => read_field("scopes", &mut self.scopes, map, errors),
            "sha256" => read_field("sha256", &mut self.sha256, map, errors),
            "created_at" => read_field("created_at", &mut self.created_at, map, errors),
            "expires_at" => read_field("expires_at", &mut self.expires_at, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}
