//! A stranger's text in a message or a log line.

use std::{borrow::Cow, fmt, path::Path};

use serde_json::Value;

/// Characters of a text that are repeated.
const CHARS_MAX: usize = 64;

/// Characters of a text that are looked at: what is left of them without secrets fills the excerpt in
/// all but the oddest texts.
const CHARS_READ_MAX: usize = 4 * CHARS_MAX;

/// The beginning of a text, as it may stand in a message or a log: one line, not too long, without
/// characters that a terminal obeys or nobody sees, and without what is secret in keys and tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Of `text` as it is, which may be one in any notation.
    pub fn new(text: &str) -> Self {
        let end = text.char_indices().nth(CHARS_READ_MAX).map(|(end, _)| end);
        let read = without_secrets(end.and_then(|end| text.get(..end)).unwrap_or(text));
        let mut excerpt = String::new();
        let mut chars = read.chars();
        for c in chars.by_ref().take(CHARS_MAX) {
            match c {
                '"' | '\'' | '\\' => excerpt.push(c),
                _ => excerpt.extend(c.escape_debug()),
            }
        }
        if chars.next().is_some() || end.is_some() {
            excerpt.push('…');
        }
        Self(excerpt)
    }

    /// Of `text` in quotation marks, with the escapes of JSON, whichever API it came by.
    pub fn quoted(text: &str) -> Self {
        Self::new(&Value::from(text).to_string())
    }

    /// As a field of a log line has it, which the log's own format puts in quotation marks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `text` with an ellipsis in the place of what is secret in each key and token. People put these
/// where something else belongs: an id, a file's name.
pub(crate) fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut shown = String::new();
    while let Some(secret) = proto::secret_in(rest.as_bytes()) {
        // It is of ASCII, and so are the characters beside it.
        let (Some(before), Some(after)) = (rest.get(..secret.start), rest.get(secret.end..)) else {
            break;
        };
        shown.extend([before, "…"]);
        rest = after;
    }
    if shown.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(shown + rest) }
}

/// A path as it may stand in a message: in one line, without characters that a terminal obeys, and
/// without what is secret in a key or a token that was given in the place of a path.
pub(crate) fn path_in_one_line(path: &Path) -> String {
    let mut line = String::new();
    for c in without_secrets(&path.to_string_lossy()).chars() {
        match c {
            '"' | '\'' | '\\' => line.push(c),
            _ => line.extend(c.escape_debug()),
        }
    }
    line
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_in_one_line_and_cut_where_it_is_too_long() {
        assert_eq!(Excerpt::new("[1,\n\t\u{202e}2]").to_string(), "[1,\\n\\t\\u{202e}2]");
        let long = "ü".repeat(CHARS_MAX + 1);
        assert_eq!(Excerpt::new(&long).to_string(), "ü".repeat(CHARS_MAX) + "…");
    }

    #[test]
    fn a_path_is_shown_in_one_line_whatever_its_name() {
        let path = Path::new("/data/a b\n\u{1b}[31m\"é\"\\\u{202e}\u{200b}");
        assert_eq!(path_in_one_line(path), "/data/a b\\n\\u{1b}[31m\"é\"\\\\u{202e}\\u{200b}");
    }

    #[test]
    fn what_is_secret_in_a_key_is_never_shown_however_it_is_cut() {
        let secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
        let key = format!("fgk_abcDEF123456_{secret}");
        assert_eq!(Excerpt::quoted(&key).to_string(), "\"fgk_abcDEF123456_…\"");
        assert_eq!(Excerpt::new(&format!("[{key},{key}]")).to_string(), {
            "[fgk_abcDEF123456_…,fgk_abcDEF123456_…]"
        });
        for before in 0..300 {
            let text = "é".repeat(before) + &key + &key;
            for shown in [Excerpt::new(&text), Excerpt::quoted(&text)] {
                assert!(!shown.as_str().contains("_0"), "{shown}");
                let chars = shown.as_str().chars().count();
                assert!(chars <= CHARS_MAX + 1, "{chars}: {shown}");
            }
        }
        let path = path_in_one_line(Path::new(&format!("/run/{key}")));
        assert_eq!(path, "/run/fgk_abcDEF123456_…");
    }

    #[test]
    fn a_quotation_ends_where_the_text_does() {
        assert_eq!(Excerpt::quoted("a \"b\"\\\n").to_string(), r#""a \"b\"\\\n""#);
    }
}
