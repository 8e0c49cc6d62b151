//! A stranger's text in a message or a log line.

use std::{fmt, path::Path};

use serde_json::Value;

/// Characters of a text that are repeated.
const CHARS_MAX: usize = 64;

/// The beginning of a text, as it may stand in a message or a log: one line, not too long, and
/// without characters that a terminal obeys or nobody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Of `text` as it is, which may be one in any notation.
    pub fn new(text: &str) -> Self {
        let mut excerpt = String::new();
        let mut chars = text.chars();
        for c in chars.by_ref().take(CHARS_MAX) {
            match c {
                '"' | '\'' | '\\' => excerpt.push(c),
                _ => excerpt.extend(c.escape_debug()),
            }
        }
        if chars.next().is_some() {
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

/// A path as it may stand in a message: in one line, and without characters that a terminal obeys.
pub(crate) fn path_in_one_line(path: &Path) -> String {
    let mut line = String::new();
    for c in path.to_string_lossy().chars() {
        if c.is_control() { line.extend(c.escape_debug()) } else { line.push(c) }
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
        let path = Path::new("/data/a b\n\u{1b}[31m\"é\"");
        assert_eq!(path_in_one_line(path), "/data/a b\\n\\u{1b}[31m\"é\"");
    }

    #[test]
    fn a_quotation_ends_where_the_text_does() {
        assert_eq!(Excerpt::quoted("a \"b\"\\\n").to_string(), r#""a \"b\"\\\n""#);
    }
}
