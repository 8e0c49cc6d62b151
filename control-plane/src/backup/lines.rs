//! Lines as they are read: one at a time, each with a bound.

use std::io::{self, BufRead, Read as _};

/// How long a line may be. The longest that is written, of 64 learned figures, takes some 2 KiB.
pub const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Reads lines, whatever they hold.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
}

/// Why there is no next line.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The operating system does not hand it out.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Longer than is read.
    #[error("this line is longer than {} KiB", LINE_BYTES_MAX / 1024)]
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `input`.
    pub fn of(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next line without its end; `None`: there is none.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, LinesError> {
        self.line.clear();
        self.number += 1;
        let mut bounded = self.input.by_ref().take(LINE_BYTES_MAX + 1);
        if bounded.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        match self.line.strip_suffix(b"\n") {
            Some(line) => Ok(Some(line)),
            None if bounded.limit() == 0 => Err(LinesError::TooLong),
            None => Ok(Some(&self.line)),
        }
    }

    /// The number of the line that was read last, from 1 on; behind the last line, one more.
    pub fn number(&self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_the_last_one_needs_no_end() {
        let mut lines = Lines::of(&b"a\n\nb"[..]);
        for expected in [Some(&b"a"[..]), Some(b""), Some(b"b"), None] {
            assert_eq!(lines.next_line().unwrap(), expected);
        }
        assert_eq!(lines.number(), 4);
    }

    #[test]
    fn a_line_without_an_end_is_not_read_for_ever() {
        let endless = io::BufReader::new(io::repeat(b'a'));
        let mut lines = Lines::of(endless);
        assert!(matches!(lines.next_line(), Err(LinesError::TooLong)));
        assert_eq!(lines.line.len() as u64, LINE_BYTES_MAX + 1);
    }
}
