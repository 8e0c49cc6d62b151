//! The difference of two texts, as `diff -u` and `git` show it.

use std::time::Duration;

use similar::TextDiff;

/// How many lines that are the same stand around one that is not.
const CONTEXT_LINES: usize = 3;

/// Two documents of a million clients that have nothing in common would take for ever; the difference
/// is then told in larger pieces.
const TIME_MAX: Duration = Duration::from_secs(10);

/// From the first to the second.
pub(crate) fn diff(from: &str, to: &str, from_name: &str, to_name: &str) -> String {
    let diff = TextDiff::configure().timeout(TIME_MAX).diff_lines(from, to);
    diff.unified_diff().context_radius(CONTEXT_LINES).header(from_name, to_name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_with_what_stands_around_it() {
        let from = "a\nb\nc\nd\ne\nf\n";
        let to = "a\nb\nc\nd\nx\nf\n";
        let told = "--- there\n+++ here\n@@ -2,5 +2,5 @@\n b\n c\n d\n-e\n+x\n f\n";
        assert_eq!(diff(from, to, "there", "here"), told);
    }
}
