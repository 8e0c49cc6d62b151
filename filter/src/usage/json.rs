//! Reads JSON as it passes: documents one after the other, each on a line of its own, or the data
//! of an event.
//!
//! Every container is followed by the names that lead to it, as far as something can stand in it;
//! what else a response contains is the model's own and skipped, however deep it is.

use memchr::memchr2;

use super::{
    figures,
    findings::Findings,
    key::Key,
    nesting::{Container, Nesting},
    number::Number,
    place::{self, Place, Scope},
};

/// A text of JSON as far as it has been read.
#[derive(Clone, Debug)]
pub(super) struct Json {
    scope: Scope,
    next: Next,
    nesting: Nesting,
    key: Key,
    /// The scalar that is read, where it can be a figure.
    number: Option<Number>,
}

/// What may come next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Document,
    /// A line end, after which another document may begin.
    LineEnd,
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    In(Text),
    Escape(Text),
    Unicode {
        text: Text,
        unit: u16,
        digits: u8,
    },
    /// A number, or one of the three words.
    InScalar,
    CommaOrEnd,
    InSkipped,
    /// The text is no JSON: nothing in it counts any more.
    Nothing,
}

/// What a string is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Key,
    /// The kind of an event.
    Kind,
    /// The model's words, which are counted.
    Content,
    /// Nothing.
    Other,
}

/// Between the documents of a JSON text sequence (RFC 7464).
pub(super) const RECORD_SEPARATOR: u8 = 0x1e;

impl Json {
    pub(super) const fn new(scope: Scope) -> Self {
        Self { scope, next: Next::Document, nesting: Nesting::new(), key: Key::new(), number: None }
    }

    /// Expects another text.
    pub(super) fn reset(&mut self) {
        self.next = Next::Document;
        self.nesting.clear();
    }

    pub(super) fn read(&mut self, bytes: &[u8], findings: &mut Findings) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            // Most of a response is text: it is searched, not stepped through.
            rest = match self.next {
                Next::In(text) => self.read_text(text, rest, findings),
                Next::InScalar => self.read_scalar(rest, findings),
                Next::InSkipped => self.skip(rest),
                Next::Nothing => return,
                _ => {
                    self.next = self.step(byte, findings);
                    after
                }
            };
        }
    }

    fn step(&mut self, byte: u8, findings: &mut Findings) -> Next {
        match self.next {
            Next::Escape(text) => self.escape(text, byte, findings),
            Next::Unicode { text, unit, digits } => {
                self.unicode(text, unit, digits, byte, findings)
            }
            Next::Document | Next::LineEnd if is_line_end(byte) => Next::Document,
            next if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') => next,
            Next::Colon if byte == b':' => Next::Value,
            Next::Key | Next::KeyOrEnd if byte == b'"' => {
                self.key.clear();
                Next::In(Text::Key)
            }
            Next::KeyOrEnd if byte == b'}' => self.close(findings),
            Next::ValueOrEnd if byte == b']' => self.close(findings),
            Next::Value | Next::ValueOrEnd => self.begin_value(byte, findings),
            Next::CommaOrEnd => match (self.nesting.innermost(), byte) {
                (Some((Container::Object, _)), b',') => Next::Key,
                (Some((Container::List, _)), b',') => Next::Value,
                (Some((Container::Object, _)), b'}') | (Some((Container::List, _)), b']') => {
                    self.close(findings)
                }
                _ => Next::Nothing,
            },
            Next::Document => match byte {
                b'{' => self.open(Container::Object, Place::Root, findings),
                b'[' => self.open(Container::List, Place::Roots, findings),
                _ => Next::Nothing,
            },
            _ => Next::Nothing,
        }
    }

    fn begin_value(&mut self, byte: u8, findings: &mut Findings) -> Next {
        let place = match self.nesting.innermost() {
            Some((Container::Object, place)) => {
                if place == Place::Root
                    && findings.figures.are_in_doubt()
                    && place::is_of_envelope(self.key.get())
                {
                    findings.figures.recognise();
                }
                place.member(self.key.get(), self.scope)
            }
            Some((Container::List, place)) => place.element(self.scope),
            None => return Next::Nothing,
        };
        if place == Place::ConverseEvent {
            findings.figures.own_by_converse();
        }
        match byte {
            b'"' if place == Place::Kind => {
                self.key.clear();
                Next::In(Text::Kind)
            }
            b'"' if place.is_text(self.scope) => Next::In(Text::Content),
            b'"' => Next::In(Text::Other),
            b'{' => self.open(Container::Object, place.of_object(self.scope), findings),
            b'[' => self.open(Container::List, place.of_list(self.scope), findings),
            _ if is_scalar(byte) => {
                if place == Place::Done && byte == b't' {
                    findings.mark_last();
                }
                self.begin_scalar(byte)
            }
            _ => Next::Nothing,
        }
    }

    /// Most scalars are no figures: their digits need not be read.
    fn begin_scalar(&mut self, first: u8) -> Next {
        let counts = match self.nesting.innermost() {
            Some((Container::Object, place)) => figures::counts(place, self.key.get()),
            _ => false,
        };
        self.number = counts.then(|| Number::beginning_with(first));
        Next::InScalar
    }

    /// Goes on to the end of a number or a word.
    fn read_scalar<'a>(&mut self, bytes: &'a [u8], findings: &mut Findings) -> &'a [u8] {
        let len = bytes.iter().position(|byte| !is_scalar(*byte)).unwrap_or(bytes.len());
        let (scalar, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
        if let Some(number) = &mut self.number {
            for byte in scalar {
                number.push(*byte);
            }
        }
        if !rest.is_empty() {
            self.end_scalar(findings);
            self.next = Next::CommaOrEnd;
        }
        rest
    }

    fn open(&mut self, container: Container, place: Place, findings: &mut Findings) -> Next {
        if place == Place::Root {
            findings.begin_document();
        }
        if !self.nesting.open(container, place) {
            return Next::InSkipped;
        }
        match container {
            Container::Object => Next::KeyOrEnd,
            Container::List => Next::ValueOrEnd,
        }
    }

    fn close(&mut self, findings: &mut Findings) -> Next {
        match self.nesting.close() {
            Some(Place::Root) => findings.end_document(),
            Some(Place::ConverseUsage) if findings.figures.are_converses() => {
                findings.figures.close();
                findings.mark_last();
            }
            Some(place) if place.has_figures() => findings.figures.close(),
            _ => {}
        }
        self.after_value()
    }

    fn end_scalar(&self, findings: &mut Findings) {
        let value = self.number.and_then(|number| number.get());
        if let (Some((_, place)), Some(value)) = (self.nesting.innermost(), value) {
            findings.figures.take(place, self.key.get(), value);
        }
    }

    /// Goes on to the next quote or bracket of what is skipped.
    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let is_mark = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
        let Some(at) = bytes.iter().position(is_mark) else { return &[] };
        match bytes.get(at) {
            Some(b'"') if self.nesting.skips_content() => self.next = Next::In(Text::Content),
            Some(b'"') => self.next = Next::In(Text::Other),
            Some(b'{' | b'[') => self.nesting.skip(),
            _ => {
                self.nesting.close();
                self.next = self.after_value();
            }
        }
        bytes.get(at + 1..).unwrap_or_default()
    }

    /// Goes on to the end of a string, or to what is escaped in it.
    fn read_text<'a>(&mut self, text: Text, bytes: &'a [u8], findings: &mut Findings) -> &'a [u8] {
        let at = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
        let (piece, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
        match text {
            Text::Key | Text::Kind => self.key.push(piece),
            Text::Content => findings.observed.add(piece.len()),
            Text::Other => {}
        }
        let Some((mark, rest)) = rest.split_first() else { return &[] };
        self.next = match text {
            _ if *mark == b'\\' => Next::Escape(text),
            Text::Key => Next::Colon,
            Text::Kind => {
                if place::is_end(self.key.get()) {
                    findings.mark_last();
                }
                Next::CommaOrEnd
            }
            Text::Content | Text::Other => self.after_value(),
        };
        rest
    }

    fn after_value(&self) -> Next {
        if self.nesting.is_skipping() {
            Next::InSkipped
        } else if self.nesting.innermost().is_some() {
            Next::CommaOrEnd
        } else {
            Next::LineEnd
        }
    }

    fn escape(&mut self, text: Text, byte: u8, findings: &mut Findings) -> Next {
        match (text, byte) {
            (Text::Other, _) => {}
            (_, b'u') => return Next::Unicode { text, unit: 0, digits: 0 },
            (Text::Content, _) => findings.observed.add(1),
            (Text::Key | Text::Kind, b'"' | b'\\' | b'/') => self.key.push(&[byte]),
            // No name has a control character, so it does not matter which one it is.
            (Text::Key | Text::Kind, b'b' | b'f' | b'n' | b'r' | b't') => self.key.push(b"\n"),
            (Text::Key | Text::Kind, _) => return Next::Nothing,
        }
        Next::In(text)
    }

    fn unicode(
        &mut self,
        text: Text,
        unit: u16,
        digits: u8,
        byte: u8,
        findings: &mut Findings,
    ) -> Next {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return Next::Nothing,
        };
        // Four digits of four bits fill the unit exactly.
        let unit = (unit << 4) | u16::from(digit);
        if digits < 3 {
            return Next::Unicode { text, unit, digits: digits + 1 };
        }
        match text {
            Text::Content => findings.observed.add(utf8_len(unit)),
            Text::Key | Text::Kind | Text::Other => self.key.push_unit(unit),
        }
        Next::In(text)
    }
}

/// The bytes of an escaped code unit that is worth escaping; two surrogates are one character.
fn utf8_len(unit: u16) -> usize {
    if (0xd800..0xe000).contains(&unit) { 2 } else { 3 }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | RECORD_SEPARATOR)
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
            let (mut json, mut findings) = (Json::new(scope), Findings::new());
            for piece in text.as_bytes().chunks(piece_len) {
                json.read(piece, &mut findings);
            }
            let tokens = findings.figures.usage().map(|usage| usage.tokens.get());
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
