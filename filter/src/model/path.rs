//! The model in a path, as the vendors' APIs have it there, below any prefix:
//!
//! - `/openai/deployments/MODEL/…`: OpenAI's API on Azure;
//! - `/models/MODEL:METHOD`: Gemini's, and Vertex AI's below `/publishers/NAME`;
//! - `/model/MODEL/OPERATION`: Bedrock's.
//!
//! A server may read a path more freely than it is written. What such a server would take for one of
//! these is one: words are compared without case, escapes are resolved once, and empty segments are
//! none. A path with a dot segment names no model: which one is meant depends on who resolves it.

use std::borrow::Cow;

use proto::{MODEL_NAME_BYTES_MAX, model_name};

/// What is asked of one of Bedrock's models.
const OPERATIONS: [&[u8]; 6] = [
    b"invoke",
    b"converse",
    b"invoke-with-response-stream",
    b"converse-stream",
    b"invoke-with-bidirectional-stream",
    b"count-tokens",
];

/// Vertex AI counts tokens for Anthropic's models under this name, which is no model's: the model
/// stands in the body.
const COUNTS_TOKENS: &str = "count-tokens";

/// The model that `path`, without its query, names.
pub(super) fn model(path: &[u8]) -> Option<Cow<'_, str>> {
    let mut last_four: [&[u8]; 4] = [b""; 4];
    let mut deployment = None;
    for segment in path.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty()) {
        if reads(segment, b".") || reads(segment, b"..") {
            return None;
        }
        let [_, first, second, third] = last_four;
        last_four = [first, second, third, segment];
        if deployment.is_none() && reads(second, b"deployments") && reads(first, b"openai") {
            deployment = Some(third);
        }
    }
    let [_, third_last, second_last, last] = last_four;
    if let Some(deployment) = deployment {
        name(deployment)
    } else if reads(second_last, b"models") {
        name(before_method(last)?).filter(|name| name != COUNTS_TOKENS)
    } else if reads(third_last, b"model") && OPERATIONS.iter().any(|word| reads(last, word)) {
        name(second_last)
    } else {
        None
    }
}

/// What stands before the last colon, where a method's name stands behind it. Methods are not listed:
/// a new one must not be a way round the limit of a model.
fn before_method(segment: &[u8]) -> Option<&[u8]> {
    let colon = segment.iter().rposition(|byte| *byte == b':');
    let escaped = segment.windows(3).rposition(|bytes| bytes.eq_ignore_ascii_case(b"%3a"));
    let (end, begin) = match (colon, escaped) {
        (Some(colon), Some(escaped)) if escaped > colon => (escaped, escaped + 3),
        (None, Some(escaped)) => (escaped, escaped + 3),
        (Some(colon), _) => (colon, colon + 1),
        (None, None) => return None,
    };
    let method = segment.get(begin..)?;
    let is_method = !method.is_empty()
        && unescaped(method).all(|byte| byte.is_some_and(|byte| byte.is_ascii_alphabetic()));
    segment.get(..end).filter(|_| is_method)
}

/// The name that is written so.
fn name(segment: &[u8]) -> Option<Cow<'_, str>> {
    if !segment.contains(&b'%') {
        return model_name(segment).map(Cow::Borrowed);
    }
    // One byte more than a name may have is enough to see that it is none.
    let bytes: Option<Vec<u8>> = unescaped(segment).take(MODEL_NAME_BYTES_MAX + 1).collect();
    model_name(&bytes?).map(|name| Cow::Owned(name.to_owned()))
}

/// Whether a segment reads `word`, which is in lower case.
fn reads(segment: &[u8], word: &[u8]) -> bool {
    unescaped(segment)
        .map(|byte| byte.map(|byte| byte.to_ascii_lowercase()))
        .eq(word.iter().map(|byte| Some(*byte)))
}

/// The bytes of a segment with its escapes resolved; `None` for an escape that is none.
fn unescaped(segment: &[u8]) -> impl Iterator<Item = Option<u8>> {
    let mut rest = segment.iter().copied();
    std::iter::from_fn(move || {
        Some(match rest.next()? {
            b'%' => rest
                .next()
                .and_then(digit)
                .zip(rest.next().and_then(digit))
                .map(|(high, low)| high << 4 | low),
            byte => Some(byte),
        })
    })
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
