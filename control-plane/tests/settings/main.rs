//! Settings as an operator gives them: flags, environment variables, mistakes.

mod refusals;
mod upstream;

use std::{collections::HashMap, ffi::OsString, time::Duration};

use flowguard::{
    cli::{Command, Exit, Invocation},
    settings::{
        AbortCharge, AcceptEncoding, ChargePolicy, CorsOrigins, ErrorFormat, Estimate,
        EstimatePolicy, FailureMode, FallbackCharge, FilterSettings, LogFormat, LogLevel,
        RateLimitHeaders, Settings, UnknownClients, UpstreamRateLimitHeaders,
    },
};
use limiter::{Limit, Tokens};

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
         ERROR_FORMAT=flowguard\n\
         RATE_LIMIT_HEADERS=openai\n\
         UPSTREAM_RATE_LIMIT_HEADERS=replace\n\
         ACCEPT_ENCODING=drop\n\
         ESTIMATE=header\n\
         DEFAULT_ESTIMATE=1000\n\
         CHARGE_WITHOUT_USAGE=estimate\n\
         CHARGE_ON_UPSTREAM_FAILURE=request\n\
         CHARGE_ON_ABORT=known\n\
         UNKNOWN_CLIENTS=shared\n\
         UNKNOWN_CLIENT_RPM=60\n\
         UNKNOWN_CLIENT_TPM=1000\n\
         CORS_ALLOW_ORIGINS=\n\
         DEMO_CLIENTS=true\n"
    );
    assert_eq!(settings.charge, ChargePolicy::default());
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
            ("ERROR_FORMAT", "anthropic"),
            ("RATE_LIMIT_HEADERS", "both"),
            ("UPSTREAM_RATE_LIMIT_HEADERS", "rename"),
            ("ACCEPT_ENCODING", "keep"),
            ("ESTIMATE", "learned"),
            ("CHARGE_WITHOUT_USAGE", "nothing"),
            ("DEFAULT_ESTIMATE", "0"),
            ("CHARGE_ON_UPSTREAM_FAILURE", "estimate"),
            ("CHARGE_ON_ABORT", "estimate"),
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
    assert_eq!(
        settings.filter,
        FilterSettings {
            failure_mode: FailureMode::Open,
            decision_timeout: Duration::from_mins(1),
            error_format: ErrorFormat::Anthropic,
            rate_limit_headers: RateLimitHeaders::Both,
            upstream_rate_limit_headers: UpstreamRateLimitHeaders::Rename,
            accept_encoding: AcceptEncoding::Keep,
        }
    );
    let default = Tokens::ZERO;
    assert_eq!(settings.estimate, EstimatePolicy { source: Estimate::Learned, default });
    assert_eq!(settings.charge.without_usage, FallbackCharge::Nothing);
    assert_eq!(settings.charge.upstream_failure, FallbackCharge::Estimate);
    assert_eq!(settings.charge.abort, AbortCharge::Estimate);
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
        &[("ERROR_FORMAT", "openai"), ("RATE_LIMIT_HEADERS", "ietf"), ("ESTIMATE", "learned")],
        &[("UPSTREAM_RATE_LIMIT_HEADERS", "rename"), ("ACCEPT_ENCODING", "keep")],
        &[("CHARGE_WITHOUT_USAGE", "request"), ("CHARGE_ON_UPSTREAM_FAILURE", "nothing")],
        &[("CHARGE_ON_ABORT", "estimate"), ("DEFAULT_ESTIMATE", "0500")],
        &[("UNKNOWN_CLIENT_RPM", "0009"), ("FAILURE_MODE", "open"), ("LOG_FORMAT", "json")],
    ] {
        let first = settings(&[], environment);
        let lines = first.to_lines();
        let printed: Vec<_> = lines.lines().filter_map(|line| line.split_once('=')).collect();
        assert_eq!(settings(&[], &printed), first);
    }
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
