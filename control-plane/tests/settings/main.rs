//! Settings as an operator gives them: flags, environment variables, mistakes.

mod refusals;
mod upstream;
mod variables;

use std::path::Path;

use flowguard::{
    envoy_config::{Bounds, CertificateName, ControlPlaneTls},
    http::{CorsOrigins, Origin},
    ledger::{
        AbortCharge, ChargePolicy, EstimatePolicy, EstimateSource, FallbackCharge, ReadCharge,
        RetryAfter, UnknownClients, WithoutUsageCharge,
    },
    logging::{LogFormat, LogLevel},
    process::{Command, Exit, Invocation},
    settings::Settings,
    store::DataDir,
    tls,
};
use limiter::{PerMinute, Tokens};
use proto::plugin_config::{
    AcceptEncoding, ErrorFormat, FailureMode, Mode, ModelFrom, RateLimitHeaders,
    UpstreamRateLimitHeaders,
};

fn parse(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Invocation, Exit> {
    let arguments = ["flowguard"].iter().chain(arguments);
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    Invocation::parse(arguments, environment)
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
         STREAM_IDLE_TIMEOUT_S=600\n\
         PROXY_PORT=8080\n\
         METRICS_PORT=9090\n\
         CONFIG_PORT=9091\n\
         GRPC_PORT=9092\n\
         DECISION_PORT=9095\n\
         HEALTH_PORT=\n\
         CONTROL_PLANES=\n\
         ENVOY_ADMIN_PORT=9901\n\
         ENVOY_CONNECTIONS_MAX=50000\n\
         ENVOY_HEAP_BYTES=1073741824\n\
         BIND_ADDRESS=127.0.0.1\n\
         ALLOWED_HOSTS=\n\
         CORS_ALLOW_ORIGINS=\n\
         ADMIN_AUTH=auto\n\
         DECIDE_AUTH=auto\n\
         ADMIN_TOKEN_FILE=\n\
         ADMIN_JWKS_FILE=\n\
         ADMIN_JWT_ISSUER=\n\
         ADMIN_JWT_AUDIENCE=\n\
         ADMIN_JWT_SCOPES_CLAIM=scope\n\
         TLS_CERT_FILE=\n\
         TLS_KEY_FILE=\n\
         TLS_CLIENT_CA_FILE=\n\
         CONTROL_PLANE_CA_FILE=\n\
         CONTROL_PLANE_NAME=\n\
         ENVOY_CERT_FILE=\n\
         ENVOY_KEY_FILE=\n\
         LOG_LEVEL=info\n\
         LOG_FORMAT=text\n\
         FLOWGUARD_MODE=enforce\n\
         FLOWGUARD_IDENTITY=header\n\
         IDENTITY_HEADERS=authorization,x-api-key,api-key,x-goog-api-key\n\
         IDENTITY_CLAIM=[\"envoy.filters.http.jwt_authn\",\"payload\",\"sub\"]\n\
         IDENTITY_CERT=uri\n\
         KEEP_CREDENTIAL=false\n\
         TRUST_CLIENT_HEADER=false\n\
         FAILURE_MODE=closed\n\
         DECISION_TIMEOUT_MS=250\n\
         ERROR_FORMAT=flowguard\n\
         RATE_LIMIT_HEADERS=openai\n\
         UPSTREAM_RATE_LIMIT_HEADERS=replace\n\
         ACCEPT_ENCODING=drop\n\
         MODEL_FROM=path\n\
         MODEL_HEADER=x-model\n\
         EXEMPT_PATHS=\n\
         EXEMPT_PREFLIGHT=false\n\
         RETRY_AFTER=exact\n\
         ESTIMATE=header\n\
         DEFAULT_ESTIMATE=1000\n\
         MIN_ESTIMATE=0\n\
         CHARGE_WITHOUT_USAGE=observed\n\
         CHARGE_ON_ABORT=observed\n\
         OBSERVED_TOKENS_MAX=32768\n\
         CHARGE_ON_READ=request\n\
         CHARGE_ON_UPSTREAM_REFUSAL=request\n\
         CHARGE_ON_UPSTREAM_FAILURE=request\n\
         UNKNOWN_CLIENTS=shared\n\
         UNKNOWN_CLIENT_RPM=60\n\
         UNKNOWN_CLIENT_TPM=1000\n\
         DEMO_CLIENTS=true\n\
         CONFIG_FILE=\n\
         DATA_DIR=flowguard-data\n\
         AUDIT_FILE=\n\
         DECISIONS_KEPT=1000000\n\
         RESUME_TIMEOUT_MS=60000\n\
         STORE_URL=\n\
         STORE_PASSWORD_FILE=\n\
         STORE_CA_FILE=\n\
         STORE_PREFIX={flowguard}:\n\
         STORE_TIMEOUT_MS=200\n\
         STORE_WAIT=0\n\
         STORE_FAILURE_MODE=local\n"
    );
    assert_eq!(
        settings.policy.charge,
        ChargePolicy {
            without_usage: WithoutUsageCharge::Observed,
            upstream_failure: FallbackCharge::Request,
            upstream_refusal: FallbackCharge::Request,
            abort: AbortCharge::Observed,
            read: ReadCharge::Request,
            observed_max: Tokens::new(32_768).unwrap(),
        }
    );
}

#[test]
fn every_setting_can_come_from_the_environment() {
    let settings = settings(
        &[],
        &[
            ("UPSTREAM_URL", "http://llm:8000/base"),
            ("UPSTREAM_CA_FILE", "/ca.pem"),
            ("STREAM_IDLE_TIMEOUT_S", "86400"),
            ("PROXY_PORT", "1"),
            ("METRICS_PORT", "2"),
            ("CONFIG_PORT", "3"),
            ("GRPC_PORT", "4"),
            ("DECISION_PORT", "5"),
            ("ENVOY_ADMIN_PORT", "6"),
            ("HEALTH_PORT", "7"),
            ("TLS_CERT_FILE", "/tls.crt"),
            ("TLS_KEY_FILE", "/tls.key"),
            ("TLS_CLIENT_CA_FILE", "/client-ca.crt"),
            ("CONTROL_PLANE_CA_FILE", "/ca.crt"),
            ("CONTROL_PLANE_NAME", "spiffe://example.org/flowguard"),
            ("ENVOY_CERT_FILE", "/envoy.crt"),
            ("ENVOY_KEY_FILE", "/envoy.key"),
            ("ENVOY_CONNECTIONS_MAX", "10000000"),
            ("ENVOY_HEAP_BYTES", "134217728"),
            ("BIND_ADDRESS", "::1"),
            ("ALLOWED_HOSTS", "control-plane, Flowguard.internal."),
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", "json"),
            ("FLOWGUARD_MODE", "shadow"),
            ("FLOWGUARD_IDENTITY", "mtls"),
            ("IDENTITY_HEADERS", "X-Key"),
            ("IDENTITY_CLAIM", r#"["a","b"]"#),
            ("IDENTITY_CERT", "dns"),
            ("KEEP_CREDENTIAL", "true"),
            ("TRUST_CLIENT_HEADER", "true"),
            ("FAILURE_MODE", "open"),
            ("DECISION_TIMEOUT_MS", "60000"),
            ("ERROR_FORMAT", "anthropic"),
            ("RATE_LIMIT_HEADERS", "both"),
            ("UPSTREAM_RATE_LIMIT_HEADERS", "rename"),
            ("ACCEPT_ENCODING", "keep"),
            ("MODEL_FROM", "header, path"),
            ("MODEL_HEADER", "X-LLM-Model"),
            ("EXEMPT_PATHS", "/healthz, /static/*"),
            ("EXEMPT_PREFLIGHT", "true"),
            ("RETRY_AFTER", "spread"),
            ("ESTIMATE", "learned"),
            ("DEFAULT_ESTIMATE", "0"),
            ("MIN_ESTIMATE", "50"),
            ("CHARGE_WITHOUT_USAGE", "nothing"),
            ("CHARGE_ON_ABORT", "estimate"),
            ("OBSERVED_TOKENS_MAX", "100000000"),
            ("CHARGE_ON_READ", "estimate"),
            ("CHARGE_ON_UPSTREAM_REFUSAL", "nothing"),
            ("CHARGE_ON_UPSTREAM_FAILURE", "estimate"),
            ("UNKNOWN_CLIENTS", "shared"),
            ("UNKNOWN_CLIENT_RPM", "7"),
            ("UNKNOWN_CLIENT_TPM", "1000000000000"),
            ("CORS_ALLOW_ORIGINS", "https://a.example, http://b.example:3000"),
            ("DEMO_CLIENTS", "false"),
            ("CONFIG_FILE", "/clients.yaml"),
            ("DATA_DIR", "/var/lib/flowguard"),
        ],
    );
    let (envoy, listeners) = (settings.envoy, settings.listeners);
    assert_eq!(envoy.upstream.to_string(), "http://llm:8000/base");
    assert_eq!(envoy.upstream_ca_file, "/ca.pem");
    assert_eq!(
        envoy.bounds,
        Bounds {
            connections_max: 10_000_000,
            heap_bytes: 128 << 20,
            stream_idle_timeout_s: 24 * 60 * 60,
        }
    );
    assert_eq!((envoy.proxy_port.get(), envoy.admin_port.get()), (1, 6));
    assert_eq!((listeners.metrics_port, listeners.config_port), (2, 3));
    assert_eq!((listeners.grpc_port, listeners.decision_port), (4, 5));
    assert_eq!(listeners.health_port, Some(7));
    assert!(listeners.ip.is_ipv6());
    assert_eq!(
        settings.tls,
        tls::Config {
            cert_file: Some("/tls.crt".into()),
            key_file: Some("/tls.key".into()),
            client_ca_file: Some("/client-ca.crt".into()),
        }
    );
    assert_eq!(
        envoy.control_plane_tls,
        ControlPlaneTls {
            ca_file: Some("/ca.crt".into()),
            name: CertificateName::Uri("spiffe://example.org/flowguard".into()),
            cert_file: Some("/envoy.crt".into()),
            key_file: Some("/envoy.key".into()),
        }
    );
    assert_eq!(settings.config_file.as_deref(), Some(Path::new("/clients.yaml")));
    assert_eq!(settings.access.hosts.to_string(), "control-plane,flowguard.internal");
    assert_eq!(settings.policy.retry_after, RetryAfter::Spread);
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Trace, LogFormat::Json));
    let filter = envoy.filter;
    assert_eq!(filter.mode, Mode::Shadow);
    assert_eq!((filter.failure_mode, filter.decision_timeout_ms), (FailureMode::Open, 60_000));
    assert_eq!(filter.error_format, ErrorFormat::Anthropic);
    assert_eq!(filter.rate_limit_headers, RateLimitHeaders::Both);
    assert_eq!(filter.upstream_rate_limit_headers, UpstreamRateLimitHeaders::Rename);
    assert_eq!(filter.accept_encoding, AcceptEncoding::Keep);
    assert_eq!(filter.model_from, [ModelFrom::Header, ModelFrom::Path]);
    assert_eq!(filter.model_header, "x-llm-model");
    assert_eq!(filter.exempt_paths, ["/healthz", "/static/*"]);
    assert!(filter.exempt_preflight);
    let tokens = |number| Tokens::new(number).unwrap();
    assert_eq!(
        settings.policy.estimate,
        EstimatePolicy { source: EstimateSource::Learned, default: tokens(0), min: tokens(50) }
    );
    assert_eq!(
        settings.policy.charge,
        ChargePolicy {
            without_usage: WithoutUsageCharge::Fixed(FallbackCharge::Nothing),
            upstream_failure: FallbackCharge::Estimate,
            upstream_refusal: FallbackCharge::Nothing,
            abort: AbortCharge::Estimate,
            read: ReadCharge::Estimate,
            observed_max: tokens(100_000_000),
        }
    );
    let (rpm, tpm) = (PerMinute::new(7).unwrap(), PerMinute::new(1_000_000_000_000).unwrap());
    assert_eq!(settings.policy.unknown_clients, UnknownClients::Shared { rpm, tpm });
    let CorsOrigins::List(origins) = &settings.access.origins else { panic!("no list") };
    let origins: Vec<_> = origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["https://a.example", "http://b.example:3000"]);
    assert!(!settings.demo_clients);
    assert_eq!(settings.data_dir, DataDir::Folder("/var/lib/flowguard".into()));
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
        assert_eq!(invocation.settings.envoy.proxy_port.get(), 2222);
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
        &[("UPSTREAM_URL", "https://[2001:db8::1]:8443/a/b/"), ("BIND_ADDRESS", "::1")],
        &[("BIND_ADDRESS", "0.0.0.0"), ("TRUST_CLIENT_HEADER", "true")],
        &[("FLOWGUARD_IDENTITY", "api-key"), ("IDENTITY_HEADERS", "X-Key, authorization")],
        &[("IDENTITY_CLAIM", r#"[ "a.b", "https://c/\"d\"" ]"#), ("IDENTITY_CERT", "digest")],
        &[("UPSTREAM_URL", "HTTPS://BÜCHER.example:443"), ("CORS_ALLOW_ORIGINS", "*")],
        &[("CORS_ALLOW_ORIGINS", "HTTPS://A.example:443,http://localhost:3000")],
        &[("UNKNOWN_CLIENTS", "deny"), ("UNKNOWN_CLIENT_RPM", "9")],
        &[("UNKNOWN_CLIENTS", "allow"), ("DEMO_CLIENTS", "false"), ("GRPC_PORT", "0")],
        &[("ERROR_FORMAT", "openai"), ("RATE_LIMIT_HEADERS", "ietf"), ("ESTIMATE", "learned")],
        &[("UPSTREAM_RATE_LIMIT_HEADERS", "rename"), ("ACCEPT_ENCODING", "keep")],
        &[("RETRY_AFTER", "spread")],
        &[("CHARGE_WITHOUT_USAGE", "request"), ("CHARGE_ON_UPSTREAM_FAILURE", "nothing")],
        &[("CHARGE_ON_ABORT", "estimate"), ("DEFAULT_ESTIMATE", "0500")],
        &[("CHARGE_ON_READ", "estimate"), ("CHARGE_ON_UPSTREAM_REFUSAL", "nothing")],
        &[("OBSERVED_TOKENS_MAX", "0"), ("MIN_ESTIMATE", "100"), ("CHARGE_ON_ABORT", "known")],
        &[("MODEL_FROM", "header , path"), ("MODEL_HEADER", "X-Model-2")],
        &[("EXEMPT_PATHS", "/healthz,  /static/*"), ("EXEMPT_PREFLIGHT", "true")],
        &[("ALLOWED_HOSTS", "Control-Plane, 192.0.2.1,[::1]"), ("ERROR_FORMAT", "auto")],
        &[("ENVOY_CONNECTIONS_MAX", "0512"), ("ENVOY_HEAP_BYTES", "1610612736")],
        &[("STREAM_IDLE_TIMEOUT_S", "1"), ("DATA_DIR", "memory")],
        &[("DATA_DIR", "./memory")],
        &[("UNKNOWN_CLIENT_RPM", "0009"), ("FAILURE_MODE", "open"), ("LOG_FORMAT", "json")],
        &[("FLOWGUARD_MODE", "shadow")],
        &[("TLS_CERT_FILE", "/a"), ("TLS_KEY_FILE", "/b"), ("HEALTH_PORT", "0")],
        &[("CONTROL_PLANE_CA_FILE", "/a"), ("CONTROL_PLANE_NAME", "Flowguard.example")],
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
    assert_eq!(settings(&flags, &[]).listeners.decision_port, 0);
}

#[test]
fn cors_origins_are_as_browsers_write_them() {
    let origins = |text| settings(&[], &[("CORS_ALLOW_ORIGINS", text)]).access.origins;
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
fn allowed_hosts_are_compared_as_names_are() {
    let hosts = settings(&[], &[("ALLOWED_HOSTS", "Control-Plane,flowguard.internal.")]);
    let hosts = hosts.access.hosts;
    for host in ["control-plane", "CONTROL-PLANE", "control-plane.", "flowguard.internal"] {
        assert!(hosts.contains(host), "{host}");
    }
    for host in ["", "control", "control-plane:9090", "x.control-plane", "flowguard.internal.."] {
        assert!(!hosts.contains(host), "{host}");
    }
    for text in ["a:1", "http://a", "a,,b", "a,", "*", "a b", "a/b"] {
        assert!(refusal(&[], &[("ALLOWED_HOSTS", text)]).starts_with("ALLOWED_HOSTS="), "{text}");
    }
}

#[test]
fn an_exempt_path_has_one_spelling() {
    let exempt = |text: &str| settings(&[], &[("EXEMPT_PATHS", text)]).envoy.filter.exempt_paths;
    assert_eq!(exempt(""), [""; 0]);
    for text in ["/", "/*", "/healthz", "/health/", "/a/b.js", "/.well-known/*", "/a/..b/c~d+e@f"] {
        assert_eq!(exempt(text), [text]);
    }
    for text in [
        "healthz", "*", "/a*", "/a/*/b", "/**", "/a//b", "//", "/a//*", "/a/./b", "/a/..", "/../a",
        "/./*", "/a%2Fb", "/%", "/a\\b", "/a;b", "/a?b", "/a#b", "/a b", "/é", "/a\u{7f}",
        "/a,,/b", "/a,", ",",
    ] {
        assert!(refusal(&[], &[("EXEMPT_PATHS", text)]).starts_with("EXEMPT_PATHS="), "{text}");
    }
    let paths = |count| vec!["/a"; count].join(",");
    assert_eq!(exempt(&paths(64)).len(), 64);
    assert!(refusal(&[], &[("EXEMPT_PATHS", &paths(65))]).contains("up to 64 paths"));
    let path = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    assert_eq!(exempt(&path(1_024)).len(), 1);
    assert!(refusal(&[], &[("EXEMPT_PATHS", &path(1_025))]).starts_with("EXEMPT_PATHS="));
}

#[test]
fn a_header_is_believed_where_nobody_else_gets_or_an_operator_says_so() {
    let on = |ip: &'static str| ("BIND_ADDRESS", ip);
    for ip in ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"] {
        let refused = refusal(&[], &[on(ip)]);
        assert!(refused.starts_with("FLOWGUARD_IDENTITY=header (--identity) "), "{refused}");
        assert!(refused.contains(&format!("BIND_ADDRESS={ip} ")), "{refused}");
        assert!(
            refused.contains("TRUST_CLIENT_HEADER=true") && !refused.contains('\n'),
            "{refused}"
        );
        settings(&[], &[on(ip), ("TRUST_CLIENT_HEADER", "true")]);
        for identity in ["api-key", "jwt", "mtls"] {
            settings(&["--identity", identity], &[on(ip)]);
        }
    }
    for ip in ["127.0.0.1", "127.1.2.3", "::1"] {
        settings(&[], &[on(ip)]);
    }
}

#[test]
fn nobody_is_known_in_a_mode_that_asks_nobody() {
    for identity in ["api-key", "jwt", "mtls"] {
        for mode in ["off", "pass"] {
            let refused = refusal(&["--identity", identity, "--mode", mode], &[]);
            let named = format!(
                "FLOWGUARD_MODE={mode} (--mode) is not allowed with FLOWGUARD_IDENTITY={identity} "
            );
            assert!(refused.starts_with(&named), "{refused}");
        }
        settings(&["--identity", identity, "--mode", "shadow"], &[]);
    }
}

#[test]
fn each_stranger_has_limits_of_its_own_only_where_it_is_verified_and_in_one_process() {
    let each = ("UNKNOWN_CLIENTS", "each");
    let by_key = ("FLOWGUARD_IDENTITY", "api-key");
    let refused = refusal(&[], &[each]);
    assert!(
        refused.starts_with("UNKNOWN_CLIENTS=each is not allowed with FLOWGUARD_IDENTITY=header")
    );
    let refused = refusal(&[], &[each, by_key, ("STORE_URL", "redis://store")]);
    assert!(
        refused.starts_with("UNKNOWN_CLIENTS=each is not allowed with STORE_URL "),
        "{refused}"
    );
    let allowed = settings(&[], &[each, by_key, ("UNKNOWN_CLIENT_RPM", "7")]);
    let UnknownClients::Each { rpm, tpm } = allowed.policy.unknown_clients else {
        panic!("{allowed:?}")
    };
    assert_eq!((rpm.get(), tpm.get()), (7, 1_000));
    assert!(allowed.to_lines().contains("UNKNOWN_CLIENTS=each\nUNKNOWN_CLIENT_RPM=7\n"));
}

#[test]
fn a_claim_is_named_by_a_list_since_its_names_hold_whatever_could_separate_them() {
    let claim = |text: &str| settings(&[], &[("IDENTITY_CLAIM", text)]).envoy.filter.identity_claim;
    assert_eq!(claim(r#"["f", "https://a.example/id,x"]"#), ["f", "https://a.example/id,x"]);
    for text in ["", "sub", "[]", r#"["a"]"#, r#"["a",1]"#, r#"["a",""]"#, r#"["a","b\n"]"#, "{}"] {
        let refused = refusal(&[], &[("IDENTITY_CLAIM", text)]);
        assert!(refused.contains(" is not allowed: a JSON list of 2 to 16 names"), "{refused}");
    }
    for text in ["", "a,A", "x_key", ":path", "a b"] {
        assert!(refusal(&[], &[("IDENTITY_HEADERS", text)]).starts_with("IDENTITY_HEADERS="));
    }
}

/// Such a header was taken off every request.
#[test]
fn a_key_is_looked_for_in_no_header_that_a_request_needs_itself() {
    for text in ["host", "Content-Type", "x-key,te", "X-Client-ID", "x-token-estimate"] {
        let refused = refusal(&[], &[("IDENTITY_HEADERS", text)]);
        assert!(
            refused.starts_with(&format!("IDENTITY_HEADERS={text} is not allowed")),
            "{refused}"
        );
        assert!(refused.contains("none that a request needs itself"), "{refused}");
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
