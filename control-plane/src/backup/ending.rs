//! Whether a document that passes by comes to its end.

use super::{Counts, LINE_BYTES_MAX, Line};

/// Remembers the last line of what was seen.
#[derive(Debug, Default)]
pub struct Ending {
    line: Vec<u8>,
}

impl Ending {
    /// Sees the next bytes.
    pub fn see(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.ends_with(b"\n") {
                self.line.clear();
            }
            // One that is too long is no last line.
            let is_bounded = u64::try_from(self.line.len()).is_ok_and(|len| len <= LINE_BYTES_MAX);
            if is_bounded {
                self.line.extend_from_slice(part);
            }
        }
    }

    /// How much the document has, as its last line says; `None`: it has no end.
    pub fn counts(&self) -> Option<Counts> {
        let line = self.line.strip_suffix(b"\n")?;
        match serde_json::from_slice(line) {
            Ok(Line::End(counts)) => Some(counts),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, expected: Option<Counts>) {
        for cut in 0..=document.len() {
            let (begin, rest) = document.as_bytes().split_at(cut);
            let mut ending = Ending::default();
            ending.see(begin);
            ending.see(rest);
            assert_eq!(ending.counts(), expected, "{document} cut at {cut}");
        }
    }

    #[test]
    fn only_the_last_line_is_the_end_and_only_if_it_is_whole() {
        let end = "{\"end\":{\"clients\":1,\"records\":2}}\n";
        let counts = Some(Counts { clients: 1, records: 2, ..Counts::default() });
        check(end, counts);
        check(&format!("first\n{end}"), counts);
        check(&format!("first\n{}", &end[..end.len() - 1]), None);
        check(&format!("{end}more\n"), None);
        check(&format!("{end}\n"), None);
        check(&format!("no line {end}"), None);
        check("", None);
    }
}
