//! What is said about a setting or a command line that is wrong.

use proptest::prelude::*;

use super::{refusal, settings};

fn check_refused(name: &str, value: &str, message: &str) {
    assert_eq!(refusal(&[], &[(name, value)]), message);
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
    check_refused(
        "DATA_DIR",
        "",
        "DATA_DIR= (--data-dir) is not allowed: the path of a folder, in UTF-8 without control \
         characters, or memory",
    );
    check_refused("LOG_FORMAT", "xml", "LOG_FORMAT=xml is not allowed: text or json");
    check_refused(
        "UNKNOWN_CLIENTS",
        "block",
        "UNKNOWN_CLIENTS=block is not allowed: shared, each, deny or allow",
    );
    let charge = "estimate, request or nothing";
    for (name, value, allowed) in [
        ("ERROR_FORMAT", "OpenAI", "flowguard, openai, anthropic or auto"),
        ("RATE_LIMIT_HEADERS", "on", "off, openai, ietf or both"),
        ("UPSTREAM_RATE_LIMIT_HEADERS", "keep", "replace or rename"),
        ("ACCEPT_ENCODING", "gzip", "drop or keep"),
        ("RETRY_AFTER", "jitter", "exact or spread"),
        ("ESTIMATE", "guessed", "header or learned"),
        ("CHARGE_WITHOUT_USAGE", "", "observed, estimate, request or nothing"),
        ("CHARGE_ON_UPSTREAM_FAILURE", "tokens", charge),
        ("CHARGE_ON_UPSTREAM_REFUSAL", "observed", charge),
        ("CHARGE_ON_ABORT", "request", "observed, estimate or known"),
        ("CHARGE_ON_READ", "nothing", "request or estimate"),
    ] {
        check_refused(name, value, &format!("{name}={value} is not allowed: {allowed}"));
    }
    check_refused(
        "EXEMPT_PATHS",
        "/a/../b",
        "EXEMPT_PATHS=/a/../b is not allowed: up to 64 paths such as /healthz or /static/*, of at most 1024 bytes, separated by commas, without % ? # ; \\ // and segments . or ..",
    );
    for value in ["", "body", "path,", "path,path", "path;header", "Path"] {
        check_refused(
            "MODEL_FROM",
            value,
            &format!(
                "MODEL_FROM={value} is not allowed: path, header, or both in the order in which they are tried, separated by a comma"
            ),
        );
    }
    for value in ["", "x model", "x_model", ":path"] {
        check_refused(
            "MODEL_HEADER",
            value,
            &format!(
                "MODEL_HEADER={value} is not allowed: the name of a header, 1 to 64 characters of A-Z a-z 0-9 -"
            ),
        );
    }
    check_refused(
        "ALLOWED_HOSTS",
        "a:9090",
        "ALLOWED_HOSTS=a:9090 is not allowed: host names such as control-plane, separated by commas",
    );
    check_refused("EXEMPT_PREFLIGHT", "1", "EXEMPT_PREFLIGHT=1 is not allowed: true or false");
    check_refused("DEMO_CLIENTS", "yes", "DEMO_CLIENTS=yes is not allowed: true or false");
    assert_eq!(
        refusal(&["--failure-mode", "ajar"], &[]),
        "FAILURE_MODE=ajar (--failure-mode) is not allowed: closed or open"
    );
}

#[test]
fn what_is_allowed_is_made_of_what_is() {
    let tokens = "an integer from 0 to 1000000000000";
    for (name, allowed) in [
        (
            "UPSTREAM_URL",
            "an http or https URL of a host, with an optional port and path, without user name, query and fragment",
        ),
        ("UPSTREAM_CA_FILE", "the path of a file of PEM certificates"),
        ("STREAM_IDLE_TIMEOUT_S", "an integer from 1 to 86400"),
        ("ENVOY_CONNECTIONS_MAX", "an integer from 1 to 10000000"),
        ("ENVOY_HEAP_BYTES", "an integer from 134217728 (128 MiB) to 1099511627776 (1 TiB)"),
        ("LOG_LEVEL", "error, warn, info, debug or trace"),
        ("FAILURE_MODE", "closed or open"),
        ("DEFAULT_ESTIMATE", tokens),
        ("MIN_ESTIMATE", tokens),
        ("OBSERVED_TOKENS_MAX", "an integer from 0 to 100000000"),
        ("UNKNOWN_CLIENT_TPM", "an integer from 1 to 1000000000000"),
    ] {
        let said = refusal(&[], &[(name, "")]);
        assert!(said.ends_with(&format!(" is not allowed: {allowed}")), "{said}");
    }
    assert!(refusal(&[], &[("CORS_ALLOW_ORIGINS", "a")]).ends_with(
        " is not allowed: origins such as https://console.example.com, separated by commas, or *"
    ));
}

#[test]
fn of_several_mistakes_the_first_in_the_order_of_the_settings_is_told() {
    let wrong = [("DEMO_CLIENTS", "x"), ("LOG_LEVEL", "x"), ("ESTIMATE", "x")];
    assert!(refusal(&[], &wrong).starts_with("LOG_LEVEL=x"));
    assert!(refusal(&["--metrics-port=8080"], &wrong).starts_with("PROXY_PORT (--proxy-port) and"));
    assert!(refusal(&["--metrics-port=8080", "--upstream-url=x"], &[]).starts_with("UPSTREAM_URL"));
}

#[test]
fn numbers_are_decimal_digits_within_their_range() {
    for (name, values) in [
        ("PROXY_PORT", &["+80", "-1", " 80", "8 0", "80.0", "0x50", "８０"][..]),
        ("DECISION_TIMEOUT_MS", &["0", "-5", "1e3", "99999999999999999999"]),
        ("DEFAULT_ESTIMATE", &["-1", "1000000000001", ""]),
        ("MIN_ESTIMATE", &["-1", "1000000000001", "1k"]),
        ("OBSERVED_TOKENS_MAX", &["-1", "100000001", ""]),
        ("ENVOY_CONNECTIONS_MAX", &["0", "10000001", "50_000"]),
        ("ENVOY_HEAP_BYTES", &["0", "134217727", "1099511627777", "1GiB", "1.5e9"]),
        ("STREAM_IDLE_TIMEOUT_S", &["0", "86401", "10m", "0.5"]),
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
fn a_store_that_is_none_is_refused_for_what_is_wrong_with_it_and_never_repeats_who_logs_in() {
    for (value, shown, allowed) in [
        ("redis:/store", "redis:/store", "a URL such as redis://host:6379, "),
        ("redis://store/1", "redis://store/1", "redis:// ends with its host and port, "),
        (
            "redis+cluster://a,b/1",
            "redis+cluster://a,b/1",
            "redis+cluster:// ends with its hosts, ",
        ),
        ("redis://store:0", "redis://store:0", "a port is an integer from 1 to 65535; "),
        ("redis+sentinel://a,b", "redis+sentinel://a,b", "behind its hosts redis+sentinel:// has "),
        ("redis://a,b", "redis://a,b", "redis:// has one host: "),
        ("redis://:secret@store/1", "redis://***", "redis:// ends with its host and port, "),
        ("rediss+cluster://secret@", "rediss+cluster://***", "a host is a name or an IP address, "),
        (
            "redis+sentinel://me:secret@a,me:secret@b/main",
            "redis+sentinel://***",
            "a user and a password stand once, before the first host, and are told to every other one; \
             here they stand again before b ",
        ),
    ] {
        let told = refusal(&[], &[("STORE_URL", value)]);
        let begin = format!("STORE_URL={shown} (--store-url) is not allowed: {allowed}");
        assert!(told.starts_with(&begin), "{told}");
        assert!(!told.contains(['\n', '\r']) && !told.contains("secret"), "{told}");
    }
    let lines = settings(&[], &[("STORE_URL", "redis://secret@store")]).to_lines();
    assert!(lines.contains("STORE_URL=redis://***@store:6379\n"), "{lines}");
}

#[test]
fn keys_that_a_cluster_would_spread_over_its_servers_are_refused() {
    let cluster = ("STORE_URL", "redis+cluster://node-1,node-2:7000");
    for prefix in ["limits:", "{}limits:", "limits}{:", "{}{limits}:", "{limits"] {
        assert_eq!(
            refusal(&[], &[cluster, ("STORE_PREFIX", prefix)]),
            format!(
                "STORE_PREFIX={prefix} has no part in braces, without which a cluster (STORE_URL) \
                 spreads the keys over its servers: name one, such as {{limits}}:"
            )
        );
        settings(&[], &[("STORE_URL", "redis://node-1"), ("STORE_PREFIX", prefix)]);
    }
    for prefix in ["{limits}:", "of-{limits}", "{{}", "{flowguard}:"] {
        settings(&[], &[cluster, ("STORE_PREFIX", prefix)]);
    }
}

#[test]
fn a_file_of_clients_beside_a_store_is_refused_whatever_is_to_be_done() {
    let told = "CONFIG_FILE (--config-file) and STORE_URL (--store-url) are both set, and one of them is \
                allowed: control planes that share a store have their clients there, not in a file of \
                one of them; leave CONFIG_FILE out, and send the file once with PUT /api/v1/config";
    let (file, store) = (("CONFIG_FILE", "clients.yaml"), ("STORE_URL", "redis://store"));
    for command in
        [&["serve"][..], &["data", "check"], &["data", "import", "backup"], &["settings"]]
    {
        assert_eq!(refusal(command, &[file, store]), told, "{command:?}");
        for alone in [file, store] {
            settings(command, &[alone]);
        }
    }
    assert_eq!(refusal(&["--config-file=a", "--store-url=redis://store"], &[]), told);
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
            "run is not a command: serve, settings, envoy-config, health, validate, data, tokens, completions, clients, limits, models, keys, stats, explain, preview, decisions, history, system, audit, events, apply, diff, dump, top or context; see flowguard --help",
        ),
        (
            &["data"],
            "data needs a command: check, export, import or backup; see flowguard data --help",
        ),
        (
            &["tokens"],
            "tokens needs a command: create, list, get or revoke; see flowguard tokens --help",
        ),
        (
            &["data", "restore"],
            "restore is not a command of data: check, export, import or backup; see flowguard data --help",
        ),
        (&["--nope"], "--nope is not expected; see flowguard --help"),
        (&["serve", "x"], "x is not expected; see flowguard serve --help"),
        (&["--proxy-port"], "--proxy-port <PORT> needs a value; see flowguard --help"),
        (
            &["--proxy-port=1", "--proxy-port=2"],
            "--proxy-port <PORT> is given twice; see flowguard --help",
        ),
        (
            &["a\nb\u{1b}[31m"],
            "a\\nb\\u{1b}[31m is not a command: serve, settings, envoy-config, health, validate, data, tokens, completions, clients, limits, models, keys, stats, explain, preview, decisions, history, system, audit, events, apply, diff, dump, top or context; see flowguard --help",
        ),
        (
            &["envoy-config", "--mode=loud"],
            "FLOWGUARD_MODE=loud (--mode) is not allowed: enforce, shadow, pass or off",
        ),
        (
            &["envoy-config", "--filter="],
            "--filter= is not allowed: the path of filter.wasm, in UTF-8",
        ),
        (
            &["envoy-config", "--control-plane-host=a:1"],
            "--control-plane-host=a:1 is not allowed: a host name or an IP address",
        ),
        (
            &["envoy-config", "--stats-port=0"],
            "--stats-port=0 is not allowed: a port from 1 to 65535",
        ),
    ] {
        assert_eq!(refusal(arguments, &[]), message);
    }
}

proptest! {
    #[test]
    fn a_hostile_value_is_repeated_in_one_short_printable_line(value in "\\PC*|.{0,300}|(?s:.{0,300})") {
        // Only digits alone could be allowed.
        prop_assume!(value.contains(|c: char| !c.is_ascii_digit()));
        let refusal = refusal(&[], &[("PROXY_PORT", &value)]);
        prop_assert!(!refusal.contains(char::is_control));
        prop_assert!(refusal.chars().count() < 200);
    }
}

#[test]
fn an_issuer_is_named_with_its_keys_and_what_it_calls_this_control_plane() {
    let file = ("ADMIN_JWKS_FILE", "/jwks.json");
    let (issuer, audience) =
        (("ADMIN_JWT_ISSUER", "https://id.example"), ("ADMIN_JWT_AUDIENCE", "flowguard"));
    let told = "ADMIN_JWKS_FILE is set, and ADMIN_JWT_ISSUER and ADMIN_JWT_AUDIENCE are not both: they are \
                needed, so that no token of another issuer, or for something else, is believed";
    for given in [&[file][..], &[file, issuer], &[file, audience]] {
        assert_eq!(refusal(&[], given), told, "{given:?}");
    }
    let settings = settings(&[], &[file, issuer, audience]);
    assert_eq!(settings.auth.issuer.scopes_claim, "scope");
}
