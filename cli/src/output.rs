//! What stdout and stderr are told.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use crate::{
    failure::Failure,
    json::{self, InOrder, Wrong},
    message::{is_hidden, printable},
    options::Format,
    token::Token,
};

/// How one kind of answer is shown.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// For people.
    pub(crate) table: fn(&Value) -> Result<String, Wrong>,
    /// The names of what is in it.
    pub(crate) names: fn(&Value) -> Result<Vec<String>, Wrong>,
}

/// An answer in this format; as JSON it is shown byte for byte, where it is that.
pub(crate) fn show(
    format: Format,
    server: &impl ToString,
    body: &[u8],
    view: View,
) -> Result<(), Failure> {
    if !json::is_json(body) {
        let body = String::from_utf8_lossy(body).into_owned();
        return Err(Failure::NoJson { server: server.to_string(), body });
    }
    let wrong = |wrong| Failure::Answer { server: server.to_string(), wrong };
    let text = match format {
        Format::Json => return print(body),
        Format::Yaml => yaml(&json::read_in_order(body).map_err(wrong)?).map_err(wrong)?,
        Format::Table => (view.table)(&json::read(body).map_err(wrong)?).map_err(wrong)?,
        Format::Name => {
            let names = (view.names)(&json::read(body).map_err(wrong)?).map_err(wrong)?;
            names.iter().map(|name| crate::message::in_one_line(name) + "\n").collect()
        }
    };
    print(text.as_bytes())
}

/// A value in YAML, in which what nobody sees is written as an escape, and read as what it is.
pub(crate) fn yaml(value: &InOrder) -> Result<String, Wrong> {
    let text = serde_saphyr::to_string(value).map_err(|error| Wrong(error.to_string()))?;
    let is_left = |character| character != '\n' && is_hidden(character);
    if !text.contains(is_left) {
        return Ok(text);
    }
    // Texts with such characters stand in double quotes (`InOrder`), which have these escapes.
    let mut escaped = String::new();
    for character in text.chars() {
        match u32::from(character) {
            _ if !is_left(character) => escaped.push(character),
            code => {
                let (letter, digits) = if code <= 0xffff { ('u', 4) } else { ('U', 8) };
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\{letter}{code:0digits$X}");
            }
        }
    }
    Ok(escaped)
}

/// Whether a reader of stdout has gone away.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether what is written is read by nobody any more.
pub(crate) fn is_closed() -> bool {
    IS_CLOSED.load(Ordering::Relaxed)
}

/// Writes data; a reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Stdout(error)),
        Err(_) => {
            IS_CLOSED.store(true, Ordering::Relaxed);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Says something, in words.
pub(crate) fn say(text: &str) {
    // The command is done all the same.
    let _ = writeln!(io::stderr(), "{}", printable(text));
}

/// Says what should be known and stops nothing.
pub(crate) fn warn(text: &dyn std::fmt::Display) {
    say(&format!("warning: {text}"));
}

/// Says an answer's `message`, which is words, without the token that the server was shown.
pub(crate) fn say_message(body: &[u8], token: Option<&Token>) {
    let answer = json::read(body).ok();
    if let Some(message) = answer.as_ref().and_then(|answer| json::text(answer, "message").ok()) {
        match token {
            Some(token) => say(&token.left_out_of(message)),
            None => say(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_as_yaml_is_read_as_the_same() {
        for value in [
            json!({"clients": {"12": {"rpm": null, "tpm": 1_000_000_000_000_u64}, "~": {}, "no": {}}}),
            json!({"a/b:c": ["*", "x: y", "true", "1e3", "0x1f", "- a", "#", "'", "\""], "e": []}),
            json!({"limits": [{"name": "a", "match": {}, "per": "1d"}]}),
            json!({"a": ["x\u{202e}gpj.exe", "a\u{2028}b", "z\u{200b}w", "\\\u{e0020}\"\n\u{1b}[2J\u{9b}"]}),
        ] {
            let text = yaml(&InOrder::from(&value)).unwrap();
            let read: Value =
                serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(read, value, "{text}");
            assert!(!text.contains(|c| c != '\n' && is_hidden(c)), "{text}");
        }
    }

    #[test]
    fn what_is_hidden_in_a_name_of_a_hostile_server_is_seen() {
        let text = yaml(&InOrder::from(&json!({"a\u{202e}b": 1, "\u{1b}[2J": 2}))).unwrap();
        assert!(!text.contains(|c| c != '\n' && is_hidden(c)), "{text}");
    }
}
