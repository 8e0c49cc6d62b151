//! One field of a draft, before anybody has judged it.

use super::FieldError;
use crate::excerpt::Excerpt;

/// What a caller gave for a field. Each API reads its own notation into this, so that a value of a
/// wrong type is told as it was written, together with all else that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Given<T> {
    /// The field is not there.
    #[default]
    Absent,
    /// A value of the field's type, which may still not be allowed.
    Value(T),
    /// Something else.
    Wrong(Excerpt),
}

impl<T> Given<T> {
    /// What holds: `absent` where the field is not there, otherwise what `judge` makes of its
    /// value. A value that is not allowed is told by `refuse`, and so is one of a wrong type.
    pub(super) fn judged<U>(
        &self,
        absent: U,
        judge: impl FnOnce(&T) -> Result<U, Excerpt>,
        refuse: impl FnOnce(Excerpt) -> FieldError,
    ) -> Result<U, FieldError> {
        match self {
            Self::Absent => Ok(absent),
            Self::Value(value) => judge(value).map_err(refuse),
            Self::Wrong(value) => Err(refuse(value.clone())),
        }
    }
}

impl<T> Given<Option<T>> {
    /// Whether it is meant to be something.
    pub(super) fn is_set(&self) -> bool {
        matches!(self, Self::Value(Some(_)) | Self::Wrong(_))
    }
}
