//! Somebody else's text in a message of ours.

/// More of one text helps nobody: an invalid document can have a line for each of its errors.
const CHARS_MAX: usize = 16 * 1_024;

/// The text, printable: a terminal obeys control characters. Lines stay lines.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for character in text.trim_end().chars().take(CHARS_MAX) {
        if character == '\n' || !character.is_control() {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
    }
    if text.trim_end().chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The same in one line.
pub(crate) fn in_one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_a_server_says() {
        assert_eq!(printable("a\u{1b}[2J\nb\r"), "a\\u{1b}[2J\nb");
        assert_eq!(in_one_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(printable(&"x".repeat(CHARS_MAX + 1)), format!("{}…", "x".repeat(CHARS_MAX)));
    }
}
