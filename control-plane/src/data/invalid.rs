//! What is wrong with a backup, and in which lines.

use std::{error::Error, fmt};

/// How many errors of one backup are told. Whoever has the same mistake in a million lines needs it
/// no million times.
const ERRORS_TOLD_MAX: usize = 100;

/// A backup that is not taken. Shown in a line an error, each of which begins with the name of the
/// file and the line: `FILE:LINE: text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBackup {
    file: String,
    told: Vec<(u64, String)>,
    untold: u64,
}

impl InvalidBackup {
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), told: Vec::new(), untold: 0 }
    }

    pub(super) fn push(&mut self, line: u64, text: impl fmt::Display) {
        if self.told.len() < ERRORS_TOLD_MAX {
            self.told.push((line, text.to_string()));
        } else {
            self.untold += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }
}

impl Error for InvalidBackup {}

impl fmt::Display for InvalidBackup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, told, untold } = self;
        for (index, (line, text)) in told.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{file}:{line}: {text}")?;
        }
        match untold {
            0 => Ok(()),
            untold => write!(f, "\n{file}: and {untold} more"),
        }
    }
}
