//! How the values of fields are written in YAML and JSON.

use super::yaml::{Scalar, Value};
use crate::{credentials::UnixSeconds, drafts::Given};

/// What a field can hold.
pub(super) trait FromScalar: Sized {
    /// The value that is written so; `None` when it is of another type.
    fn read(scalar: &Scalar<'_>) -> Option<Self>;

    fn given(value: &Value<'_>) -> Given<Self> {
        let read = match value {
            Value::Scalar(scalar) => Self::read(scalar),
            _ => None,
        };
        read.map_or_else(|| Given::Wrong(value.excerpt()), Given::Value)
    }
}

/// In YAML an id need not be quoted, even if it looks like a number.
impl FromScalar for String {
    fn read(scalar: &Scalar<'_>) -> Option<Self> {
        (scalar.is_text && !is_null(scalar)).then(|| scalar.text.clone().into_owned())
    }
}

/// `null` or a text.
impl FromScalar for Option<String> {
    fn read(scalar: &Scalar<'_>) -> Option<Self> {
        if is_null(scalar) { Some(None) } else { String::read(scalar).map(Some) }
    }
}

/// `null` or a time in RFC 3339.
impl FromScalar for Option<UnixSeconds> {
    fn read(scalar: &Scalar<'_>) -> Option<Self> {
        if is_null(scalar) {
            return Some(None);
        }
        UnixSeconds::parse(&scalar.text).map(Some)
    }
}

impl FromScalar for bool {
    fn read(scalar: &Scalar<'_>) -> Option<Self> {
        match &*scalar.text {
            "true" | "True" | "TRUE" if scalar.plain => Some(true),
            "false" | "False" | "FALSE" if scalar.plain => Some(false),
            _ => None,
        }
    }
}

fn is_null(scalar: &Scalar<'_>) -> bool {
    scalar.plain && matches!(&*scalar.text, "null" | "Null" | "NULL" | "~")
}

/// `null` or a number in decimal digits. A number such as 0777 means one thing in one version of
/// YAML and another in the next, and 60.0 or 6e1 is not what anybody means to write as a limit. A
/// value that is not there is no `null` either: a template's gap must not take a limit away.
impl FromScalar for Option<u64> {
    fn read(scalar: &Scalar<'_>) -> Option<Self> {
        match &*scalar.text {
            _ if is_null(scalar) => Some(None),
            "0" if scalar.plain => Some(Some(0)),
            digits if scalar.plain && digits.starts_with(|c: char| matches!(c, '1'..='9')) => {
                digits.parse().ok().map(Some)
            }
            _ => None,
        }
    }
}
