//! What stdout and stderr are told.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use crate::{
    failure::Failure,
    json::{self, Wrong},
    message::printable,
    options::Format,
};

/// How one kind of answer is shown.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// For people.
    pub(crate) table: fn(&Value) -> Result<String, Wrong>,
    /// The names of what is in it.
    pub(crate) names: fn(&Value) -> Result<Vec<String>, Wrong>,
}

/// An answer in this format; in JSON it is not even read.
pub(crate) fn show(
    format: Format,
    server: &impl ToString,
    body: &[u8],
    view: View,
) -> Result<(), Failure> {
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

/// A value in YAML.
pub(crate) fn yaml(value: &impl serde::Serialize) -> Result<String, Wrong> {
    serde_saphyr::to_string(value).map_err(|error| Wrong(error.to_string()))
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

/// Says an answer's `message`, which is words.
pub(crate) fn say_message(body: &[u8]) {
    let answer = json::read(body).ok();
    if let Some(message) = answer.as_ref().and_then(|answer| json::text(answer, "message").ok()) {
        say(message);
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
        ] {
            let text = yaml(&value).unwrap();
            let read: Value =
                serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(read, value, "{text}");
        }
    }
}
