//! Where the real programs are: named by environment variables, which `cargo xtask test` sets.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

/// The control plane.
pub fn flowguard() -> Command {
    Command::new(find("FLOWGUARD_BIN", Some(built("flowguard"))))
}

/// What `cargo xtask load` runs, once it is built.
pub fn load() -> Command {
    Command::new(find("LOAD_BIN", Some(built("load"))))
}

/// What `cargo xtask` runs, once it is built.
pub fn xtask() -> Command {
    Command::new(find("XTASK_BIN", Some(built("xtask"))))
}

/// The filter that Envoy loads.
pub fn filter() -> PathBuf {
    find("FLOWGUARD_FILTER", Some(target_folder().join("filter/filter.wasm")))
}

/// The real Envoy.
pub fn envoy() -> Command {
    Command::new(find("ENVOY_BIN", on_path("envoy")))
}

/// The real Prometheus.
pub fn prometheus() -> Command {
    Command::new(find("PROMETHEUS_BIN", on_path("prometheus")))
}

/// promtool, which comes with Prometheus and lies beside it.
pub fn promtool() -> Command {
    let prometheus = std::env::var_os("PROMETHEUS_BIN").map(|path| workspace().join(path));
    let beside = prometheus.map(|prometheus| prometheus.with_file_name("promtool"));
    let beside = beside.filter(|promtool| promtool.is_file());
    Command::new(find("PROMTOOL_BIN", beside.or_else(|| on_path("promtool"))))
}

/// buf, whose `buf curl` is a gRPC client that knows a service only by reflection.
pub fn buf() -> Command {
    Command::new(find("BUF_BIN", on_path("buf")))
}

/// A Python that has the vendors' client libraries.
pub fn sdk_python() -> Command {
    Command::new(find("SDK_PYTHON", None))
}

/// jq, by which people read logs of JSON.
pub fn jq() -> Command {
    Command::new(find("JQ_BIN", on_path("jq")))
}

/// A Python that has Helm as a library, and the schemas of what it renders.
pub fn chart_python() -> Command {
    Command::new(find("CHART_PYTHON", None))
}

/// A Python that has Schemathesis, which calls an API by its description.
pub fn schemathesis_python() -> Command {
    Command::new(find("SCHEMATHESIS_PYTHON", None))
}

/// Chromium, which its driver starts.
pub fn chromium() -> PathBuf {
    find("CHROMIUM_BIN", on_path("chromium").or_else(|| on_path("google-chrome")))
}

/// The driver of that Chromium.
pub fn chromedriver() -> Command {
    Command::new(find("CHROMEDRIVER_BIN", on_path("chromedriver")))
}

/// axe, a script that judges a page.
pub fn axe() -> PathBuf {
    find("AXE_JS", None)
}

/// Redis' server, which is a sentinel too.
pub fn redis() -> Command {
    Command::new(find("REDIS_BIN", on_path("redis-server")))
}

/// Valkey's server.
pub fn valkey() -> Command {
    Command::new(find("VALKEY_BIN", on_path("valkey-server")))
}

/// skopeo, which reads images as a registry's clients do.
pub fn skopeo() -> Command {
    Command::new(find("SKOPEO_BIN", on_path("skopeo")))
}

/// wrk, which makes the load of the benchmarks.
pub fn wrk() -> Command {
    Command::new(find("WRK_BIN", on_path("wrk")))
}

/// The folder of the whole project.
pub fn workspace() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package.parent().map_or(package.clone(), PathBuf::from)
}

/// Where pictures are put of pages on which a test failed.
pub(crate) fn failures_folder() -> PathBuf {
    target_folder().join("console-failures")
}

/// Removes every setting of the surrounding shell, so that a part sees only what the test gives it.
pub fn clean_environment(command: &mut Command) {
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

fn find(variable: &str, default: Option<PathBuf>) -> PathBuf {
    let named = std::env::var_os(variable).map(PathBuf::from);
    match named.or(default) {
        // Tests run in their package's folder, whereas a relative path was written in the
        // workspace's.
        Some(path) if path.is_relative() => workspace().join(path),
        Some(path) => path,
        None => panic!("{variable} is not set: run the tests by `cargo xtask test`"),
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn built(program: &str) -> PathBuf {
    target_folder().join("debug").join(program)
}

fn target_folder() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| folder != OsStr::new(""));
    workspace().join(named.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}
