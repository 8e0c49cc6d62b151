//! What a call shows: its `Authorization`, which has one form.

use http::{HeaderMap, header};

use super::Refusal;

/// The name of the form, in any case.
const SCHEME: &str = "bearer";

/// What stands behind `Bearer`; `None` where a call shows nothing.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(Refusal::Twice),
    };
    let (scheme, credential) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refusal::NoBearer)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(Refusal::NoBearer);
    }
    Ok(Some(credential.trim()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read_all(values: &[&[u8]]) -> Result<Option<String>, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        read(&headers).map(|read| read.map(str::to_owned))
    }

    #[test]
    fn the_scheme_has_any_case() {
        for value in ["Bearer a", "bearer a", "BEARER   a", "bEaReR a "] {
            assert_eq!(read_all(&[value.as_bytes()]), Ok(Some("a".to_owned())), "{value}");
        }
        assert_eq!(read_all(&[]), Ok(None));
    }

    #[test]
    fn what_has_another_form_is_refused() {
        for value in [&b""[..], b"Bearer", b"Basic YTpi", b"a", b"Bearera b", b"Bearer \xff"] {
            assert_eq!(read_all(&[value]), Err(Refusal::NoBearer), "{value:?}");
        }
        assert_eq!(read_all(&[b"Bearer a", b"Bearer a"]), Err(Refusal::Twice));
    }
}
