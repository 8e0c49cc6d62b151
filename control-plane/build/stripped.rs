//! A text without what is there for people alone: comments that have lines of their own, and what lines begin with.

/// Its lines. A comment within a line stays.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut is_comment = false;
    text.lines().map(str::trim).filter(move |line| {
        if is_comment || line.starts_with("/*") {
            is_comment = !line.ends_with("*/");
            return false;
        }
        !line.is_empty() && !line.starts_with("//")
    })
}
