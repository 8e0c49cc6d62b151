//! Which part of a list a request wants, as it says behind the question mark.

use super::query;
use crate::{
    excerpt::Excerpt,
    http::ApiError,
    operator::page::{PAGE_MAX, Section, is_cursor},
};

/// The part that `limit`, `cursor` and `prefix` say, of a list of things whose names are `N`; without
/// them all of it.
pub(super) fn section<N: for<'a> TryFrom<&'a str>>(
    query: Option<&str>,
) -> Result<Section, ApiError> {
    let [limit, cursor, prefix] = query::read(query, ["limit", "cursor", "prefix"])?;
    let max = match limit.as_deref() {
        None => None,
        limit => Some(query::limit(limit, PAGE_MAX, PAGE_MAX)?),
    };
    let prefix = prefix.unwrap_or_default();
    if let Some(cursor) = cursor.as_deref().filter(|cursor| !is_cursor::<N>(cursor, &prefix)) {
        let value = Excerpt::quoted(cursor);
        return Err(query::invalid(format!(
            "cursor must be the next_cursor of an earlier answer to the same list, or absent, not {value}"
        )));
    }
    Ok(Section { after: cursor, prefix, max })
}
