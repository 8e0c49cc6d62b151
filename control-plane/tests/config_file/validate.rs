//! `flowguard validate FILE`, and an invalid file at the start.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

fn flowguard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flowguard"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Each way to have a file judged, and with which code it ends when something is wrong.
fn refused(path: &Path) -> String {
    let path = path.to_str().expect("a path of text");
    let validated = flowguard(&["validate", path]);
    assert_eq!(validated.status.code(), Some(65));
    let started = flowguard(&["--config-file", path]);
    assert_eq!(started.status.code(), Some(64));
    assert!(validated.stdout.is_empty() && started.stdout.is_empty());
    assert_eq!(text(&validated.stderr), text(&started.stderr));
    text(&validated.stderr)
}

#[test]
fn a_valid_file_is_0_and_a_line_that_counts_what_is_in_it() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("clients.yaml");
    for (content, line) in [
        ("clients: {}", "0 clients, all in order"),
        ("clients: {a: {}}", "1 client, all in order"),
        (r#"{"clients": {"a": {"rpm": 1}, "b": {}}}"#, "2 clients, all in order"),
        (
            "models: {m: [m]}\nlimits: [{name: l, match: {}, concurrent: 1}]",
            "0 clients, 1 model, 1 limit, all in order",
        ),
    ] {
        fs::write(&path, content).expect("a file");
        let output = flowguard(&["validate", path.to_str().expect("text")]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), format!("{}: {line}\n", path.display()));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn an_invalid_file_is_all_its_errors_a_line_each_and_nothing_starts() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("clients.yaml");
    fs::write(&path, "clients:\n  a: {rpm: 0}\n  b: {rmp: 1}\nrules: {}\n").expect("a file");
    let file = path.display();
    assert_eq!(
        refused(&path),
        format!(
            "{file}:2:12: rpm must be null or an integer from 1 to 1000000000000, not 0\n\
             {file}:3:7: \"rmp\" is not a field: client_id, rpm, tpm, enabled, min_estimate, group, plan and identities are\n\
             {file}:4:1: \"rules\" is not a section: clients, models, limits, keys and tokens are\n"
        )
    );
    let wrong: Vec<_> = (0..105).map(|n| format!("  c{n}: 1")).collect();
    fs::write(&path, format!("clients:\n{}", wrong.join("\n"))).expect("a file");
    let told = refused(&path);
    assert_eq!(told.lines().count(), 101);
    assert_eq!(told.lines().last(), Some(&*format!("{file}: and 5 more")));
}

#[test]
fn what_cannot_be_read_is_one_line() {
    let folder = TempDir::new().expect("a folder");
    let missing = folder.path().join("missing");
    let line = format!("{}: cannot be read: No such file or directory", missing.display());
    assert!(refused(&missing).starts_with(&line));
    let line = format!("{}: is not a file\n", folder.path().display());
    assert_eq!(refused(folder.path()), line);
    assert_eq!(refused(Path::new("/dev/null")), "/dev/null: is not a file\n");
}

#[test]
fn a_file_of_more_than_64_mib_is_not_read() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("large");
    // It takes no place on the disk.
    File::create(&path).expect("a file").set_len((64 << 20) + 1).expect("a long file");
    assert_eq!(refused(&path), format!("{}: is larger than 64 MiB\n", path.display()));
}
