//! A backup of each format, as the first version that had it wrote it. They are never made anew: what
//! they hold must be read by every version to come.

use flowguard::{
    backup::{Document, Step},
    data,
};
use limiter::UnixMillis;

const FORMAT_1: &str = include_str!("../golden/backup-1.jsonl");
const FORMAT_3: &str = include_str!("../golden/backup-3.jsonl");

#[test]
fn format_1_is_read_and_written_again() {
    check("backup-1.jsonl", FORMAT_1);
}

#[test]
fn format_3_is_read_and_written_again() {
    check("backup-3.jsonl", FORMAT_3);
}

#[track_caller]
fn check(name: &str, backup: &str) {
    let restored = data::read(name, backup.as_bytes()).expect("in order");
    assert_eq!(restored.at, UnixMillis(1_700_000_000_000));
    let mut document = Document::of(restored.ledger, restored.at);
    let mut text = String::new();
    while document.write(&mut text) == Step::More {}
    // The first line says which version wrote it.
    let lines = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&text), lines(backup));
}
