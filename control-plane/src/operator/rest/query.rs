//! What a request says behind the question mark. A parameter that is not known is an error: one that
//! was meant to keep a write from being done must not be passed over.

use percent_encoding::percent_decode_str;

use super::error::INVALID_FIELD;
use crate::{excerpt::Excerpt, http::ApiError, operator::page::number};

/// The values of these parameters, of which each can be given once.
pub(super) fn read<const N: usize>(
    query: Option<&str>,
    names: [&'static str; N],
) -> Result<[Option<String>; N], ApiError> {
    let mut values = [const { None }; N];
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = values.iter_mut().zip(names).find(|(_, known)| *known == name);
        match place {
            // A plus sign is one: cursors have some.
            Some((place @ None, _)) => {
                *place = Some(percent_decode_str(value).decode_utf8_lossy().into_owned());
            }
            Some((Some(_), name)) => {
                return Err(invalid(format!("{name} must be given once, not twice")));
            }
            None => {
                let name = Excerpt::quoted(name);
                return Err(invalid(format!("{name} is not a parameter: {}", known(&names))));
            }
        }
    }
    Ok(values)
}

/// All that there are, as a sentence ends with them.
fn known(names: &[&str]) -> String {
    match names {
        [] => "there are none".to_owned(),
        [one] => format!("{one} is one"),
        [others @ .., last] => format!("{} and {last} are", others.join(", ")),
    }
}

/// How many things an answer is to have at most.
pub(super) fn limit(given: Option<&str>, usual: usize, max: usize) -> Result<usize, ApiError> {
    let Some(text) = given else { return Ok(usual) };
    let limit = number(text).filter(|limit| (1..=max).contains(limit));
    limit.ok_or_else(|| {
        let value = Excerpt::quoted(text);
        invalid(format!("limit must be an integer from 1 to {max}, not {value}"))
    })
}

/// A parameter's value is not allowed.
pub(super) fn invalid(message: String) -> ApiError {
    ApiError::new(INVALID_FIELD, message)
}
