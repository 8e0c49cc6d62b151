//! Columns that stand one below the other.

use unicode_width::UnicodeWidthStr as _;

use crate::message::in_one_line;

/// What stands between two columns.
const GAP: &str = "  ";

/// One long id is no reason to push all other rows' columns out of the screen.
const WIDTH_MAX: usize = 48;

/// What stands below the titles of columns where there is no row.
const NO_ROW: &str = "(none)";

/// A table with or without a line of titles. A column of numbers is flush right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// One with a line of titles.
    pub(crate) fn new<const N: usize>(titles: [&'static str; N]) -> Self {
        Self { titles: titles.to_vec(), rows: Vec::new() }
    }

    /// The fields of one thing, one a line.
    pub(crate) fn fields() -> Self {
        Self::default()
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(|cell| in_one_line(&cell)).collect());
    }

    pub(crate) fn field(&mut self, name: &str, value: String) {
        self.row([name.to_owned(), value]);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let titles: Vec<_> = self.titles.iter().map(|title| (*title).to_owned()).collect();
        let lines = || (!titles.is_empty()).then_some(&titles).into_iter().chain(&self.rows);
        let mut widths = Vec::new();
        let mut are_numbers = Vec::new();
        for line in lines() {
            for (at, cell) in line.iter().enumerate() {
                if widths.len() <= at {
                    widths.push(0);
                    are_numbers.push(!titles.is_empty());
                }
                if let Some(width) = widths.get_mut(at) {
                    *width = cell.width().min(WIDTH_MAX).max(*width);
                }
            }
        }
        for (at, are) in are_numbers.iter_mut().enumerate() {
            let cells = || self.rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
            let is_number = |cell: &str| cell.parse::<f64>().is_ok();
            *are &= cells().any(is_number)
                && cells().all(|cell| matches!(cell, "-" | "none") || is_number(cell));
        }
        for line in lines() {
            let mut text = String::new();
            for ((cell, width), is_number) in line.iter().zip(&widths).zip(&are_numbers) {
                if !text.is_empty() {
                    text.push_str(GAP);
                }
                let space = " ".repeat(width.saturating_sub(cell.width()));
                let parts =
                    if *is_number { [space.as_str(), cell] } else { [cell, space.as_str()] };
                text.extend(parts);
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        if self.rows.is_empty() && !titles.is_empty() {
            writeln!(f, "{NO_ROW}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_flush_right_and_texts_left_whatever_their_width() {
        let mut table = Table::new(["NAME", "N", "X"]);
        table.row(["a".to_owned(), "7".to_owned(), "x".to_owned()]);
        table.row(["日本".to_owned(), "100".to_owned(), "\u{1b}y".to_owned()]);
        table.row(["none".to_owned(), "none".to_owned(), "-".to_owned()]);
        let lines = ["NAME     N  X", "a        7  x", "日本   100  \\u{1b}y", "none  none  -"];
        assert_eq!(table.to_string(), lines.map(|line| format!("{line}\n")).concat());
    }

    #[test]
    fn one_long_cell_does_not_widen_all_rows() {
        let mut table = Table::new(["NAME", "N"]);
        let (long, other) = ("x".repeat(128), "y".repeat(40));
        for name in [&long, &other] {
            table.row([name.clone(), "1".to_owned()]);
        }
        let text = table.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1], format!("{long}  1"));
        assert_eq!(lines[2], format!("{other}          1"));
    }

    #[test]
    fn a_table_without_rows_says_so() {
        assert_eq!(Table::new(["NAME", "N"]).to_string(), "NAME  N\n(none)\n");
        assert_eq!(Table::fields().to_string(), "");
    }

    #[test]
    fn fields_have_no_titles() {
        let mut table = Table::fields();
        table.field("id", "a".to_owned());
        table.field("longer", "12".to_owned());
        assert_eq!(table.to_string(), "id      a\nlonger  12\n");
    }
}
