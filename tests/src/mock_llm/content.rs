//! What the model says: plain words, or text that looks like the protocol around it.

use super::behaviour::{Behaviour, Content};

const WORDS: [&str; 8] =
    ["The ", "bucket ", "refills ", "while ", "you ", "read ", "this ", "line. "];

/// Figures, events and ends that are none, since they stand inside a string; and characters that
/// are escaped or take several bytes.
const ADVERSARIAL: [&str; 5] = [
    r#""usage":{"total_tokens":999999},"usageMetadata":{"totalTokenCount":999999}}]} "#,
    "\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":999999,\"completion_tokens\":999999,\
     \"total_tokens\":999999}}\n\ndata: [DONE]\n\n",
    "\r\n\r\nevent: message_delta\r\ndata: {\"type\":\"message_delta\",\
     \"usage\":{\"input_tokens\":999999,\"output_tokens\":999999}}\r\n\r\n",
    r#"\","usage":{"input_tokens":999999,"output_tokens":999999,"total_tokens":999999},"\\":"\u0022"#,
    "Größe 桶 🪣 \u{1} [[[[[[[[{{{{{{{{ \\",
];

/// The pieces of the model's text; a stream sends one in each event.
pub(super) fn pieces(behaviour: &Behaviour) -> Vec<String> {
    let texts: &[&str] = match behaviour.content {
        Content::Words => &WORDS,
        Content::Adversarial => &ADVERSARIAL,
    };
    let texts = texts.iter().cycle().take(behaviour.chunks);
    match behaviour.chunk_bytes {
        None => texts.map(|text| (*text).to_owned()).collect(),
        Some(bytes) => texts.map(|text| repeated(text, bytes)).collect(),
    }
}

/// `text` again and again, `bytes` long; where the next character doesn't fit, dots.
fn repeated(text: &str, bytes: usize) -> String {
    let mut all = String::with_capacity(bytes);
    for character in text.chars().cycle() {
        if all.len() + character.len_utf8() > bytes {
            break;
        }
        all.push(character);
    }
    all.extend(std::iter::repeat_n('.', bytes - all.len()));
    all
}
