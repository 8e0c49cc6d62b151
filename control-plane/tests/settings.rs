//! Settings as an operator gives them: flags, environment variables, mistakes.

use std::{collections::HashMap, ffi::OsString, time::Duration};

use flowguard::{
    cli::{Command, Exit, Invocation},
    settings::{CorsOrigins, FailureMode, LogFormat, LogLevel, Settings, UnknownClients},
};
use limiter::Limit;

fn parse(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Invocation, Exit> {
    let environment: HashMap<_, _> = environment.iter().copied().collect();
    let arguments = ["flowguard"].iter().chain(arguments);
    Invocation::parse(arguments, |name| environment.get(name).map(OsString::from))
}

fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Settings {
    parse(arguments, environment).expect("these settings are allowed").settings
}

fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    match parse(arguments, environment) {
        Err(Exit::Refused(error)) => error.to_string(),
        other => panic!("{arguments:?} {environment:?} is not refused: {other:?}"),
    }
}

fn check_refused(name: &str, value: &str, message: &str) {
    assert_eq!(refusal(&[], &[(name, value)]), message);
}

#[test]
fn without_any_setting_the_defaults_are_in_effect() {
    let settings = settings(&[], &[]);
    assert_eq!(
        settings.to_lines(),
        "UPSTREAM_URL=https://api.openai.com\n\
         UPSTREAM_CA_FILE=/etc/ssl/certs/ca-certificates.crt\n\
         PROXY_PORT=8080\n\
         METRICS_PORT=9090\n\
         CONFIG_PORT=9091\n\
         GRPC_PORT=9092\n\
         DECISION_PORT=9095\n\
         ENVOY_ADMIN_PORT=9901\n\
         BIND_ADDRESS=127.0.0.1\n\
         LOG_LEVEL=info\n\
         LOG_FORMAT=text\n\
         FAILURE_MODE=closed\n\
         DECISION_TIMEOUT_MS=250\n\
         UNKNOWN_CLIENTS=shared\n\
         UNKNOWN_CLIENT_RPM=60\n\
         UNKNOWN_CLIENT_TPM=1000\n\
         CORS_ALLOW_ORIGINS=\n\
         DEMO_CLIENTS=true\n"
    );
}

#[test]
fn every_setting_can_come_from_the_environment() {
    let settings = settings(
        &[],
        &[
            ("UPSTREAM_URL", "http://llm:8000/base"),
            ("UPSTREAM_CA_FILE", "/ca.pem"),
            ("PROXY_PORT", "1"),
            ("METRICS_PORT", "2"),
            ("CONFIG_PORT", "3"),
            ("GRPC_PORT", "4"),
            ("DECISION_PORT", "5"),
            ("ENVOY_ADMIN_PORT", "6"),
            ("BIND_ADDRESS", "::1"),
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", "json"),
            ("FAILURE_MODE", "open"),
            ("DECISION_TIMEOUT_MS", "60000"),
            ("UNKNOWN_CLIENTS", "shared"),
            ("UNKNOWN_CLIENT_RPM", "7"),
            ("UNKNOWN_CLIENT_TPM", "1000000000000"),
            ("CORS_ALLOW_ORIGINS", "https://a.example, http://b.example:3000"),
            ("DEMO_CLIENTS", "false"),
        ],
    );
    let ports = settings.ports;
    assert_eq!(settings.upstream.to_string(), "http://llm:8000/base");
    assert_eq!(settings.upstream_ca_file, "/ca.pem");
    assert_eq!((ports.proxy.get(), ports.metrics, ports.config), (1, 2, 3));
    assert_eq!((ports.grpc, ports.decision, ports.envoy_admin.get()), (4, 5, 6));
    assert!(settings.bind_address.is_ipv6());
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Trace, LogFormat::Json));
    assert_eq!(settings.failure_mode, FailureMode::Open);
    assert_eq!(settings.decision_timeout, Duration::from_secs(60));
    let (rpm, tpm) = (Limit::new(7).unwrap(), Limit::new(1_000_000_000_000).unwrap());
    assert_eq!(settings.unknown_clients, UnknownClients::Shared { rpm, tpm });
    let CorsOrigins::List(origins) = &settings.cors_allow_origins else { panic!("no list") };
    let origins: Vec<_> = origins.iter().map(flowguard::settings::Origin::as_str).collect();
    assert_eq!(origins, ["https://a.example", "http://b.example:3000"]);
    assert!(!settings.demo_clients);
}

#[test]
fn a_flag_wins_over_the_environment_before_and_after_the_command() {
    let environment = [("PROXY_PORT", "1111"), ("LOG_LEVEL", "nonsense")];
    for arguments in [
        ["--proxy-port", "2222", "settings", "--log-level=debug"],
        ["settings", "--proxy-port=2222", "--log-level", "debug"],
    ] {
        let invocation = parse(&arguments, &environment).expect("allowed");
        assert_eq!(invocation.command, Command::Settings);
        assert_eq!(invocation.settings.ports.proxy.get(), 2222);
        assert_eq!(invocation.settings.log.level, LogLevel::Debug);
    }
}

#[test]
fn serve_is_the_default_command() {
    assert_eq!(parse(&[], &[]).expect("allowed").command, Command::Serve);
    assert_eq!(parse(&["serve"], &[]).expect("allowed").command, Command::Serve);
}

#[test]
fn the_printed_settings_are_the_same_settings_when_read_again() {
    for environment in [
        &[][..],
        &[("UPSTREAM_URL", "https://[2001:db8::1]:8443/a/b/"), ("BIND_ADDRESS", "::")],
        &[("UPSTREAM_URL", "HTTPS://BÜCHER.example:443"), ("CORS_ALLOW_ORIGINS", "*")],
        &[("CORS_ALLOW_ORIGINS", "HTTPS://A.example:443,http://localhost:3000")],
        &[("UNKNOWN_CLIENTS", "deny"), ("UNKNOWN_CLIENT_RPM", "9")],
        &[("UNKNOWN_CLIENTS", "allow"), ("DEMO_CLIENTS", "false"), ("GRPC_PORT", "0")],
        &[("UNKNOWN_CLIENT_RPM", "0009"), ("FAILURE_MODE", "open"), ("LOG_FORMAT", "json")],
    ] {
        let first = settings(&[], environment);
        let lines = first.to_lines();
        let printed: Vec<_> = lines.lines().filter_map(|line| line.split_once('=')).collect();
        assert_eq!(settings(&[], &printed), first);
    }
}

#[test]
fn a_wrong_value_is_named_with_its_setting_and_what_is_allowed() {
    let port = "a port from 1 to 65535";
    check_refused(
        "PROXY_PORT",
        "abc",
        &format!("PROXY_PORT=abc (--proxy-port) is not allowed: {port}"),
    );
    check_refused(
        "PROXY_PORT",
        "0",
        &format!("PROXY_PORT=0 (--proxy-port) is not allowed: {port}"),
    );
    check_refused("PROXY_PORT", "", &format!("PROXY_PORT= (--proxy-port) is not allowed: {port}"));
    check_refused(
        "GRPC_PORT",
        "65536",
        "GRPC_PORT=65536 (--grpc-port) is not allowed: a port from 1 to 65535, or 0 for any free one",
    );
    check_refused(
        "BIND_ADDRESS",
        "localhost",
        "BIND_ADDRESS=localhost (--bind-address) is not allowed: an IP address, such as 127.0.0.1 or 0.0.0.0",
    );
    check_refused(
        "DECISION_TIMEOUT_MS",
        "60001",
        "DECISION_TIMEOUT_MS=60001 is not allowed: an integer from 1 to 60000",
    );
    check_refused("LOG_FORMAT", "xml", "LOG_FORMAT=xml is not allowed: text or json");
    check_refused(
        "UNKNOWN_CLIENTS",
        "block",
        "UNKNOWN_CLIENTS=block is not allowed: shared, deny or allow",
    );
    check_refused("DEMO_CLIENTS", "yes", "DEMO_CLIENTS=yes is not allowed: true or false");
    assert_eq!(
        refusal(&["--failure-mode", "ajar"], &[]),
        "FAILURE_MODE=ajar (--failure-mode) is not allowed: closed or open"
    );
}

#[test]
fn numbers_are_decimal_digits_within_their_range() {
    for (name, values) in [
        ("PROXY_PORT", &["+80", "-1", " 80", "8 0", "80.0", "0x50", "８０"][..]),
        ("DECISION_TIMEOUT_MS", &["0", "-5", "1e3", "99999999999999999999"]),
        ("UNKNOWN_CLIENT_RPM", &["0", "1000000000001", "null"]),
        ("UNKNOWN_CLIENT_TPM", &["0", "1000000000001", ""]),
    ] {
        for value in values {
            assert!(refusal(&[], &[(name, value)]).starts_with(&format!("{name}={value}")));
        }
    }
}

#[test]
fn a_limit_that_has_no_effect_is_still_checked() {
    let refusal = refusal(&[], &[("UNKNOWN_CLIENTS", "deny"), ("UNKNOWN_CLIENT_RPM", "many")]);
    assert_eq!(
        refusal,
        "UNKNOWN_CLIENT_RPM=many is not allowed: an integer from 1 to 1000000000000"
    );
}

#[test]
fn two_listeners_never_share_a_port() {
    assert_eq!(
        refusal(&["--proxy-port=9090"], &[]),
        "PROXY_PORT (--proxy-port) and METRICS_PORT (--metrics-port) are both 9090: each needs a port of its own"
    );
    assert_eq!(
        refusal(&[], &[("DECISION_PORT", "9901")]),
        "DECISION_PORT (--decision-port) and ENVOY_ADMIN_PORT (--envoy-admin-port) are both 9901: each needs a port of its own"
    );
}

#[test]
fn the_control_planes_ports_may_all_be_any_free_one() {
    let flags = ["--metrics-port=0", "--config-port=0", "--grpc-port=0", "--decision-port=0"];
    assert_eq!(settings(&flags, &[]).ports.decision, 0);
}

#[test]
fn cors_origins_are_as_browsers_write_them() {
    let origins = |text| settings(&[], &[("CORS_ALLOW_ORIGINS", text)]).cors_allow_origins;
    assert_eq!(origins(""), CorsOrigins::None);
    assert_eq!(origins("*"), CorsOrigins::Any);
    assert_eq!(origins("HTTPS://Console.Example:443").to_string(), "https://console.example");
    for text in [
        "https://a.example/",
        "a.example",
        "https://a,*",
        "https://a,,https://b",
        "null",
        "file:///x",
    ] {
        assert!(refusal(&[], &[("CORS_ALLOW_ORIGINS", text)]).starts_with("CORS_ALLOW_ORIGINS="));
    }
}

#[test]
fn an_upstream_is_taken_apart_as_envoy_needs_it() {
    for (text, authority, path_prefix) in [
        ("https://api.openai.com", "api.openai.com", ""),
        ("https://api.openai.com:443/", "api.openai.com", ""),
        ("http://llm:8000", "llm:8000", ""),
        ("http://llm:443", "llm:443", ""),
        ("https://h/base", "h", "/base"),
        ("https://h/base/", "h", "/base"),
        ("https://h/a/../b%2Fc//", "h", "/b%2Fc"),
        ("https://[2001:DB8::1]:8443/x", "[2001:db8::1]:8443", "/x"),
        ("http://192.0.2.1", "192.0.2.1", ""),
        ("https://api.example.com.", "api.example.com", ""),
        ("https://my_service.internal", "my_service.internal", ""),
    ] {
        let upstream = settings(&["--upstream-url", text], &[]).upstream;
        assert_eq!(
            (upstream.authority().as_str(), upstream.path_prefix()),
            (authority, path_prefix)
        );
    }
}

#[test]
fn an_upstream_that_envoy_could_not_use_is_refused() {
    for text in [
        "",
        "api.openai.com",
        "ftp://h",
        "https://",
        "https:///v1",
        "https:h",
        "https:\\\\h",
        "https://h:0",
        "https://h:65536",
        "https://h h",
        "https://h\n",
        "https://h\t/x",
        "https://a..b",
        "https://a*b",
        "https://[::1",
        "https://h/?key=1",
        "https://h/#top",
        "https://user@h",
        "https://@h",
    ] {
        assert!(refusal(&["--upstream-url", text], &[]).contains("UPSTREAM_URL="), "{text}");
    }
    let long_label = format!("https://{}.example", "a".repeat(64));
    assert!(refusal(&["--upstream-url", &long_label], &[]).contains("UPSTREAM_URL="));
}

#[test]
fn a_password_or_key_in_a_refused_url_is_not_repeated() {
    for text in [
        "https://me:secret@api.example.com",
        "https://me:sec/ret?secret@h",
        "me:secret@host",
        "secret://x@y",
        "https://h/?key=secret",
        "https://h/#secret",
    ] {
        let refusal = refusal(&[], &[("UPSTREAM_URL", text)]);
        assert!(refusal.starts_with("UPSTREAM_URL=") && !refusal.contains("secret"), "{refusal}");
    }
    assert!(!refusal(&["https://me:secret@h"], &[]).contains("secret"));
}

#[test]
fn a_command_line_that_is_not_understood_is_told_in_one_line() {
    for (arguments, message) in [
        (
            &["run"][..],
            "run is not a command: serve, settings or envoy-config; see flowguard --help",
        ),
        (&["--nope"], "--nope is not expected; see flowguard --help"),
        (&["serve", "x"], "x is not expected; see flowguard --help"),
        (&["--proxy-port"], "--proxy-port <PORT> needs a value; see flowguard --help"),
        (
            &["--proxy-port=1", "--proxy-port=2"],
            "--proxy-port <PORT> is given twice; see flowguard --help",
        ),
        (
            &["a\nb\u{1b}[31m"],
            "a\\nb\\u{1b}[31m is not a command: serve, settings or envoy-config; see flowguard --help",
        ),
        (&["envoy-config", "--mode=loud"], "--mode=loud is not allowed: enforce, shadow or off"),
        (
            &["envoy-config", "--filter="],
            "--filter= is not allowed: the path of filter.wasm, in UTF-8",
        ),
        (
            &["envoy-config", "--control-plane-host=a:1"],
            "--control-plane-host=a:1 is not allowed: a host name or an IP address",
        ),
    ] {
        assert_eq!(refusal(arguments, &[]), message);
    }
}

#[test]
fn help_names_every_setting_and_its_default() {
    for arguments in [&["--help"][..], &["help"], &["-h"]] {
        let Err(Exit::Answered(help)) = parse(arguments, &[("PROXY_PORT", "abc")]) else {
            panic!("{arguments:?} is answered with help")
        };
        for line in settings(&[], &[]).to_lines().lines() {
            let (name, default) = line.split_once('=').expect("NAME=value");
            assert!(help.contains(name) && help.contains(default), "{line}");
        }
    }
}

mod hostile_values {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn are_repeated_in_one_short_printable_line(value in "\\PC*|.{0,300}|(?s:.{0,300})") {
            // Only digits alone could be allowed.
            prop_assume!(value.contains(|c: char| !c.is_ascii_digit()));
            let refusal = refusal(&[], &[("PROXY_PORT", &value)]);
            prop_assert!(!refusal.contains(char::is_control));
            prop_assert!(refusal.chars().count() < 200);
        }
    }
}
