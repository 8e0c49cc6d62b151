//! The generated Envoy configurations, as golden files, and what the real Envoy says to them.
//!
//! `BLESS=1 cargo test -p flowguard --test envoy_config` writes the golden files anew.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use flowguard::process::{self, Command as Invoked, EnvoyConfigError, Invocation};
use harness::pki::Authority;
use tempfile::TempDir;

/// The arguments of each golden configuration, and its file.
const GOLDENS: [(&str, &[&str]); 14] = [
    ("https", &[]),
    ("http_with_port", &["--upstream-url=http://llm.internal:8000"]),
    ("path_prefix", &["--upstream-url=https://gateway.example.com/openai/v1/"]),
    ("https_ipv4", &["--upstream-url=https://192.0.2.7"]),
    ("https_ipv6_with_port", &["--upstream-url=https://[2001:db8::1]:8443"]),
    (
        "shadow_open_in_containers",
        &[
            "--mode=shadow",
            "--failure-mode=open",
            "--bind-address=0.0.0.0",
            "--control-plane-host=flowguard",
            "--decision-port=7095",
            "--proxy-port=7080",
            "--envoy-admin-port=7901",
            "--filter=/opt/flowguard/filter.wasm",
        ],
    ),
    (
        "off_on_ipv6",
        &[
            "--mode=off",
            "--bind-address=::",
            "--upstream-url=https://llm.example.com.",
            "--upstream-ca-file=/etc/pki/tls/certs/ca-bundle.crt",
        ],
    ),
    (
        "stats_for_other_hosts",
        &["--bind-address=0.0.0.0", "--control-plane-host=control-plane", "--stats-port=9902"],
    ),
    (
        "several_control_planes",
        &["--control-plane=control-plane-0:9095", "--control-plane=control-plane-1:9095"],
    ),
    ("shows_a_token", &["--decide-token-file=/run/secrets/decide-token"]),
    (
        "tls_to_the_control_plane",
        &[
            "--control-plane-host=flowguard",
            "--control-plane-ca-file=/etc/ssl/certs/ca-certificates.crt",
        ],
    ),
    (
        "mutual_tls_to_several",
        &[
            "--control-plane=control-plane-0:9095",
            "--control-plane=10.0.0.1:9095",
            "--control-plane-ca-file=/etc/ssl/certs/ca-certificates.crt",
            "--envoy-cert-file=/etc/envoy/tls.crt",
            "--envoy-key-file=/etc/envoy/tls.key",
        ],
    ),
    ("drained_by_its_host", &["--bind-address=0.0.0.0", "--drain"]),
    ("by_a_key", &["--identity=api-key"]),
];

/// Another value than the default for each of the filter's settings that has no flag.
const FILTER_SETTINGS: [(&str, &str); 14] = [
    ("IDENTITY_HEADERS", "x-key,authorization"),
    ("IDENTITY_CLAIM", r#"["a","b"]"#),
    ("IDENTITY_CERT", "digest"),
    ("KEEP_CREDENTIAL", "true"),
    ("DECISION_TIMEOUT_MS", "1000"),
    ("ERROR_FORMAT", "anthropic"),
    ("RATE_LIMIT_HEADERS", "both"),
    ("UPSTREAM_RATE_LIMIT_HEADERS", "rename"),
    ("ACCEPT_ENCODING", "keep"),
    ("MODEL_FROM", "header,path"),
    ("MODEL_HEADER", "x-llm-model"),
    ("EXEMPT_PATHS", "/healthz,/static/*"),
    ("EXEMPT_PREFLIGHT", "true"),
    ("ESTIMATE", "learned"),
];

fn generate(arguments: &[&str]) -> Result<String, EnvoyConfigError> {
    generate_in(&[("TRUST_CLIENT_HEADER", "true")], arguments)
}

fn generate_in(
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> Result<String, EnvoyConfigError> {
    let arguments = ["flowguard", "envoy-config"].iter().chain(arguments);
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    let invocation = Invocation::parse(arguments, environment).expect("the arguments are allowed");
    let Invoked::EnvoyConfig(options) = invocation.command else { panic!("another command") };
    process::envoy_config(invocation.settings, options)
}

fn repository(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

fn golden_path(name: &str) -> PathBuf {
    repository(&format!("control-plane/tests/golden/envoy/{name}.yaml"))
}

#[test]
fn every_configuration_is_its_golden_file() {
    for (name, arguments) in GOLDENS {
        let (path, yaml) = (golden_path(name), generate(arguments).expect("a configuration"));
        if env::var_os("BLESS").is_some() {
            fs::write(&path, &yaml).expect("the golden file can be written");
        }
        let golden =
            fs::read_to_string(&path).expect("the golden file is there (BLESS=1 writes it)");
        let differing = golden.lines().zip(yaml.lines()).find(|(expected, got)| expected != got);
        assert!(golden == yaml, "{name}.yaml is different (BLESS=1 renews it): {differing:?}");
    }
}

#[test]
fn envoy_accepts_every_golden_configuration() {
    for (name, arguments) in GOLDENS {
        check_accepted(name, &generate(arguments).expect("a configuration"));
    }
}

#[test]
fn the_filter_is_told_its_settings() {
    let yaml = generate_in(&FILTER_SETTINGS, &["--mode=shadow", "--failure-mode=open"])
        .expect("a configuration");
    let (_, json) = yaml.split_once("value: |\n").expect("the filter's configuration");
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<serde_json::Value>();
    assert_eq!(
        values.next().expect("a value").expect("JSON"),
        serde_json::json!({
            "mode": "shadow",
            "identity": "header",
            "identity_headers": ["x-key", "authorization"],
            "identity_claim": ["a", "b"],
            "identity_cert": "digest",
            "keep_credential": true,
            "failure_mode": "open",
            "decision_timeout_ms": 1000,
            "error_format": "anthropic",
            "rate_limit_headers": "both",
            "upstream_rate_limit_headers": "rename",
            "accept_encoding": "keep",
            "exempt_paths": ["/healthz", "/static/*"],
            "exempt_preflight": true,
            "estimate": "learned",
            "model_from": ["header", "path"],
            "model_header": "x-llm-model",
            "access_log": true,
            "cluster": "flowguard_decisions",
            "authority": "flowguard-decisions",
        })
    );
}

#[test]
fn envoy_accepts_other_settings_of_the_filter() {
    let yaml = generate_in(&FILTER_SETTINGS, &[]).expect("a configuration");
    check_accepted("the filter's settings", &yaml);
    let auto = generate_in(&[("ERROR_FORMAT", "auto")], &[]).expect("a configuration");
    check_accepted("ERROR_FORMAT=auto", &auto);
}

#[test]
fn envoy_has_the_bounds_that_the_settings_say() {
    let bounds = [
        ("ENVOY_CONNECTIONS_MAX", "512"),
        ("ENVOY_HEAP_BYTES", "1610612736"),
        ("STREAM_IDLE_TIMEOUT_S", "86400"),
    ];
    let yaml = generate_in(&bounds, &[]).expect("a configuration");
    for line in [
        "max_active_downstream_connections: 512\n",
        "max_heap_size_bytes: 1610612736\n",
        "                stream_idle_timeout: \"86400s\"\n",
        "                            idle_timeout: \"86400s\"\n",
    ] {
        assert!(yaml.contains(line), "{line}");
    }
    check_accepted("other bounds", &yaml);
}

#[test]
fn envoy_accepts_the_sample_for_an_existing_envoy() {
    let path = repository("envoy/existing-envoy.yaml");
    check_accepted("existing-envoy", &fs::read_to_string(path).expect("the sample is there"));
}

/// What one run of the command writes, by the files' names, and what it says.
fn write_files(folder: &Path, arguments: &[&str]) -> (BTreeMap<String, String>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_flowguard"))
        .env_clear()
        .arg("envoy-config")
        .args(["--filter", &from_xtask("FLOWGUARD_FILTER")])
        .arg("--discovery-folder")
        .arg(folder)
        .args(arguments)
        .output()
        .expect("flowguard runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success() && output.stdout.is_empty(), "{said}");
    let files = fs::read_dir(folder).expect("the folder is there");
    let files = files.map(|file| {
        let file = file.expect("a readable folder");
        let name = file.file_name().into_string().expect("a name");
        (name, fs::read_to_string(file.path()).expect("text"))
    });
    (files.collect(), said)
}

#[test]
fn envoy_accepts_what_it_is_started_with() {
    let folder = TempDir::new().expect("a folder");
    let certificates = repository("control-plane/tests/golden/envoy/ca.pem");
    for arguments in [&["--stats-port=9902"][..], &["--upstream-url=http://h", "--mode=pass"]] {
        let certificates = format!("--upstream-ca-file={}", certificates.display());
        let (files, _) = write_files(folder.path(), &[arguments, &[&certificates]].concat());
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["clusters.yaml", "envoy.yaml", "filter.yaml", "listeners.yaml"]);
        check_accepted("the bootstrap", &files["envoy.yaml"]);
    }
}

/// What Envoy is started with and what it follows say together what the one file says.
#[test]
fn what_is_discovered_is_what_would_stand_in_the_one_file() {
    let folder = TempDir::new().expect("a folder");
    let arguments = ["--stats-port=9902", "--mode=shadow"];
    let filter = from_xtask("FLOWGUARD_FILTER");
    let whole = generate(&[&arguments[..], &["--filter", &filter]].concat()).expect("YAML");
    let (files, _) = write_files(folder.path(), &arguments);
    let replaced = |text: &str, from: &str, to: &str, with: &str| {
        let (before, rest) = text.split_once(from).expect(from);
        let (_, after) = rest.split_once(to).expect(to);
        [before, with, after].concat()
    };
    // Each file without what it has only because Envoy follows it.
    let bootstrap = replaced(&files["envoy.yaml"], "# The listeners,", "when it starts.\n", "");
    let (bootstrap, _) = bootstrap.split_once("dynamic_resources:").expect("what is followed");
    let configuration = "\n                        configuration:\n";
    let filter = replaced(&files["filter.yaml"], "# A part of", "name: flowguard\n", "");
    let filter =
        replaced(&filter, "\n                          # Which", configuration, configuration);
    let filter = filter.replace("      typed_config:\n", "                    typed_config:\n");
    let [listeners, clusters] =
        [("listener", "Listener"), ("cluster", "Cluster")].map(|(kind, message)| {
            let resources =
                replaced(&files[&format!("{kind}s.yaml")], "# A part of", "resources:\n", "");
            let of_type =
                format!("      '@type': type.googleapis.com/envoy.config.{kind}.v3.{message}\n");
            resources.replace(&of_type, "")
        });
    let listeners =
        replaced(&listeners, "                    # Another mode", "v3.Wasm\n", &filter);
    assert_eq!(
        format!("{bootstrap}static_resources:\n  listeners:\n{listeners}\n  clusters:\n{clusters}"),
        whole
    );
}

#[test]
fn what_is_shown_and_trusted_stands_in_files_of_their_own_that_envoy_follows() {
    let folder = TempDir::new().expect("a folder");
    let pair = Pair::made();
    let ca = repository("control-plane/tests/golden/envoy/ca.pem").display().to_string();
    let (cert, key) = (pair.cert.display().to_string(), pair.key.display().to_string());
    let arguments = [
        "--control-plane-host=flowguard.example".to_owned(),
        "--control-plane-name=spiffe://example.org/flowguard".to_owned(),
        format!("--control-plane-ca-file={ca}"),
        format!("--envoy-cert-file={cert}"),
        format!("--envoy-key-file={key}"),
    ];
    let (files, said) = write_files(folder.path(), &arguments.each_ref().map(String::as_str));
    assert_eq!(said, "");
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    let (trusted, shown) = ("authorities.yaml", "certificate.yaml");
    let others = ["clusters.yaml", "envoy.yaml", "filter.yaml", "listeners.yaml"];
    assert_eq!(names, [&[trusted, shown][..], &others].concat());
    let clusters = &files["clusters.yaml"];
    for (file, by) in [(&ca, trusted), (&cert, shown), (&key, shown)] {
        assert!(files[by].contains(&format!("filename: \"{file}\"\n")), "{file}");
        assert!(!clusters.contains(file.as_str()), "{file}");
        // Envoy takes no file with two of them.
        assert_eq!(files[by].matches("@type").count(), 1, "{by}");
    }
    let name = "- san_type: \"URI\"\n            matcher:\n              exact: \"spiffe://example.org/flowguard\"";
    assert!(files[trusted].contains(name), "{}", files[trusted]);
    for file in [trusted, shown] {
        let path = folder.path().join(file).display().to_string();
        assert_eq!(clusters.matches(&format!("path: \"{path}\"\n")).count(), 1, "{file}");
    }
    let (_, decisions) = clusters.split_once("name: flowguard_decisions").expect("the cluster");
    assert!(!decisions.contains("sni:"), "no server name is a URI");
}

#[test]
fn another_mode_is_another_filter_and_a_setting_of_the_bootstrap_takes_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let (enforce, said) = write_files(folder.path(), &[]);
    assert_eq!(said, "");
    let (pass, said) = write_files(folder.path(), &["--mode=pass"]);
    assert_eq!(said, "");
    let changed: Vec<_> = pass.keys().filter(|file| pass[*file] != enforce[*file]).collect();
    assert_eq!(changed, ["filter.yaml"]);

    let (_, said) = write_files(folder.path(), &["--envoy-admin-port=9000"]);
    let bootstrap = folder.path().join("envoy.yaml");
    assert_eq!(
        said,
        format!(
            "{} is another one than before: an Envoy that runs has to be started again for it\n",
            bootstrap.display()
        )
    );
}

#[test]
fn a_filter_that_is_not_there_and_a_folder_that_cannot_be_made_are_told() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let filter = from_xtask("FLOWGUARD_FILTER");
    let missing = folder.path().join("missing.wasm").display().to_string();
    let (discovered, below) = (folder.path().join("new"), file.join("below"));
    for (filter, folder, wrong) in [
        (&missing, &discovered, format!("--filter={missing} cannot be read: ")),
        (&filter, &below, format!("{} cannot be written: ", below.display())),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_flowguard"))
            .args(["envoy-config", "--filter", filter, "--discovery-folder"])
            .arg(folder)
            .output()
            .expect("flowguard runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(73), "{said}");
        assert!(said.starts_with(&wrong) && said.lines().count() == 1, "{said}");
        assert!(!discovered.exists());
    }
}

/// Shows that accepting is more than reading YAML: the filter itself was run.
#[test]
fn a_plugin_configuration_that_the_filter_does_not_know_is_refused() {
    let yaml = generate(&[]).expect("a configuration").replace("\"enforce\"", "\"sometimes\"");
    let said = validate(&yaml).expect_err("the mode is not one");
    assert!(said.contains("sometimes"), "{said}");
}

#[test]
fn a_value_stays_one_value_whatever_is_in_it() {
    let plain = generate(&["--filter=x"]).expect("a configuration");
    let hostile = "a\"\\: {{ x }} {% x %}\n  - 'b': *c\r\u{0}\t#\u{2028}\u{85}é";
    let yaml = generate(&[&format!("--filter={hostile}")]).expect("a configuration");
    assert_eq!(yaml.lines().count(), plain.lines().count());

    let line =
        yaml.lines().find_map(|line| line.trim().strip_prefix("filename: ")).expect("the filter");
    assert_eq!(serde_json::from_str::<String>(line).expect("a JSON string"), hostile);
}

#[test]
fn the_control_plane_is_reached_where_it_listens_unless_told_otherwise() {
    for (arguments, address, is_ip) in [
        (&["--bind-address=192.0.2.1"][..], "192.0.2.1", true),
        (&["--bind-address=::1"], "::1", true),
        (&["--bind-address=0.0.0.0"], "127.0.0.1", true),
        (&["--bind-address=::"], "127.0.0.1", true),
        (&["--control-plane-host=[::1]"], "::1", true),
        (&["--control-plane-host=flow_guard"], "flow_guard", false),
    ] {
        let yaml = generate(arguments).expect("a configuration");
        let cluster = yaml.split("- name: flowguard_decisions").nth(1).expect("the cluster");
        assert!(cluster.contains(&format!("address: \"{address}\"\n")), "{arguments:?}");
        assert_eq!(cluster.contains("type: STATIC"), is_ip, "{arguments:?}");
    }
}

#[test]
fn one_control_plane_in_a_list_is_asked_like_one_that_is_not_in_one() {
    let listed = generate(&["--control-plane=flowguard:7095", "--decision-port=0"]);
    let named = generate(&["--control-plane-host=flowguard", "--decision-port=7095"]);
    assert_eq!(listed.expect("a configuration"), named.expect("a configuration"));
}

#[test]
fn the_control_planes_of_a_list_are_all_asked_wherever_the_list_stands() {
    let list = "10.0.0.1:9095,[2001:db8::2]:9095";
    let flags = ["--control-plane=10.0.0.1:9095", "--control-plane=[2001:db8::2]:9095"];
    let yaml = generate(&flags).expect("a configuration");
    let in_environment = generate_in(&[("CONTROL_PLANES", list)], &["--control-plane-host=other"]);
    assert_eq!(in_environment.expect("a configuration"), yaml);
    let cluster = yaml.split("- name: flowguard_decisions").nth(1).expect("the cluster");
    assert!(cluster.contains("type: STATIC"), "no DNS is needed");
    for address in ["10.0.0.1", "2001:db8::2"] {
        assert!(cluster.contains(&format!("address: \"{address}\"\n")), "{address}");
    }
    check_accepted("addresses", &yaml);
}

#[test]
fn a_decision_port_that_is_not_known_yet_is_refused() {
    let error = generate(&["--decision-port=0"]).expect_err("Envoy needs a port");
    assert!(matches!(error, EnvoyConfigError::UnknownDecisionPort));
}

#[test]
fn the_statistics_cannot_have_a_port_that_envoy_listens_on_already() {
    for (port, setting) in [(8080, "PROXY_PORT"), (9901, "ENVOY_ADMIN_PORT")] {
        let error = generate(&[&format!("--stats-port={port}")]).expect_err("the port is taken");
        assert_eq!(
            error.to_string(),
            format!(
                "--stats-port={port} is not allowed: a port other than {setting}, which is the same"
            )
        );
    }
}

fn check_accepted(name: &str, yaml: &str) {
    match validate(yaml) {
        Ok(said) => assert!(!said.contains("deprecated"), "{name}: {said}"),
        Err(said) => panic!("{name}: {said}"),
    }
}

/// What the real Envoy says to `yaml`, whose filter and certificates are put where they are on
/// this machine: Envoy opens both.
fn validate(yaml: &str) -> Result<String, String> {
    let pair = Pair::made();
    let certificates = repository("control-plane/tests/golden/envoy/ca.pem").display().to_string();
    let yaml = yaml
        .replace("/etc/envoy/filter.wasm", &from_xtask("FLOWGUARD_FILTER"))
        .replace("/opt/flowguard/filter.wasm", &from_xtask("FLOWGUARD_FILTER"))
        .replace("/etc/ssl/certs/ca-certificates.crt", &certificates)
        // Any text is one to Envoy.
        .replace("/run/secrets/decide-token", &certificates)
        .replace("/etc/pki/tls/certs/ca-bundle.crt", &certificates)
        .replace("/etc/envoy/tls.crt", &pair.cert.display().to_string())
        .replace("/etc/envoy/tls.key", &pair.key.display().to_string());
    let output = Command::new(from_xtask("ENVOY_BIN"))
        .args(["--mode", "validate", "--use-dynamic-base-id", "--log-level", "warning"])
        .args(["--config-yaml", &yaml])
        .output()
        .expect("Envoy runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// A certificate and its key, for a configuration that names some.
struct Pair {
    cert: PathBuf,
    key: PathBuf,
    _folder: TempDir,
}

impl Pair {
    fn made() -> Self {
        let folder = TempDir::new().expect("a folder");
        let (cert, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
        Authority::new("test").issue(&["envoy"]).write(&cert, &key);
        Self { cert, key, _folder: folder }
    }
}

fn from_xtask(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
}
