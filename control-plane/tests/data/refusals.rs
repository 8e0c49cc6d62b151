//! A backup that is not in order is refused, by line.

use flowguard::{backup::Counts, data};

const HEADER: &str = r#"{"flowguard":{"format":1,"version":"0.1.0","at":1700000000000}}"#;
const A: &str = r#"{"client":{"client_id":"a","rpm":60,"tpm":1000,"enabled":true}}"#;
const FULL: &str = r#"{"bucket":{"bucket":{"rpm":"a"},"epoch":3,"level":null}}"#;
const END: &str = r#"{"end":{"clients":1,"records":1}}"#;

fn read(lines: &[&str]) -> Result<Counts, String> {
    let document = lines.join("\n") + "\n";
    let read = data::read("file", document.as_bytes());
    read.map(|restored| restored.counts).map_err(|errors| errors.to_string())
}

#[track_caller]
fn check(lines: &[&str], expected: &str) {
    assert_eq!(read(lines).unwrap_err(), expected);
}

fn tallies(client: &str) -> String {
    format!(
        r#"{{"tallies":{{"client":"{client}","tallies":{{"admitted":1,"overcounted":0,"rpm_dropped":0,"tpm_dropped":0,"tokens_used":0,"last_request":0,"durations":0,"durations_us":0}}}}}}"#
    )
}

#[test]
fn what_is_whole_is_taken() {
    assert_eq!(
        read(&[HEADER, A, FULL, END]),
        Ok(Counts { clients: 1, records: 1, ..Counts::default() })
    );
    let unknown = tallies("unknown");
    let end = r#"{"end":{"clients":0,"records":1}}"#;
    assert_eq!(
        read(&[HEADER, &unknown, end]),
        Ok(Counts { clients: 0, records: 1, ..Counts::default() })
    );
}

#[test]
fn what_is_no_backup_is_told_in_one_line() {
    let no_backup = r#"file:1: this is no backup: one begins with {"flowguard":{"format":…"#;
    for first in ["", "clients:", A, "{}", "\0"] {
        check(&[first, A, A, "more"], no_backup);
    }
    assert_eq!(data::read("file", &b""[..]).unwrap_err().to_string(), no_backup);
}

#[test]
fn a_later_format_is_refused_with_the_way_out_whatever_else_is_in_it() {
    let version = env!("CARGO_PKG_VERSION");
    check(
        &[r#"{"flowguard":{"format":4,"more":[]},"and":"more"}"#, "\0"],
        &format!(
            "file:1: the backup has format 4, and flowguard {version} reads up to format 3: import it \
             with the version that wrote it"
        ),
    );
}

#[test]
fn a_backup_of_a_time_that_never_comes_is_refused() {
    check(
        &[r#"{"flowguard":{"format":1,"version":"x","at":9223372036854775808}}"#],
        "file:1: at must be milliseconds since 1970, an integer from 0 to 253402300799999, got \
         9223372036854775808",
    );
}

#[test]
fn a_level_of_another_window_than_a_minute_is_no_clients_own() {
    for level in
        [r#""amount":60,"burst":60,"window_s":1"#, r#""amount":60,"burst":6,"window_s":60"#]
    {
        let level = format!(
            r#"{{"bucket":{{"bucket":{{"rpm":"a"}},"epoch":0,"level":{{{level},"revision":0,"whole":0,"rest":0,"refilled_at":0}}}}}}"#
        );
        let end = r#"{"end":{"clients":1,"records":1}}"#;
        check(&[HEADER, A, &level, end], "file:3: no bucket can be at this level");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_by_line() {
    let foreign = tallies("b");
    check(
        &[
            HEADER,
            r#"{"client":{"client_id":"no spaces","rpm":0}}"#,
            A,
            r#"{"bucket":{"bucket":{"rpm":"a"},"epoch":0,"level":{"amount":60,"burst":60,"window_s":60,"revision":0,"whole":61,"rest":0,"refilled_at":0}}}"#,
            r#"{"learned":{"client":"a","used":[],"learned_at":0}}"#,
            r#"{"bucket":{"bucket":{"rpm":"a"},"epoch":0,"lewel":null}}"#,
            &foreign,
            "{",
            HEADER,
            A,
            r#"{"ended":{"worker":1,"id":1}}"#,
        ],
        r#"file:2: client_id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone, not "no spaces"; rpm must be null or an integer from 1 to 1000000000000, not 0
file:4: no bucket can be at this level
file:5: used must be 1 to 64 integers from 0 to 1000000000000
file:6: this is no line of a backup: unknown field `lewel`, expected one of `bucket`, `epoch`, `level…
file:7: this line belongs behind that of client "b"
file:8: this is not JSON: EOF while parsing an object at column 1
file:9: this line belongs at the beginning
file:10: client "a" is there twice
file:11: this is no line of a backup: unknown variant `ended`, expected one of `flowguard`, `client`, …
file:12: the last line, {"end":…}, is missing: what was behind was cut off"#,
    );
}

#[test]
fn of_very_many_errors_the_first_are_told_and_the_others_counted() {
    let lines = [vec![HEADER], vec!["{}"; 1_000]].concat();
    let told = read(&lines).unwrap_err();
    assert_eq!(told.lines().count(), 101);
    assert!(told.ends_with("\nfile: and 901 more"), "{told}");
}

#[test]
fn one_that_was_cut_off_anywhere_is_refused() {
    let document = [HEADER, A, FULL, END].join("\n");
    for length in 0..document.len() {
        let read = data::read("file", &document.as_bytes()[..length]);
        assert!(read.is_err(), "{length} of {} bytes", document.len());
    }
    assert!(data::read("file", document.as_bytes()).is_ok(), "it needs no last line feed");
}

#[test]
fn lines_that_are_missing_in_the_middle_are_noticed() {
    check(
        &[HEADER, A, END],
        "file:3: the lines before this one should be 1 client, 1 record, and are 1 client, 0 records",
    );
    check(&[HEADER, A, FULL, END, FULL], "file:5: nothing may follow the last line");
}

#[test]
fn a_line_that_never_ends_is_not_read_to_its_end() {
    let long = format!("{HEADER}\n{}", "a".repeat(10 << 20));
    let told = data::read("file", long.as_bytes()).unwrap_err().to_string();
    assert_eq!(told, "file:2: this line is longer than 64 KiB");
}
