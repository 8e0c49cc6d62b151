//! What the process does with its settings: exit codes, stdout and stderr.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt as _,
    process::{Command, Output},
};

fn flowguard(arguments: &[&str], environment: &[(&str, &OsStr)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flowguard"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the binary runs")
}

fn check_refused_in_one_line(output: &Output, line: &str) {
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("{line}\n"));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_wrong_setting_ends_the_process_with_64_and_one_line() {
    check_refused_in_one_line(
        &flowguard(&[], &[("PROXY_PORT", "abc".as_ref())]),
        "PROXY_PORT=abc (--proxy-port) is not allowed: a port from 1 to 65535",
    );
}

#[test]
fn bytes_that_are_no_text_are_shown_escaped() {
    let value = OsString::from_vec(b"\xff\nok\x1b".to_vec());
    check_refused_in_one_line(
        &flowguard(&["settings"], &[("LOG_LEVEL", &value)]),
        "LOG_LEVEL=\\xff\\nok\\u{1b} (--log-level) is not allowed: error, warn, info, debug or trace",
    );
}

#[test]
fn a_wrong_command_line_ends_the_process_with_64_and_one_line() {
    check_refused_in_one_line(
        &flowguard(&["--frobnicate"], &[]),
        "--frobnicate is not expected; see flowguard --help",
    );
}

#[test]
fn envoy_cannot_be_told_a_port_that_is_not_known_yet() {
    check_refused_in_one_line(
        &flowguard(&["envoy-config", "--decision-port=0"], &[]),
        "DECISION_PORT=0 (--decision-port) is not allowed here: a port from 1 to 65535, for Envoy must know it",
    );
}

#[test]
fn help_version_and_settings_end_with_0() {
    for arguments in [["--help"], ["--version"], ["settings"], ["envoy-config"]] {
        let output = flowguard(&arguments, &[]);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stdout.ends_with(b"\n") && output.stderr.is_empty(), "{arguments:?}");
    }
}
