//! Which model a request's headers name, by a plain reading of section 2 of the contract.

use filter::{HeaderMap, ModelSources};
use proto::plugin_config::ModelFrom;

use super::{Fields, values};

/// The words of Bedrock's operations.
const OPERATIONS: [&[u8]; 6] = [
    b"invoke",
    b"converse",
    b"invoke-with-response-stream",
    b"converse-stream",
    b"invoke-with-bidirectional-stream",
    b"count-tokens",
];

/// Reads the model that `fields` name, whichever place is tried first.
pub(super) fn check(fields: &Fields, headers: &HeaderMap) {
    use ModelFrom::{Header, Path};
    let (path, header) = (in_path(fields), in_header(fields));
    for (order, expected) in [
        (&[Path][..], path.clone()),
        (&[Header], header.clone()),
        (&[Path, Header], path.clone().or_else(|| header.clone())),
        (&[Header, Path], header.or(path)),
    ] {
        let sources = ModelSources::new(order, "x-model").expect("an order");
        assert_eq!(sources.model(headers).as_deref(), expected.as_deref(), "{order:?}: {fields:?}");
    }
}

fn in_header(fields: &Fields) -> Option<String> {
    let [value] = values(fields, "x-model")[..] else { return None };
    name(value.trim_ascii().to_vec())
}

fn in_path(fields: &Fields) -> Option<String> {
    let [target] = values(fields, ":path")[..] else { return None };
    let is_overridden = fields.iter().any(|(header, _)| {
        let header = header.to_ascii_lowercase().replace('_', "-");
        header == "x-original-url" || header == "x-rewrite-url"
    });
    if is_overridden {
        return None;
    }
    let path = target.split(|byte| *byte == b'?').next()?;
    let raw: Vec<_> = path.split(|byte| *byte == b'/').filter(|raw| !raw.is_empty()).collect();
    let segments: Vec<_> = raw.iter().map(|raw| unescaped(raw)).collect();
    let is_dots = |segment: &Option<Vec<u8>>| matches!(segment.as_deref(), Some(b"." | b".."));
    if segments.iter().any(is_dots) {
        return None;
    }
    let reads = |at: usize, word: &[u8]| {
        segments[at].as_ref().is_some_and(|segment| segment.eq_ignore_ascii_case(word))
    };
    let deployments = (0..raw.len())
        .find(|at| at + 3 < raw.len() && reads(*at, b"openai") && reads(at + 1, b"deployments"));
    if let Some(at) = deployments {
        return name(segments[at + 2].clone()?);
    }
    let len = raw.len();
    if len >= 2 && reads(len - 2, b"models") {
        let last = segments[len - 1].clone()?;
        let colon = last.iter().rposition(|byte| *byte == b':')?;
        let (model, method) = (last[..colon].to_vec(), &last[colon + 1..]);
        let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_alphabetic);
        return name(model).filter(|model| is_method && model != "count-tokens");
    }
    if len >= 3 && reads(len - 3, b"model") && OPERATIONS.iter().any(|word| reads(len - 1, word)) {
        return name(segments[len - 2].clone()?);
    }
    None
}

fn name(bytes: Vec<u8>) -> Option<String> {
    let name = String::from_utf8(bytes).ok()?;
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "._:@+=~/-".contains(char);
    ((1..=128).contains(&name.len()) && name.chars().all(is_allowed)).then_some(name)
}

/// With its escapes resolved once; `None` where one of them is none.
fn unescaped(raw: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        if raw[at] == b'%' {
            let digits = str::from_utf8(raw.get(at + 1..at + 3)?).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            at += 3;
        } else {
            bytes.push(raw[at]);
            at += 1;
        }
    }
    Some(bytes)
}
