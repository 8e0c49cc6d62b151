//! One row of what is configured: its lineage, and the thing as any store keeps it.

use crate::{
    clients::Revision,
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

/// What a row is called: the letter of its kind, and the thing's name.
pub(super) fn name_of(edit: &Edit) -> Vec<u8> {
    let (letter, name) = match edit {
        Edit::PutClient(config) => (b'c', config.id.as_str()),
        Edit::RemoveClient(id) => (b'c', id.as_str()),
        Edit::PutLimit(limit) => (b'l', limit.name.as_str()),
        Edit::RemoveLimit(name) => (b'l', name.as_str()),
        Edit::PutModel(name, _) | Edit::RemoveModel(name) => (b'm', name.as_str()),
    };
    [&[letter], name.as_bytes()].concat()
}

/// The lineage of what `edit` puts there; `None` where it is to be removed.
pub(super) fn lineage_of(
    edit: &Edit,
    before: Option<&Lineage>,
    revision: Revision,
) -> Option<Lineage> {
    let write = exact(revision);
    match edit {
        Edit::PutClient(config) => Some(Lineage::of_client(before, config, write)),
        Edit::PutLimit(limit) => Some(Lineage::of_limit(before, limit, write)),
        Edit::PutModel(..) => Some(Lineage::of_model(before, write)),
        Edit::RemoveClient(_) | Edit::RemoveLimit(_) | Edit::RemoveModel(_) => None,
    }
}

/// The row of a lineage, with what `edit` puts there where that is to be stored.
pub(super) fn row_of(lineage: &Lineage, edit: Option<(&Edit, Revision)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    lineage.push_to(&mut bytes);
    bytes.extend(
        edit.and_then(|(edit, revision)| Row::of(edit, revision).value).unwrap_or_default(),
    );
    bytes
}

/// A row that was read.
pub(super) struct ReadRow {
    pub(super) lineage: Lineage,
    /// What it says is there, and from which write that is; `None` where that stands in a file, or in
    /// settings.
    pub(super) edit: Option<(Edit, Revision)>,
}

/// Reads the row that is called so.
pub(super) fn read(name: &[u8], row: &[u8]) -> Result<ReadRow, UnreadableRow> {
    let (kind, key) = kind_of(name)?;
    let (lineage, bytes) = Lineage::read(row).ok_or(UnreadableRow)?;
    if bytes.is_empty() {
        return Ok(ReadRow { lineage, edit: None });
    }
    let read = match kind {
        Kind::Client => value::client(key, bytes).map(|(config, at)| (Edit::PutClient(config), at)),
        Kind::Limit => value::limit(key, bytes).map(|(limit, at)| (Edit::PutLimit(limit), at)),
        Kind::Model => {
            value::model(key, bytes).map(|((name, of), at)| (Edit::PutModel(name, of), at))
        }
    };
    Ok(ReadRow { lineage, edit: Some(read.map_err(|_| UnreadableRow)?) })
}

/// That what is called so is there no more.
pub(super) fn removal(name: &[u8]) -> Result<Edit, UnreadableRow> {
    let (kind, key) = kind_of(name)?;
    let key = str::from_utf8(key).map_err(|_| UnreadableRow)?;
    match kind {
        Kind::Client => ClientId::try_from(key).map(Edit::RemoveClient).map_err(|_| UnreadableRow),
        Kind::Limit => LimitName::try_from(key).map(Edit::RemoveLimit).map_err(|_| UnreadableRow),
        Kind::Model => Name::try_from(key).map(Edit::RemoveModel).map_err(|_| UnreadableRow),
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
        _ => {}
    }
}

fn kind_of(name: &[u8]) -> Result<(Kind, &[u8]), UnreadableRow> {
    match name {
        [b'c', key @ ..] => Ok((Kind::Client, key)),
        [b'l', key @ ..] => Ok((Kind::Limit, key)),
        [b'm', key @ ..] => Ok((Kind::Model, key)),
        _ => Err(UnreadableRow),
    }
}

/// Puts into `contents` what an edit says is there.
pub(super) fn put(contents: &mut Contents, edit: Edit, revision: Revision) {
    match edit {
        Edit::PutClient(config) => contents.clients.push((config, revision)),
        Edit::PutLimit(limit) => contents.limits.push((limit, revision)),
        Edit::PutModel(name, patterns) => contents.models.push(((name, patterns), revision)),
        Edit::RemoveClient(_) | Edit::RemoveLimit(_) | Edit::RemoveModel(_) => {}
    }
}
