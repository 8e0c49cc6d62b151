//! A JSON object that drafts something.
//!
//! Nothing is judged while it is read, and what is no value of its field is kept as it was spelled,
//! so that all errors can be told at once.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::from_json::FromJson;
use crate::{
    excerpt::Excerpt,
    operator::{FieldError, FieldErrors, Fields, Given},
};

/// What an object drafts.
pub(super) trait FromFields: Default {
    /// Of what its members are fields.
    const OF: Fields;

    /// Reads the field of this name; `false`: there is no such field, and nothing was read.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;

    fn errors(&mut self) -> &mut FieldErrors;
}

/// Reads the value of a field, which has none yet.
pub(super) fn read_field<'de, T: FromJson, A: MapAccess<'de>>(
    field: &'static str,
    given: &mut Given<T>,
    map: &mut A,
    errors: &mut FieldErrors,
) -> Result<bool, A::Error> {
    let json = map.next_value::<&RawValue>()?.get();
    match given {
        Given::Absent => *given = T::given(json),
        Given::Value(_) | Given::Wrong(_) => errors.push(FieldError::Repeated { field }),
    }
    Ok(true)
}

/// A draft as it is deserialized.
pub(super) struct Object<D>(pub(super) D);

impl<'de, D: FromFields> Deserialize<'de> for Object<D> {
    fn deserialize<R: Deserializer<'de>>(deserializer: R) -> Result<Self, R::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<D>(PhantomData<D>);

impl<'de, D: FromFields> Visitor<'de> for ObjectVisitor<D> {
    type Value = Object<D>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<D>, A::Error> {
        let mut draft = D::default();
        while let Some(name) = map.next_key::<String>()? {
            if !draft.read(&name, &mut map)? {
                let name = Excerpt::quoted(&name);
                draft.errors().push(FieldError::Unknown { of: D::OF, name });
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Object(draft))
    }
}
