//! A key in a path's query, where Gemini's API takes one: `?key=…`.

/// What the parameter is called.
const NAME: &[u8] = b"key";

/// The values of all parameters `key`, with their escapes resolved.
pub(super) fn values(target: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    parameters(target).filter_map(|(_, parameter)| value(parameter))
}

/// The path without each parameter `key` whose value `goes`; `None` where none does.
pub(super) fn without(target: &[u8], goes: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let goes = |parameter| value(parameter).is_some_and(|value| goes(&value));
    if !parameters(target).any(|(_, parameter)| goes(parameter)) {
        return None;
    }
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let mut kept = path.to_vec();
    for (_, parameter) in parameters(target).filter(|(_, parameter)| !goes(parameter)) {
        kept.push(if kept.len() == path.len() { b'?' } else { b'&' });
        kept.extend_from_slice(parameter);
    }
    Some(kept)
}

/// The parameters of a query, by their places.
fn parameters(target: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let query = target.iter().position(|byte| *byte == b'?').and_then(|at| target.get(at + 1..));
    query.into_iter().flat_map(|query| query.split(|byte| *byte == b'&').enumerate())
}

/// The value of a parameter that reads `key`.
fn value(parameter: &[u8]) -> Option<Vec<u8>> {
    let mut parts = parameter.splitn(2, |byte| *byte == b'=');
    let name = parts.next()?;
    (unescaped(name) == NAME).then(|| unescaped(parts.next().unwrap_or_default()))
}

/// The bytes with their escapes resolved; what is no escape stays.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut resolved = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = escape.unwrap_or((byte, after));
        resolved.push(byte);
        rest = after;
    }
    resolved
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, found: &[&str], without_it: Option<&str>) {
        let values: Vec<_> = values(target.as_bytes()).collect();
        let found: Vec<_> = found.iter().map(|value| value.as_bytes().to_vec()).collect();
        assert_eq!(values, found, "{target}");
        let path = without(target.as_bytes(), |value| value.starts_with(b"fgk_"));
        assert_eq!(path, without_it.map(|path| path.as_bytes().to_vec()), "{target}");
    }

    #[test]
    fn a_key_is_found_however_it_is_written_and_taken_off_without_a_trace() {
        check("/a?key=fgk_1", &["fgk_1"], Some("/a"));
        check("/a?alt=sse&key=fgk_1", &["fgk_1"], Some("/a?alt=sse"));
        check("/a?key=fgk_1&alt=sse&x", &["fgk_1"], Some("/a?alt=sse&x"));
        check("/a?b&key=fgk_1&key=fgk_2&c=%41", &["fgk_1", "fgk_2"], Some("/a?b&c=%41"));
        check("/a?k%65y=%66gk%5f1", &["fgk_1"], Some("/a"));
        check("/a?x?key=1&key=fgk_1", &["fgk_1"], Some("/a?x?key=1"));
    }

    #[test]
    fn what_is_no_key_of_ours_stays_where_it_is() {
        check("/a?key=AIza", &["AIza"], None);
        check("/a?key", &[""], None);
        check("/a?key=%zz%", &["%zz%"], None);
        check("/a?Key=fgk_1&keys=fgk_1&x=key=fgk_1", &[], None);
        check("/key=fgk_1", &[], None);
        check("", &[], None);
    }
}
