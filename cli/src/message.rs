//! Somebody else's text in a message of ours.

use crate::secret::without_secrets;

/// More of one text helps nobody: an invalid document can have a line for each of its errors.
const CHARS_MAX: usize = 16 * 1_024;

/// The text, printable: without characters that a terminal obeys or nobody sees, and without what is
/// secret in keys and tokens. Lines stay lines.
pub(crate) fn printable(text: &str) -> String {
    let text = text.trim_end();
    let end = text.char_indices().nth(CHARS_MAX).map(|(end, _)| end);
    let read = without_secrets(end.and_then(|end| text.get(..end)).unwrap_or(text));
    let mut shown = String::new();
    for character in read.chars() {
        match character {
            '\n' => shown.push('\n'),
            _ if !is_hidden(character) => shown.push(character),
            _ if character.escape_debug().len() > 1 => shown.extend(character.escape_debug()),
            _ => shown.extend(character.escape_unicode()),
        }
    }
    if end.is_some() {
        shown.push('…');
    }
    shown
}

/// The same in one line.
pub(crate) fn in_one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

/// Whether a terminal obeys it, or nobody sees that it is there: what the control plane's log escapes
/// too, and letters that are blank.
pub(crate) fn is_hidden(character: char) -> bool {
    match character {
        ' '..='~' => false,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => true,
        _ => character.escape_debug().len() > 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_a_server_says() {
        assert_eq!(printable("a\u{1b}[2J\nb\r"), "a\\u{1b}[2J\nb");
        assert_eq!(printable("\u{7f}\u{9b}31m"), "\\u{7f}\\u{9b}31m");
        assert_eq!(in_one_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(printable(&"x".repeat(CHARS_MAX + 1)), format!("{}…", "x".repeat(CHARS_MAX)));
        assert_eq!(printable("日本 é \"a\\b' 🦀"), "日本 é \"a\\b' 🦀");
    }

    #[test]
    fn what_nobody_sees_or_turns_a_text_round_is_seen() {
        for character in [
            '\u{61c}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{2028}',
            '\u{2029}',
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0020}',
            '\u{e0100}',
            '\u{a0}',
            '\u{3000}',
        ] {
            let escaped = format!("x\\u{{{:x}}}y", u32::from(character));
            assert_eq!(printable(&format!("x{character}y")), escaped);
        }
    }

    #[test]
    fn no_message_repeats_a_key() {
        let said = "not fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
        assert_eq!(printable(said), "not fgk_abcDEF123456_…");
        for before in CHARS_MAX - 80..CHARS_MAX {
            let shown = printable(&format!("{}{said}", " x".repeat(before / 2)));
            assert!(!shown.contains("_0"), "{}", shown.len());
        }
    }
}
