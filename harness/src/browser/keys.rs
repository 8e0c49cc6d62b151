//! Keys, as `WebDriver` presses them.

use serde_json::{Value, json};

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "it is what stands on the key")]
pub enum Key {
    Alt,
    Backspace,
    Control,
    Delete,
    Down,
    End,
    Enter,
    Escape,
    Home,
    Left,
    PageDown,
    PageUp,
    Right,
    Shift,
    Space,
    Tab,
    Up,
    /// One that types this.
    Char(char),
}

impl Key {
    /// Its code: keys that type nothing have one in Unicode's private area.
    fn code(self) -> char {
        match self {
            Self::Backspace => '\u{e003}',
            Self::Tab => '\u{e004}',
            Self::Enter => '\u{e007}',
            Self::Shift => '\u{e008}',
            Self::Control => '\u{e009}',
            Self::Alt => '\u{e00a}',
            Self::Escape => '\u{e00c}',
            Self::Space => ' ',
            Self::PageUp => '\u{e00e}',
            Self::PageDown => '\u{e00f}',
            Self::End => '\u{e010}',
            Self::Home => '\u{e011}',
            Self::Left => '\u{e012}',
            Self::Up => '\u{e013}',
            Self::Right => '\u{e014}',
            Self::Down => '\u{e015}',
            Self::Delete => '\u{e017}',
            Self::Char(c) => c,
        }
    }
}

/// `key`, while others are held down.
pub(super) fn pressed(held: &[Key], key: Key) -> Value {
    let down = held.iter().map(|key| event("keyDown", *key));
    let up = held.iter().rev().map(|key| event("keyUp", *key));
    actions(&down.chain(press(key)).chain(up).collect::<Vec<_>>())
}

/// Each character of a text in turn.
pub(super) fn typed(text: &str) -> Value {
    actions(&text.chars().map(Key::Char).flat_map(press).collect::<Vec<_>>())
}

fn press(key: Key) -> [Value; 2] {
    [event("keyDown", key), event("keyUp", key)]
}

fn event(kind: &str, key: Key) -> Value {
    json!({ "type": kind, "value": key.code() })
}

fn actions(events: &[Value]) -> Value {
    json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": events }] })
}
