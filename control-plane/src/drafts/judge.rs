//! What all drafts judge alike.

use super::{Allowed, FieldError, Given};
use crate::excerpt::Excerpt;

/// A draft of another thing than the call is addressed to is an error; one without a name of its own
/// is none.
pub(super) fn agrees(
    field: &'static str,
    addressed_to: Option<&str>,
    given: &Given<String>,
) -> Result<(), FieldError> {
    let Some(path) = addressed_to else { return Ok(()) };
    let agrees = |name: &String| if name == path { Ok(()) } else { Err(Excerpt::quoted(name)) };
    let other = |value| FieldError::OtherId { field, path: Excerpt::quoted(path), value };
    given.judged((), agrees, other)
}

/// The number as `new` takes it.
pub(super) fn number<T, E>(
    number: Option<u64>,
    new: impl FnOnce(u64) -> Result<T, E>,
) -> Result<Option<T>, Excerpt> {
    let Some(number) = number else { return Ok(None) };
    new(number).map(Some).map_err(|_| Excerpt::new(&number.to_string()))
}

/// The text as `new` takes it; `absent` where the field is not there.
pub(super) fn text<T, E>(
    field: &'static str,
    given: &Given<Option<String>>,
    absent: Option<T>,
    allowed: Allowed,
    new: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, FieldError> {
    if let Given::Value(Some(text)) = given {
        no_secret(field, text)?;
    }
    let judge = |text: &Option<String>| match text {
        Some(text) => new(text).map(Some).map_err(|_| Excerpt::quoted(text)),
        None => Ok(None),
    };
    given.judged(absent, judge, |value| FieldError::Value { field, allowed, value })
}

/// The text as `new` takes it, if the field is there.
pub(super) fn optional<T, E>(
    field: &'static str,
    given: &Given<String>,
    allowed: Allowed,
    new: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, FieldError> {
    if let Given::Value(text) = given {
        no_secret(field, text)?;
    }
    let judge = |text: &String| new(text).map(Some).map_err(|_| Excerpt::quoted(text));
    given.judged(None, judge, |value| FieldError::Value { field, allowed, value })
}

/// The text as `new` takes it; the field has to be there.
pub(super) fn required<T, E>(
    field: &'static str,
    given: &Given<String>,
    allowed: Allowed,
    new: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, FieldError> {
    optional(field, given, allowed, new)?.ok_or(FieldError::Missing { field })
}

/// A name is shown and logged wherever it is used; who takes a key for one would have that shown too.
pub(super) fn no_secret(field: &'static str, text: &str) -> Result<(), FieldError> {
    match proto::secret_in(text.as_bytes()) {
        Some(_) => Err(FieldError::Secret { field }),
        None => Ok(()),
    }
}
