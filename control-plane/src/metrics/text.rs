//! Lines of Prometheus' text format.

use std::fmt::{Display, Write as _};

/// A label's name and value. No value needs escaping: a client id's alphabet leaves nothing to
/// escape, and all others are written here.
pub(super) type Label<'a> = (&'static str, &'a str);

/// What a metric is.
pub(super) fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// One value of it.
pub(super) fn sample(
    text: &mut String,
    name: impl Display,
    labels: &[Label<'_>],
    value: impl Display,
) {
    let _ = write!(text, "{name}");
    for (index, (label, label_value)) in labels.iter().enumerate() {
        let before = if index == 0 { '{' } else { ',' };
        let _ = write!(text, "{before}{label}=\"{label_value}\"");
    }
    let after = if labels.is_empty() { "" } else { "}" };
    let _ = writeln!(text, "{after} {value}");
}
