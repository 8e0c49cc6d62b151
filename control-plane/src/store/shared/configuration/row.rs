//! One row of what is configured: its lineage, where it has one, and the thing as any store keeps it.

use crate::{
    clients::Revision,
    credentials::{ClientKey, PublicPart, Token},
    limits::{LimitName, Name},
    store::{
        Contents, Edit, Lost,
        shared::lineage::{Lineage, exact},
        value::{self, Kind, Row},
    },
};
use limiter::ClientId;

/// Why a row is none that is known here.
#[derive(Debug, thiserror::Error)]
#[error("a row of the configuration is of a format that this version does not know, or damaged")]
pub(super) struct UnreadableRow;

/// What stands in the store of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Nothing,
    /// A thing with buckets, on whose numbers everybody has to agree.
    Numbered(Lineage),
    /// A thing without any.
    Plain,
}

/// What a row is called: the letter of its kind, and the thing's name.
pub(super) fn name_of(edit: &Edit) -> Vec<u8> {
    let (letter, name) = match edit {
        Edit::PutKey(ClientKey { client, public, .. }) | Edit::RemoveKey { client, public } => {
            return [&b"k"[..], &value::key_name(client, *public)].concat();
        }
        Edit::PutToken(Token { public, .. }) | Edit::RemoveToken(public) => (b't', public.as_str()),
        Edit::PutClient(config) => (b'c', config.id.as_str()),
        Edit::RemoveClient(id) => (b'c', id.as_str()),
        Edit::PutLimit(limit) => (b'l', limit.name.as_str()),
        Edit::RemoveLimit(name) => (b'l', name.as_str()),
        Edit::PutModel(name, _) | Edit::RemoveModel(name) => (b'm', name.as_str()),
    };
    [&[letter], name.as_bytes()].concat()
}

/// What stands there after `edit`, where there was a lineage `before` or none.
pub(super) fn standing_of(edit: &Edit, before: Option<&Lineage>, revision: Revision) -> Standing {
    let write = exact(revision);
    match edit {
        Edit::PutClient(config) => Standing::Numbered(Lineage::of_client(before, config, write)),
        Edit::PutLimit(limit) => Standing::Numbered(Lineage::of_limit(before, limit, write)),
        Edit::PutModel(..) => Standing::Numbered(Lineage::of_model(before, write)),
        Edit::PutKey(_) | Edit::PutToken(_) => Standing::Plain,
        Edit::RemoveClient(_)
        | Edit::RemoveLimit(_)
        | Edit::RemoveModel(_)
        | Edit::RemoveKey { .. }
        | Edit::RemoveToken(_) => Standing::Nothing,
    }
}

/// The row of what stands there, with what `edit` puts there where that is to be stored.
pub(super) fn row_of(standing: &Standing, edit: Option<(&Edit, Revision)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    match standing {
        Standing::Nothing => return bytes,
        Standing::Numbered(lineage) => lineage.push_to(&mut bytes),
        Standing::Plain => {}
    }
    bytes.extend(
        edit.and_then(|(edit, revision)| Row::of(edit, revision).value).unwrap_or_default(),
    );
    bytes
}

/// A row that was read.
pub(super) struct ReadRow {
    pub(super) standing: Standing,
    /// What it says is there, and from which write that is; `None` where that stands in a file, or in
    /// settings.
    pub(super) edit: Option<(Edit, Revision)>,
}

/// Reads the row that is called so.
pub(super) fn read(name: &[u8], row: &[u8]) -> Result<ReadRow, UnreadableRow> {
    let (kind, key) = kind_of(name)?;
    let (standing, bytes) = match kind {
        Kind::Client | Kind::Limit | Kind::Model => {
            let (lineage, bytes) = Lineage::read(row).ok_or(UnreadableRow)?;
            (Standing::Numbered(lineage), bytes)
        }
        Kind::Key | Kind::Token => (Standing::Plain, row),
    };
    if bytes.is_empty() && standing != Standing::Plain {
        return Ok(ReadRow { standing, edit: None });
    }
    let read = match kind {
        Kind::Client => value::client(key, bytes).map(|(config, at)| (Edit::PutClient(config), at)),
        Kind::Limit => value::limit(key, bytes).map(|(limit, at)| (Edit::PutLimit(limit), at)),
        Kind::Model => {
            value::model(key, bytes).map(|((name, of), at)| (Edit::PutModel(name, of), at))
        }
        Kind::Key => value::key(key, bytes).map(|(key, at)| (Edit::PutKey(key), at)),
        Kind::Token => value::token(key, bytes).map(|(token, at)| (Edit::PutToken(token), at)),
    };
    Ok(ReadRow { standing, edit: Some(read.map_err(|_| UnreadableRow)?) })
}

/// That what is called so is there no more.
pub(super) fn removal(name: &[u8]) -> Result<Edit, UnreadableRow> {
    let (kind, key) = kind_of(name)?;
    let key = str::from_utf8(key).map_err(|_| UnreadableRow)?;
    match kind {
        Kind::Client => ClientId::try_from(key).map(Edit::RemoveClient).map_err(|_| UnreadableRow),
        Kind::Limit => LimitName::try_from(key).map(Edit::RemoveLimit).map_err(|_| UnreadableRow),
        Kind::Model => Name::try_from(key).map(Edit::RemoveModel).map_err(|_| UnreadableRow),
        Kind::Key => {
            let (client, public) = value::of_key_name(key).ok_or(UnreadableRow)?;
            Ok(Edit::RemoveKey { client, public })
        }
        Kind::Token => PublicPart::try_from(key).map(Edit::RemoveToken).map_err(|_| UnreadableRow),
    }
}

/// Counts a row that is gone though nobody removed it. That of ids that nobody configured is declared by each
/// start.
pub(super) fn count_lost(lost: &mut Lost, name: &[u8]) {
    match name {
        b"cunknown" => {}
        [b'c', ..] => lost.clients += 1,
        [b'l', ..] => lost.limits += 1,
        [b'm', ..] => lost.models += 1,
        [b'k', ..] => lost.keys += 1,
        [b't', ..] => lost.tokens += 1,
        _ => {}
    }
}

fn kind_of(name: &[u8]) -> Result<(Kind, &[u8]), UnreadableRow> {
    match name {
        [b'c', key @ ..] => Ok((Kind::Client, key)),
        [b'l', key @ ..] => Ok((Kind::Limit, key)),
        [b'm', key @ ..] => Ok((Kind::Model, key)),
        [b'k', key @ ..] => Ok((Kind::Key, key)),
        [b't', key @ ..] => Ok((Kind::Token, key)),
        _ => Err(UnreadableRow),
    }
}

/// Puts into `contents` what an edit says is there.
pub(super) fn put(contents: &mut Contents, edit: Edit, revision: Revision) {
    match edit {
        Edit::PutClient(config) => contents.clients.push((config, revision)),
        Edit::PutLimit(limit) => contents.limits.push((limit, revision)),
        Edit::PutModel(name, patterns) => contents.models.push(((name, patterns), revision)),
        Edit::PutKey(key) => contents.keys.push((key, revision)),
        Edit::PutToken(token) => contents.tokens.push((token, revision)),
        Edit::RemoveClient(_)
        | Edit::RemoveLimit(_)
        | Edit::RemoveModel(_)
        | Edit::RemoveKey { .. }
        | Edit::RemoveToken(_) => {}
    }
}
