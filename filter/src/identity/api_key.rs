//! Who asks, by a key: where the libraries of the vendors put theirs.
//!
//! A value that begins as no key of ours is another's credential, and is not looked at.

use proto::{CLIENT_KEY_BYTES_MAX, CLIENT_KEY_PREFIX, plugin_config::IdentityHeaders};

use super::{
    CLIENT_ID, TakenOff, Unauthenticated,
    digest::{Digest, digest},
    query_key,
};
use crate::header_map::HeaderMap;

const BEARER: &[u8] = b"bearer";
const PATH: &str = ":path";

/// Where keys are looked for.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    headers: IdentityHeaders,
    /// Whether the upstream sees them.
    keep: bool,
}

impl ApiKeys {
    pub(super) fn new(headers: IdentityHeaders, keep: bool) -> Self {
        Self { headers, keep }
    }

    /// The digest of the one key that a request shows. It may show it in several places.
    pub(super) fn key(&self, headers: &HeaderMap) -> Result<Digest, Unauthenticated> {
        let mut key: Option<Vec<u8>> = None;
        for name in self.headers.iter() {
            let values = headers.values(name).map(without_scheme);
            agree(&mut key, values.filter(|value| is_ours(value)).map(<[u8]>::to_vec))?;
        }
        let targets = headers.values(PATH).flat_map(query_key::values);
        agree(&mut key, targets.filter(|value| is_ours(value)))?;
        let key = key.ok_or(Unauthenticated::NoKey)?;
        let is_key = key.len() <= CLIENT_KEY_BYTES_MAX && key.iter().copied().all(is_part_of_key);
        if is_key { Ok(digest(&key)) } else { Err(Unauthenticated::InvalidKey) }
    }

    /// All headers in which a key may stand, whatever is in them: the upstream's own are set by
    /// something behind this filter.
    pub(super) fn taken_off(&self, headers: &HeaderMap) -> TakenOff {
        if self.keep {
            return TakenOff::of_client_id(headers);
        }
        let names: Vec<_> = self.headers.iter().chain([CLIENT_ID]).collect();
        let path = headers.first(PATH).and_then(|path| query_key::without(path, is_ours));
        TakenOff { path, ..TakenOff::of(headers, &names) }
    }
}

/// Takes the key of one place over: it shows one at most, and no other than the places before it.
fn agree(
    key: &mut Option<Vec<u8>>,
    mut shown: impl Iterator<Item = Vec<u8>>,
) -> Result<(), Unauthenticated> {
    let Some(here) = shown.next() else { return Ok(()) };
    if shown.next().is_some() || key.as_ref().is_some_and(|before| *before != here) {
        return Err(Unauthenticated::SeveralKeys);
    }
    *key = Some(here);
    Ok(())
}

/// What stands behind `Bearer`, where a value has that.
fn without_scheme(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    match value.split_at_checked(BEARER.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(BEARER) && rest.starts_with(b" ") => {
            rest.trim_ascii()
        }
        _ => value,
    }
}

fn is_ours(value: &[u8]) -> bool {
    value.starts_with(CLIENT_KEY_PREFIX.as_bytes())
}

fn is_part_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
