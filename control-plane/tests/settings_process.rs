//! What the process does with its settings: exit codes, stdout and stderr.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::ffi::OsStringExt as _,
    path::PathBuf,
    process::{Command, Output},
    thread,
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
fn a_misspelt_variable_ends_the_process_with_64_and_one_line() {
    check_refused_in_one_line(
        &flowguard(&["envoy-config"], &[("FLOWGUARD_ERORR_FORMAT", "openai".as_ref())]),
        "FLOWGUARD_ERORR_FORMAT is not a setting: FLOWGUARD_ERROR_FORMAT is one",
    );
}

#[test]
fn a_variable_without_effect_is_told_beside_the_result() {
    for command in ["settings", "envoy-config"] {
        let output = flowguard(&[command], &[("ERORR_FORMAT", "openai".as_ref())]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stdout, flowguard(&[command], &[]).stdout);
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "warning: the variable ERORR_FORMAT has no effect: ERROR_FORMAT is the setting's name\n"
        );
    }
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

/// What `flowguard health` says when the control plane's port answers `answer`.
fn health_when_told(answer: &'static str) -> (Option<i32>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("the question");
        let mut question = [0; 1024];
        let length = connection.read(&mut question).expect("the question");
        assert!(question[..length].starts_with(b"GET /health HTTP/1.1\r\n"));
        connection.write_all(answer.as_bytes()).expect("the answer is taken");
    });
    let output = flowguard(&["health", &format!("--config-port={port}")], &[]);
    server.join().expect("the server was asked");
    let said = String::from_utf8_lossy(&output.stderr).replace(&port.to_string(), "PORT");
    (output.status.code(), said)
}

#[test]
fn health_is_0_when_the_control_plane_answers_200() {
    let (code, said) = health_when_told("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[test]
fn health_is_1_with_one_line_when_the_control_plane_is_stopping_or_is_something_else() {
    let stopping = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    let (code, said) = health_when_told(stopping);
    assert_eq!(code, Some(1));
    let line = "the control plane at 127.0.0.1:PORT answers 503 Service Unavailable, not 200 OK\n";
    assert_eq!(said, line);

    let (code, said) = health_when_told("+PONG\r\n");
    assert_eq!(code, Some(1));
    assert!(said.starts_with("no control plane answers at 127.0.0.1:PORT: "), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn health_is_1_where_nobody_listens() {
    // Of no use to other tests, whose free ports are all high ones.
    let output = flowguard(&["health", "--config-port=1"], &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("no control plane answers at 127.0.0.1:1: "), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn health_cannot_ask_a_port_that_only_the_control_plane_knows() {
    let output = flowguard(&["health", "--config-port=0"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.starts_with(b"CONFIG_PORT=0 (--config-port) is not allowed here"));
}

#[test]
fn the_compose_stack_has_the_same_settings_and_defaults() {
    let file = |name| {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(name);
        fs::read_to_string(path).expect("the file is there")
    };
    let (compose, example) = (file("compose.yaml"), file(".env.example"));
    // Between containers, these are nobody's choice, or files that are mounted. A value in braces cannot
    // stand in another one's.
    let fixed = [
        "UPSTREAM_CA_FILE",
        "DECISION_PORT",
        "ENVOY_ADMIN_PORT",
        "HEALTH_PORT",
        "BIND_ADDRESS",
        "CONFIG_FILE",
        "DATA_DIR",
        "AUDIT_FILE",
        "STORE_PREFIX",
    ];
    // The name by which Prometheus calls the control plane, three quarters of what Envoy's
    // container may have, what most users want, and open ports, which are published on loopback.
    let differing = [
        ("ALLOWED_HOSTS", "control-plane"),
        ("ENVOY_HEAP_BYTES", "1610612736"),
        ("ERROR_FORMAT", "auto"),
        ("ADMIN_AUTH", "off"),
        ("DECIDE_AUTH", "off"),
        // Its ports are published on loopback.
        ("TRUST_CLIENT_HEADER", "true"),
    ];

    let output = flowguard(&["settings"], &[]);
    let settings = String::from_utf8(output.stdout).expect("text");
    for line in settings.lines() {
        let (name, value) = line.split_once('=').expect("NAME=value");
        let other = differing.iter().find(|(differing, _)| *differing == name);
        let value = other.map_or(value, |(_, value)| value);
        let line = format!("{name}={value}");
        let chosen = format!("${{{name}:-{value}}}");
        assert_eq!(compose.contains(&chosen), !fixed.contains(&name), "{chosen} in compose.yaml");
        let shown = example.lines().any(|shown| shown.trim_start_matches('#') == line);
        assert_eq!(shown, !fixed.contains(&name), "{line} in .env.example");
    }
}

/// A pipe that nobody writes to held the process up at its start, and SIGTERM did not end it.
#[test]
fn a_pipe_where_a_file_is_expected_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let path = pipe.to_str().expect("UTF-8");
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        // Whoever waits for the pipe is ended, with 124.
        let output = Command::new("timeout")
            .args(["20", env!("CARGO_BIN_EXE_flowguard")])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DATA_DIR", "memory")
            .envs(environment.iter().copied())
            .output()
            .expect("the binary runs");
        let said = String::from_utf8(output.stderr).expect("text");
        (output.status.code(), said.lines().last().unwrap_or_default().to_owned())
    };
    let ports = ["CONFIG_PORT", "GRPC_PORT", "METRICS_PORT", "DECISION_PORT"];
    let ports = ports.map(|name| (name, "0"));
    let required = ("ADMIN_AUTH", "required");
    let jwks = [required, ("ADMIN_JWT_ISSUER", "https://id"), ("ADMIN_JWT_AUDIENCE", "flowguard")];
    let store = ("STORE_URL", "rediss://127.0.0.1:1");
    for (setting, code, others) in [
        ("ADMIN_TOKEN_FILE", 64, [required].as_slice()),
        ("ADMIN_JWKS_FILE", 64, &jwks),
        ("AUDIT_FILE", 73, &[]),
        ("STORE_PASSWORD_FILE", 64, &[store]),
        ("STORE_CA_FILE", 64, &[store]),
    ] {
        let environment = [others, &ports, &[(setting, path)]].concat();
        let (ended, said) = run(&["serve"], &environment);
        assert_eq!(ended, Some(code), "{setting}: {said}");
        assert!(said.contains(&format!("{setting}={path}")), "{said}");
        assert!(said.contains("it is no file, but a pipe, a socket or a device"), "{said}");
    }
    for arguments in [
        ["data", "backup", "backup.jsonl", "--token-file", path].as_slice(),
        &["envoy-config", "--discovery-folder", "envoy", "--filter", path],
    ] {
        let (ended, said) = run(arguments, &[]);
        assert_ne!(ended, Some(124), "{arguments:?} waits: {said}");
        assert!(said.contains("it is no file, but a pipe"), "{arguments:?}: {said}");
    }
}

#[test]
fn an_envoy_that_nobody_passes_as_it_is_written_is_told_with_what_is_missing() {
    for (identity, missing) in [("jwt", "jwt_authn"), ("mtls", "require_client_certificate")] {
        let output = flowguard(&["envoy-config", "--identity", identity], &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(!output.stdout.is_empty());
        assert_eq!(said.lines().count(), 1, "{said}");
        for part in [&format!("FLOWGUARD_IDENTITY={identity}"), missing, "envoy/README.md"] {
            assert!(said.contains(part), "{said}");
        }
    }
    for identity in ["header", "api-key"] {
        let output = flowguard(&["envoy-config", "--identity", identity], &[]);
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
