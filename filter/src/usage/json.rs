//! Finds the usage objects of a JSON document or of an event's data.
//!
//! Only the few levels where usage can stand are followed by their keys; everything else is the
//! model's own and skipped, whatever it contains and however deep it is.

use memchr::memchr2;

use super::{
    figures::{Figures, Place},
    key::Key,
    number::Number,
};

/// A text of JSON as far as it has been read.
#[derive(Clone, Debug)]
pub(super) struct Json {
    scope: Scope,
    next: Next,
    level: Level,
    /// The root is an array of objects.
    in_list: bool,
    /// Containers that are open below `level`.
    skipped: u64,
    key: Key,
    number: Number,
}

/// What the text is: an event's data has usage in one place more than a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Document,
    Event,
}

/// The innermost container that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Outside,
    List,
    Root,
    /// An event's `response` or `message`.
    Carrier(Place),
    Usage(Place),
}

/// What may come next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    InKey,
    KeyEscape,
    KeyUnicode {
        unit: u16,
        digits: u8,
    },
    Colon,
    InText,
    TextEscape,
    /// A number, or one of the three words.
    InScalar,
    CommaOrEnd,
    InSkipped,
    /// The text is no JSON: nothing in it counts any more.
    Nothing,
}

impl Json {
    pub(super) const fn new(scope: Scope) -> Self {
        Self {
            scope,
            next: Next::Value,
            level: Level::Outside,
            in_list: false,
            skipped: 0,
            key: Key::new(),
            number: Number::new(),
        }
    }

    /// Expects another text.
    pub(super) fn reset(&mut self) {
        self.next = Next::Value;
        self.level = Level::Outside;
        self.in_list = false;
        self.skipped = 0;
    }

    pub(super) fn read(&mut self, bytes: &[u8], figures: &mut Figures) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            // Most of a response is text: it is searched, not stepped through.
            rest = match self.next {
                Next::InText => self.skip_text(rest),
                Next::InKey => self.read_key(rest),
                Next::InSkipped => self.skip(rest),
                Next::Nothing => return,
                _ => {
                    self.next = self.step(byte, figures);
                    after
                }
            };
        }
    }

    fn step(&mut self, byte: u8, figures: &mut Figures) -> Next {
        match (self.next, byte) {
            (Next::KeyEscape, _) => self.escape(byte),
            (Next::KeyUnicode { unit, digits }, _) => self.unicode(unit, digits, byte),
            (Next::TextEscape, _) => Next::InText,
            (Next::InScalar, _) if is_scalar(byte) => {
                self.number.push(byte);
                Next::InScalar
            }
            (Next::InScalar, _) => {
                self.end_scalar(figures);
                self.next = Next::CommaOrEnd;
                self.step(byte, figures)
            }
            (next, b' ' | b'\t' | b'\r' | b'\n') => next,
            (Next::KeyOrEnd, b'}') | (Next::ValueOrEnd, b']') => self.close(figures),
            (Next::Key | Next::KeyOrEnd, b'"') => {
                self.key.clear();
                Next::InKey
            }
            (Next::Colon, b':') => Next::Value,
            (Next::Value | Next::ValueOrEnd, _) => self.begin_value(byte, figures),
            (Next::CommaOrEnd, _) => match (self.level, byte) {
                (Level::List, b',') => Next::Value,
                (Level::Root | Level::Carrier(_) | Level::Usage(_), b',') => Next::Key,
                (Level::List, b']') | (Level::Root | Level::Carrier(_) | Level::Usage(_), b'}') => {
                    self.close(figures)
                }
                _ => Next::Nothing,
            },
            _ => Next::Nothing,
        }
    }

    fn begin_value(&mut self, byte: u8, figures: &mut Figures) -> Next {
        match byte {
            b'"' => Next::InText,
            b'{' => self.open_object(figures),
            b'[' if self.level == Level::Outside => {
                self.level = Level::List;
                self.in_list = true;
                Next::ValueOrEnd
            }
            b'[' => self.begin_skipped(),
            _ if is_scalar(byte) => {
                self.number = Number::new();
                self.number.push(byte);
                Next::InScalar
            }
            _ => Next::Nothing,
        }
    }

    fn open_object(&mut self, figures: &mut Figures) -> Next {
        let is_event = self.scope == Scope::Event;
        self.level = match (self.level, self.key.get()) {
            (Level::Outside | Level::List, _) => Level::Root,
            (Level::Root, Some(b"usage")) => Level::Usage(Place::Root),
            (Level::Root, Some(b"usageMetadata")) => Level::Usage(Place::Metadata),
            (Level::Root, Some(b"response")) if is_event => Level::Carrier(Place::Response),
            (Level::Root, Some(b"message")) if is_event => Level::Carrier(Place::Message),
            (Level::Carrier(place), Some(b"usage")) => Level::Usage(place),
            _ => return self.begin_skipped(),
        };
        if let Level::Usage(place) = self.level {
            figures.open(place);
        }
        Next::KeyOrEnd
    }

    fn close(&mut self, figures: &mut Figures) -> Next {
        self.level = match self.level {
            Level::Usage(place) => {
                figures.close();
                match place {
                    Place::Root | Place::Metadata => Level::Root,
                    Place::Response | Place::Message => Level::Carrier(place),
                }
            }
            Level::Carrier(_) => Level::Root,
            Level::Root if self.in_list => Level::List,
            Level::Root | Level::List | Level::Outside => Level::Outside,
        };
        Next::CommaOrEnd
    }

    fn end_scalar(&self, figures: &mut Figures) {
        if let (Level::Usage(_), Some(key), Some(value)) =
            (self.level, self.key.get(), self.number.get())
        {
            figures.take(key, value);
        }
    }

    fn begin_skipped(&mut self) -> Next {
        self.skipped = 1;
        Next::InSkipped
    }

    /// Goes on to the next quote or bracket of what is skipped.
    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let is_mark = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
        let Some(at) = bytes.iter().position(is_mark) else { return &[] };
        match bytes.get(at) {
            Some(b'"') => self.next = Next::InText,
            Some(b'{' | b'[') => self.skipped = self.skipped.saturating_add(1),
            _ => {
                self.skipped = self.skipped.saturating_sub(1);
                self.next = self.after_value();
            }
        }
        bytes.get(at + 1..).unwrap_or_default()
    }

    /// Goes on to the end of a text, or to what is escaped in it.
    fn skip_text<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(at) = memchr2(b'"', b'\\', bytes) else { return &[] };
        let is_escape = bytes.get(at) == Some(&b'\\');
        self.next = if is_escape { Next::TextEscape } else { self.after_value() };
        bytes.get(at + 1..).unwrap_or_default()
    }

    fn read_key<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let at = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
        let (text, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
        self.key.push(text);
        let Some((mark, rest)) = rest.split_first() else { return &[] };
        self.next = if *mark == b'"' { Next::Colon } else { Next::KeyEscape };
        rest
    }

    fn after_value(&self) -> Next {
        if self.skipped > 0 { Next::InSkipped } else { Next::CommaOrEnd }
    }

    fn escape(&mut self, byte: u8) -> Next {
        match byte {
            b'u' => return Next::KeyUnicode { unit: 0, digits: 0 },
            b'"' | b'\\' | b'/' => self.key.push(&[byte]),
            // No name has a control character, so it does not matter which one it is.
            b'b' | b'f' | b'n' | b'r' | b't' => self.key.push(b"\n"),
            _ => return Next::Nothing,
        }
        Next::InKey
    }

    fn unicode(&mut self, unit: u16, digits: u8, byte: u8) -> Next {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return Next::Nothing,
        };
        // Four digits of four bits fill the unit exactly.
        let unit = (unit << 4) | u16::from(digit);
        if digits < 3 {
            return Next::KeyUnicode { unit, digits: digits + 1 };
        }
        self.key.push_unit(unit);
        Next::InKey
    }
}

fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text at once and byte by byte.
    fn check_as(scope: Scope, text: &str, expected: Option<u64>) {
        for piece_len in [1, text.len().max(1)] {
            let (mut json, mut figures) = (Json::new(scope), Figures::new());
            for piece in text.as_bytes().chunks(piece_len) {
                json.read(piece, &mut figures);
            }
            let tokens = figures.usage().map(|usage| usage.tokens.get());
            assert_eq!(tokens, expected, "{text} in pieces of {piece_len}");
        }
    }

    fn check(text: &str, expected: Option<u64>) {
        check_as(Scope::Document, text, expected);
        check_as(Scope::Event, text, expected);
    }

    #[test]
    fn usage_stands_at_the_root_or_in_the_elements_of_a_root_array() {
        check(r#"{"usage":{"total_tokens":7}}"#, Some(7));
        check(r#" { "a" : [ 1 , "" , null ] , "usage" : { "total_tokens" : 7 } } "#, Some(7));
        check(
            r#"[{"usageMetadata":{"totalTokenCount":6}},{"usageMetadata":{"totalTokenCount":7}}]"#,
            Some(7),
        );
        check(r#"[1,"",[],{},{"usage":{"total_tokens":7}}]"#, Some(7));
    }

    #[test]
    fn an_event_can_carry_usage_in_its_response_or_message() {
        for carrier in ["response", "message"] {
            let text =
                format!(r#"{{"{carrier}":{{"a":[],"usage":{{"input_tokens":7}},"b":1}},"c":2}}"#);
            check_as(Scope::Event, &text, Some(7));
            check_as(Scope::Document, &text, None);
        }
        check(r#"{"message":{"message":{"usage":{"input_tokens":7}}}}"#, None);
        check(r#"{"message":[{"usage":{"input_tokens":7}}]}"#, None);
    }

    #[test]
    fn usage_stands_nowhere_else() {
        for text in [
            r#"{"metadata":{"usage":{"total_tokens":7}}}"#,
            r#"{"choices":[{"message":{"usage":{"total_tokens":7}}}]}"#,
            r#"{"output":[{"usage":{"total_tokens":7}}]}"#,
            r#"{"usage":[{"total_tokens":7}]}"#,
            r#"{"usage":"{\"total_tokens\":7}"}"#,
            r#"{"usage":{"details":{"total_tokens":7}}}"#,
            r#"{"usage":{"usage":{"total_tokens":7}}}"#,
            r#"{"usageMetadata":{"total_tokens":7}}"#,
            r#"{"Usage":{"total_tokens":7}}"#,
            r#"[[{"usage":{"total_tokens":7}}]]"#,
            r#"{"a":"\"","b":"usage\":{\"total_tokens\":7}"}"#,
            r#""usage":{"total_tokens":7}"#,
            r#"{"":{"usage":{"total_tokens":7}}}"#,
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_is_nested_in_usage_is_ignored() {
        check(
            r#"{"usage":{"a":{"total_tokens":8,"b":[{}]},"total_tokens":7,"c":[9],"d":"total_tokens"}}"#,
            Some(7),
        );
    }

    #[test]
    fn null_leaves_what_is_known() {
        check(r#"{"usage":{"total_tokens":7},"usage":null}"#, Some(7));
        check(r#"{"usage":{"total_tokens":7,"prompt_tokens":null}}"#, Some(7));
        check(r#"{"usage":null}"#, None);
    }

    #[test]
    fn keys_are_compared_unescaped() {
        check(r#"{"us\u0061ge":{"\u0074otal\u005Ftokens":7}}"#, Some(7));
        check(r#"{"usage\u0000":{"total_tokens":7}}"#, None);
        check(r#"{"usage\n":{"total_tokens":7}}"#, None);
        check(r#"{"us\u0161ge":{"total_tokens":7}}"#, None);
        check(&format!(r#"{{"{}usage":{{"total_tokens":7}}}}"#, "a".repeat(1_000)), None);
    }

    #[test]
    fn an_object_counts_when_it_is_closed() {
        check(r#"{"usage":{"total_tokens":7"#, None);
        check(r#"{"usage":{"total_tokens":7}"#, Some(7));
    }

    #[test]
    fn any_depth_is_skipped() {
        let (open, shut) = (r#"{"a":["#.repeat(10_000), "]}".repeat(10_000));
        check(&format!(r#"{{"a":{open}{shut},"usage":{{"total_tokens":7}}}}"#), Some(7));
    }

    #[test]
    fn nothing_counts_after_what_is_no_json() {
        for start in [
            "{,",
            "{]",
            "{1",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1 2,",
            "{\"\\x\":1,",
            "{}",
            "1",
            "[}",
            "[,",
        ] {
            check(&format!(r#"{start}"usage":{{"total_tokens":7}}}}"#), None);
            check(&format!(r#"{start}{{"usage":{{"total_tokens":7}}}}"#), None);
        }
        check(r#"{"usage":{"total_tokens" 7}}"#, None);
        check(r#"{"usage":{"total_tokens":7]}"#, None);
        check(r#"{"usage":{"total_tokens":7,}}"#, None);
        check(r#"{"usage":{"total_tokens":7.5.5}}"#, None);
        check(r#"{"usage":{"total_tokens":-7}}"#, None);
    }
}
