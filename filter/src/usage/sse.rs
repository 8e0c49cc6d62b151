//! The lines of an event stream: hands the data of each event to the JSON reader.

use memchr::memchr2;

use super::{findings::Findings, json::Json};

/// Where an event stream stands.
#[derive(Clone, Debug)]
pub(super) struct Sse {
    line: Line,
    /// The last byte was a CR that ended its line: an LF belongs to it.
    after_cr: bool,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    /// So many bytes of [`DATA`] have been read, and nothing else.
    Name { len: usize },
    /// Right after the colon: one space may be left out.
    Colon,
    /// So many bytes of [`DONE`] have been read, or something else.
    Data { done: Option<usize> },
    /// A comment or another field.
    Other,
}

const DATA: [u8; 4] = *b"data";

/// The data of the event with which `OpenAI`'s streams end.
const DONE: [u8; 6] = *b"[DONE]";

impl Sse {
    pub(super) const fn new() -> Self {
        Self { line: Line::Name { len: 0 }, after_cr: false }
    }

    pub(super) fn read(&mut self, bytes: &[u8], json: &mut Json, findings: &mut Findings) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            rest = match self.line {
                _ if byte == b'\n' && self.after_cr => {
                    self.after_cr = false;
                    after
                }
                _ if byte == b'\n' || byte == b'\r' => {
                    self.after_cr = byte == b'\r';
                    self.end_line(json, findings);
                    after
                }
                Line::Name { len } => {
                    self.after_cr = false;
                    self.line = match DATA.get(len) {
                        Some(expected) if *expected == byte => Line::Name { len: len + 1 },
                        None if byte == b':' => Line::Colon,
                        _ => Line::Other,
                    };
                    after
                }
                Line::Colon => {
                    self.line = Line::Data { done: Some(0) };
                    if byte == b' ' { after } else { rest }
                }
                Line::Data { .. } | Line::Other => {
                    let len = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                    let (text, line_end) = rest.split_at_checked(len).unwrap_or((rest, &[]));
                    if let Line::Data { done } = self.line {
                        self.line = Line::Data { done: done.and_then(|len| done_len(len, text)) };
                        if matches!(self.line, Line::Data { done: Some(len) } if len == DONE.len())
                        {
                            findings.end();
                        }
                        json.read(text, findings);
                    }
                    line_end
                }
            };
        }
    }

    fn end_line(&mut self, json: &mut Json, findings: &mut Findings) {
        match self.line {
            Line::Name { len: 0 } => json.reset(),
            // The event's data lines are joined by line feeds.
            Line::Colon | Line::Data { .. } => json.read(b"\n", findings),
            Line::Name { .. } | Line::Other => {}
        }
        self.line = Line::Name { len: 0 };
    }
}

/// How much of [`DONE`] there is when `text` follows the first `len` bytes of it; nothing when
/// it is something else. What comes after it does not matter.
fn done_len(len: usize, text: &[u8]) -> Option<usize> {
    let left = DONE.get(len..)?;
    let is_same = left.iter().zip(text).all(|(expected, byte)| expected == byte);
    is_same.then_some(len + left.len().min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::{super::place::Scope, *};

    /// Reads a stream at once and byte by byte.
    fn check(stream: &str, expected: Option<u64>) {
        for piece_len in [1, stream.len()] {
            let (mut sse, mut findings) = (Sse::new(), Findings::new());
            let mut json = Json::new(Scope::Event);
            for piece in stream.as_bytes().chunks(piece_len) {
                sse.read(piece, &mut json, &mut findings);
            }
            let tokens = findings.figures.usage().map(|usage| usage.tokens.get());
            assert_eq!(tokens, expected, "{stream:?} in pieces of {piece_len}");
        }
    }

    #[test]
    fn each_line_end_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            check(
                &format!("event: a{end}data: {{\"usage\":{{\"total_tokens\":7}}}}{end}{end}"),
                Some(7),
            );
            check(
                &format!(
                    "data: {{\"usage\":{end}data: {{{end}data:\"total_tokens\":{end}: no{end}data{end}\
                     data:  8}}}}{end}{end}"
                ),
                Some(8),
            );
            check(
                &format!("data: {{{end}{end}data: \"usage\":{{\"total_tokens\":7}}}}{end}"),
                None,
            );
        }
    }

    #[test]
    fn one_space_after_the_colon_is_optional() {
        check("data:{\"usage\":{\"total_tokens\":7}}\n\n", Some(7));
        check("data:   {\"usage\":{\"total_tokens\":7}}\n\n", Some(7));
    }

    #[test]
    fn other_fields_and_comments_are_no_data() {
        for name in ["event", "dat", "data ", " data", "datas", "id", "", "Data", "\u{feff}data"] {
            check(&format!("{name}: {{\"usage\":{{\"total_tokens\":7}}}}\n\n"), None);
        }
    }

    #[test]
    fn an_event_that_is_no_json_is_ignored() {
        check("data: [DONE]\n\ndata: {\"usage\":{\"total_tokens\":7}}\n\n", Some(7));
        check("data: {\"a\n\ndata: {\"usage\":{\"total_tokens\":7}}\n\n", Some(7));
        check("data: }{]\"\n\ndata: {\"usage\":{\"total_tokens\":7}}\n\n", Some(7));
        check("data: oh {\"usage\":{\"total_tokens\":7}}\n\n", None);
    }
}
