//! The sections of keys and of tokens: what is kept of each, never what is secret.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::{
    DocumentError, Place,
    reader::{Firsts, Key, Places, Reader},
    yaml::Value,
};
use crate::{
    credentials::{ClientKey, Digest, KEYS_MAX, PublicPart, TOKENS_MAX, Token},
    drafts::{FieldErrors, Fields, KeyRecordDraft, TokenRecordDraft},
};

/// The keys or tokens that were read.
pub(super) struct CredentialsRead<T> {
    /// Those with which nothing is wrong; `None`: there is no such section.
    pub(super) all: Option<BTreeMap<PublicPart, T>>,
    /// Where each stands.
    pub(super) places: Firsts<PublicPart>,
    digests: HashMap<Digest, Place, RandomState>,
}

impl<T> Default for CredentialsRead<T> {
    fn default() -> Self {
        Self { all: None, places: Firsts::default(), digests: HashMap::default() }
    }
}

/// A key or a token.
pub(super) trait Credential: Sized {
    /// What it is called, and how many there can be.
    const KIND: (&'static str, usize);

    fn public(&self) -> PublicPart;

    fn digest(&self) -> Digest;

    /// Reads the fields of the one that is called so.
    fn read<'a>(
        reader: &mut Reader<'a>,
        name: &Key<'a>,
        places: &mut Places,
    ) -> Result<Result<Self, FieldErrors>, DocumentError>;
}

impl<T: Credential> CredentialsRead<T> {
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DocumentError> {
        let mut all = BTreeMap::new();
        while let Some(name) = reader.key()? {
            let node = reader.steps.node()?;
            if matches!(node.value, Value::Object) {
                self.one(reader, &name, &mut all)?;
            } else {
                let ((what, _), told) = (T::KIND, node.value.excerpt());
                let text = format_args!("a {what} must be an object, not {told}");
                reader.errors.push(node.place, text);
                reader.steps.skip(&node.value)?;
            }
        }
        self.all = Some(all);
        Ok(())
    }

    fn one<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        name: &Key<'a>,
        all: &mut BTreeMap<PublicPart, T>,
    ) -> Result<(), DocumentError> {
        let mut places = Places::default();
        let (what, max) = T::KIND;
        match T::read(reader, name, &mut places)? {
            Ok(one) => {
                let public = one.public();
                if !reader.is_first(&mut self.places, (what, max), public, name.place)? {
                    return Ok(());
                }
                if let Some(first) = self.digests.insert(one.digest(), name.place) {
                    let place = places.of("sha256", None).unwrap_or(name.place);
                    let text = format_args!("two {what}s must not be one: it is that in {first}");
                    reader.errors.push(place, text);
                }
                all.insert(public, one);
            }
            Err(errors) => {
                reader.wrong(&errors, &places, name.place);
                if let Ok(public) = PublicPart::try_from(&*name.text) {
                    reader.is_first(&mut self.places, (what, max), public, name.place)?;
                }
            }
        }
        Ok(())
    }
}

impl Credential for ClientKey {
    const KIND: (&'static str, usize) = ("key", KEYS_MAX);

    fn public(&self) -> PublicPart {
        self.public
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn read<'a>(
        reader: &mut Reader<'a>,
        name: &Key<'a>,
        places: &mut Places,
    ) -> Result<Result<Self, FieldErrors>, DocumentError> {
        let mut draft = KeyRecordDraft {
            addressed_to: Some(name.text.clone().into()),
            ..KeyRecordDraft::default()
        };
        while let Some(key) = reader.key()? {
            match &*key.text {
                "public_part" => {
                    reader.field("public_part", &key, &mut draft.public_part, places)?;
                }
                "client_id" => reader.field("client_id", &key, &mut draft.client_id, places)?,
                "sha256" => reader.field("sha256", &key, &mut draft.sha256, places)?,
                "created_at" => reader.field("created_at", &key, &mut draft.created_at, places)?,
                "expires_at" => reader.field("expires_at", &key, &mut draft.expires_at, places)?,
                _ => reader.unknown(Fields::KeyRecord, &key)?,
            }
        }
        Ok(draft.validate())
    }
}

impl Credential for Token {
    const KIND: (&'static str, usize) = ("token", TOKENS_MAX);

    fn public(&self) -> PublicPart {
        self.public
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn read<'a>(
        reader: &mut Reader<'a>,
        name: &Key<'a>,
        places: &mut Places,
    ) -> Result<Result<Self, FieldErrors>, DocumentError> {
        let mut draft = TokenRecordDraft {
            addressed_to: Some(name.text.clone().into()),
            ..TokenRecordDraft::default()
        };
        while let Some(key) = reader.key()? {
            match &*key.text {
                "public_part" => {
                    reader.field("public_part", &key, &mut draft.public_part, places)?;
                }
                "name" => reader.field("name", &key, &mut draft.name, places)?,
                "scopes" => reader.list("scopes", &key, &mut draft.scopes, places)?,
                "sha256" => reader.field("sha256", &key, &mut draft.sha256, places)?,
                "created_at" => reader.field("created_at", &key, &mut draft.created_at, places)?,
                "expires_at" => reader.field("expires_at", &key, &mut draft.expires_at, places)?,
                _ => reader.unknown(Fields::TokenRecord, &key)?,
            }
        }
        Ok(draft.validate())
    }
}
