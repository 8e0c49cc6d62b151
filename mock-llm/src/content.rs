//! What the model says: plain words, or text that looks like the protocol around it.

use super::behaviour::{Behaviour, Content, Tokens};
use super::language::{Language, Random};

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

/// What one event of a stream says.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) tokens: u64,
}

/// The pieces of the model's text; a stream sends one in each event.
pub(super) fn pieces(behaviour: &Behaviour) -> Vec<Piece> {
    if behaviour.language.is_some() || behaviour.tokens_per_event.is_some() {
        let language = behaviour.language.unwrap_or(Language::English);
        let tokens = behaviour.tokens_per_event.unwrap_or(Tokens { least: 1, most: 1 });
        return (0..behaviour.chunks as u64).map(|seed| spoken(language, tokens, seed)).collect();
    }
    texts(behaviour).into_iter().map(|text| Piece { text, tokens: 1 }).collect()
}

/// A piece of a language, of any number of tokens within the bounds.
fn spoken(language: Language, Tokens { least, most }: Tokens, seed: u64) -> Piece {
    let tokens = least + Random(!seed).below(most - least + 1);
    Piece { text: language.text(tokens, seed), tokens }
}

fn texts(behaviour: &Behaviour) -> Vec<String> {
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
