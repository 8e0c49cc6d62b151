//! The identities that a client lists, or everything that is wrong with them.

use super::{Allowed, FieldError, FieldErrors, Given, judge};
use crate::{
    clients::{IDENTITIES_MAX, Identities, Identity, InvalidIdentity},
    excerpt::Excerpt,
};

const FIELD: &str = "identities";
const LIST: Allowed = Allowed::List("at most 16 identities");
const _: () = assert!(IDENTITIES_MAX == 16);

/// Those that are given, `before` where the field is not there, or nothing where some are wrong.
pub(super) fn judged(
    given: &Given<Option<Vec<Given<String>>>>,
    before: Option<&Identities>,
    errors: &mut FieldErrors,
) -> Option<Identities> {
    let list = match given {
        Given::Absent => return Some(before.cloned().unwrap_or_default()),
        Given::Value(None) => return Some(Identities::default()),
        Given::Value(Some(list)) if list.len() <= IDENTITIES_MAX => list,
        Given::Value(Some(list)) => {
            let value = Excerpt::new(&format!("one of {}", list.len()));
            errors.push(FieldError::Value { field: FIELD, allowed: LIST, value });
            return None;
        }
        Given::Wrong(value) => {
            let value = value.clone();
            errors.push(FieldError::Value { field: FIELD, allowed: LIST, value });
            return None;
        }
    };
    let mut identities: Vec<Identity> = Vec::with_capacity(list.len());
    let mut are_right = true;
    for (item, given) in list.iter().enumerate() {
        let wrong = |value| {
            let allowed = InvalidIdentity.into();
            FieldError::Item { field: FIELD, item, allowed, value }
        };
        let judged = match given {
            Given::Value(text) => judge::no_secret(FIELD, text).and_then(|()| {
                match Identity::try_from(text.as_str()) {
                    Ok(identity) if identities.contains(&identity) => {
                        let value = Excerpt::quoted(text);
                        Err(FieldError::RepeatedItem { field: FIELD, item, value })
                    }
                    Ok(identity) => Ok(identity),
                    Err(InvalidIdentity) => Err(wrong(Excerpt::quoted(text))),
                }
            }),
            Given::Wrong(value) => Err(wrong(value.clone())),
            Given::Absent => continue,
        };
        match errors.keep(judged) {
            Some(identity) => identities.push(identity),
            None => are_right = false,
        }
    }
    if are_right { Identities::new(identities) } else { None }
}
