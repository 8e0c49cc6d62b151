//! The environment variables that hold settings, and those that only look like it.

use proto::plugin_config::Mode;

use super::{parse, refusal, settings};

fn port(environment: &[(&str, &str)]) -> u16 {
    settings(&[], environment).envoy.proxy_port.get()
}

/// What is told about these variables.
fn told(environment: &[(&str, &str)]) -> Vec<String> {
    let warnings = parse(&[], environment).expect("these variables are allowed").warnings;
    warnings.iter().map(ToString::to_string).collect()
}

/// The setting's name as it is written with the prefix, which the name of one has already.
fn with_prefix(name: &str) -> String {
    if name.starts_with("FLOWGUARD_") { name.to_owned() } else { format!("FLOWGUARD_{name}") }
}

#[test]
fn a_flag_counts_before_the_prefixed_variable_and_that_before_the_bare_one() {
    let bare = ("PROXY_PORT", "1");
    let prefixed = ("FLOWGUARD_PROXY_PORT", "2");
    assert_eq!(port(&[bare]), 1);
    assert_eq!(port(&[prefixed]), 2);
    assert_eq!(port(&[bare, prefixed]), 2);
    let flag = settings(&["--proxy-port=3"], &[bare, prefixed]);
    assert_eq!(flag.envoy.proxy_port.get(), 3);
}

#[test]
fn every_setting_can_come_with_the_prefix() {
    let prefixed: Vec<_> = settings(&[], &[])
        .to_lines()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (with_prefix(name), value.to_owned()))
        .collect();
    for (name, _) in &prefixed {
        let given: Vec<_> = prefixed
            .iter()
            .map(|(other, value)| (other.as_str(), if other == name { "\u{1}" } else { value }))
            .collect();
        // A file may have any name, and so may an issuer and what it has in its tokens.
        if !name.ends_with("_FILE") && !name.contains("_JWT_") {
            assert!(refusal(&[], &given).starts_with(&format!("{name}=\\u{{1}}")), "{name}");
        }
    }
}

#[test]
fn a_wrong_value_is_told_with_the_variable_that_holds_it() {
    let wrong = [("PROXY_PORT", "8081"), ("FLOWGUARD_PROXY_PORT", "abc")];
    assert_eq!(
        refusal(&[], &wrong),
        "FLOWGUARD_PROXY_PORT=abc (--proxy-port) is not allowed: a port from 1 to 65535"
    );
    let secret = [("FLOWGUARD_UPSTREAM_URL", "https://me:secret@h")];
    assert_eq!(
        refusal(&[], &secret).split(" is ").next(),
        Some("FLOWGUARD_UPSTREAM_URL=https://*** (--upstream-url)")
    );
}

#[test]
fn a_variable_with_the_prefix_and_nearly_a_settings_name_is_refused_with_that_name() {
    for (misspelt, meant) in [
        ("ERORR_FORMAT", "ERROR_FORMAT"),
        ("EROR_FORMAT", "ERROR_FORMAT"),
        ("ERROR_FORMATS", "ERROR_FORMAT"),
        ("ERRORFORMAT", "ERROR_FORMAT"),
        ("_ERROR_FORMAT", "ERROR_FORMAT"),
        ("error_format", "ERROR_FORMAT"),
        ("ERORR_FROMAT", "ERROR_FORMAT"),
        ("PROXI_PORT", "PROXY_PORT"),
        ("UNKNOWN_CLIENTS_RPM", "UNKNOWN_CLIENT_RPM"),
        ("CHARGE_ON_ABORTS", "CHARGE_ON_ABORT"),
        ("MIN_ESTIMATES", "MIN_ESTIMATE"),
        ("CORS_ALLOW_ORIGIN", "CORS_ALLOW_ORIGINS"),
        ("GRPC_HOST", "GRPC_PORT"),
        ("MOED", "MODE"),
        ("FLOWGUARD_MODE", "MODE"),
    ] {
        let variable = format!("FLOWGUARD_{misspelt}");
        assert_eq!(
            refusal(&[], &[(&variable, "1")]),
            format!("{variable} is not a setting: FLOWGUARD_{meant} is one")
        );
    }
    // Whatever else is given, and though the setting itself is there too.
    let both = [("FLOWGUARD_ERROR_FORMAT", "auto"), ("FLOWGUARD_EROR_FORMAT", "openai")];
    assert!(refusal(&["--proxy-port=1"], &both).starts_with("FLOWGUARD_EROR_FORMAT "));
}

#[test]
fn the_name_of_one_setting_is_never_a_mistake_for_another() {
    let lines = settings(&[], &[]).to_lines();
    for (name, value) in lines.lines().filter_map(|line| line.split_once('=')) {
        assert_eq!(told(&[(name, value), (&with_prefix(name), value)]), [""; 0]);
    }
}

#[test]
fn another_variable_with_the_prefix_is_told_once() {
    for variable in ["FLOWGUARD_LIMITS", "FLOWGUARD_CONSOLE", "FLOWGUARD_", "FLOWGUARD_PORT"] {
        assert_eq!(
            told(&[(variable, "secret")]),
            [format!("the variable {variable} has no effect: no setting has this name")]
        );
    }
    let long = format!("FLOWGUARD_{}", "X".repeat(10_000));
    let told = told(&[(&long, ""), ("FLOWGUARD_A\nB", "")]);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|line| line.len() < 200 && !line.contains('\n')), "{told:?}");
}

#[test]
fn a_bare_variable_that_is_nearly_a_setting_is_told_and_not_refused() {
    for (variable, meant) in [
        ("ERORR_FORMAT", "ERROR_FORMAT"),
        ("UPSTREAM_URI", "UPSTREAM_URL"),
        ("FLOWGAURD_ERROR_FORMAT", "ERROR_FORMAT"),
    ] {
        assert_eq!(
            told(&[(variable, "openai")]),
            [format!("the variable {variable} has no effect: {meant} is the setting's name")]
        );
    }
    for variable in ["PATH", "HOME", "RUST_LOG", "PORT", "HTTP_PROXY", "DATABASE_URL", "MODE"] {
        assert_eq!(told(&[(variable, "x")]), [""; 0], "{variable}");
    }
}

#[test]
fn the_mode_has_no_bare_variable_since_many_environments_have_one_of_that_name() {
    let mode = |arguments: &[&str], environment: &[(&str, &str)]| {
        settings(arguments, environment).envoy.filter.mode
    };
    assert_eq!(mode(&[], &[("MODE", "production")]), Mode::Enforce);
    assert_eq!(mode(&[], &[("MODE", "production"), ("FLOWGUARD_MODE", "shadow")]), Mode::Shadow);
    for arguments in [&["serve", "--mode=pass"][..], &["--mode", "pass", "envoy-config"]] {
        assert_eq!(mode(arguments, &[("FLOWGUARD_MODE", "off")]), Mode::Pass);
    }
    assert_eq!(
        refusal(&[], &[("FLOWGUARD_MODE", "loud")]),
        "FLOWGUARD_MODE=loud (--mode) is not allowed: enforce, shadow, pass or off"
    );
    // Half of its letters are another word.
    for other in ["FLOWGUARD_HOME", "FLOWGUARD_NAME", "FLOWGUARD_NOTES"] {
        assert_eq!(mode(&[], &[(other, "x")]), Mode::Enforce, "{other}");
    }
}

#[test]
fn what_kubernetes_and_docker_make_of_services_is_not_looked_at() {
    let made = [
        ("FLOWGUARD_SERVICE_HOST", "10.0.0.1"),
        ("FLOWGUARD_SERVICE_PORT", "9095"),
        ("FLOWGUARD_SERVICE_PORT_GRPC_DECISIONS", "9095"),
        ("FLOWGUARD_PORT", "tcp://10.0.0.1:9095"),
        ("FLOWGUARD_PORT_9095_TCP", "tcp://10.0.0.1:9095"),
        ("FLOWGUARD_PORT_9095_TCP_PROTO", "tcp"),
        ("FLOWGUARD_PORT_9095_TCP_PORT", "9095"),
        ("FLOWGUARD_PORT_9095_TCP_ADDR", "10.0.0.1"),
        ("FLOWGUARD_DNS_PORT_53_UDP", "udp://10.0.0.1:53"),
        // Services named `flowguard-proxy`, `proxy` and `grpc`.
        ("FLOWGUARD_PROXY_PORT", "tcp://10.0.0.2:8080"),
        ("FLOWGUARD_PROXY_SERVICE_HOST", "10.0.0.2"),
        ("PROXY_PORT", "tcp://10.0.0.3:8080"),
        ("GRPC_PORT", "tcp://10.0.0.4:9092"),
        ("GRPC_PORT_9092_TCP_PORT", "9092"),
    ];
    assert_eq!(told(&made), [""; 0]);
    let settings = settings(&[], &made);
    assert_eq!((settings.envoy.proxy_port.get(), settings.listeners.grpc_port), (8080, 9092));
    // A value that somebody wrote for another setting is wrong as ever.
    assert!(refusal(&[], &[("UPSTREAM_URL", "tcp://10.0.0.1:80")]).starts_with("UPSTREAM_URL="));
}

#[test]
fn variables_that_other_programs_read_are_not_looked_at() {
    for variable in ["SERVER", "TOKEN_FILE", "BIN", "FILTER"] {
        assert_eq!(told(&[(&format!("FLOWGUARD_{variable}"), "x")]), [""; 0], "{variable}");
    }
    // OpenSSL's, where nobody meant TLS_CERT_FILE.
    assert!(told(&[("SSL_CERT_FILE", "/etc/ssl/cert.pem")]).is_empty());
}
