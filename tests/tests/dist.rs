//! The folder of a release, as `cargo xtask dist` makes it: read by the programs that its users have.
//!
//! The release's own build of the control plane takes minutes, so that it is made with `--long` only;
//! a stand-in for the program will do for everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use harness::deadline::eventually;
use harness::tools;
use repository::chart::call;
use serde_json::{Value, json};
use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A release of a stand-in for the program and of the real filter.
fn release() -> &'static Path {
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    RELEASE.get_or_init(|| {
        // Nothing drops what is static: the next run finds the folder, and replaces what is in it.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dist");
        fs::create_dir_all(&folder).expect("a folder");
        make(&folder, "first")
    })
}

/// Makes a release in `parent`.
fn make(parent: &Path, name: &str) -> PathBuf {
    // The header of a program that nothing has to load for.
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(64, 0);
    let program = parent.join("program");
    fs::write(&program, header).expect("a file");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("a program");
    let release = parent.join(name);
    let mut xtask = tools::xtask();
    xtask.current_dir(tools::workspace()).arg("dist").arg("--into").arg(&release);
    xtask.arg("--binary").arg(&program).arg("--filter").arg(tools::filter());
    let printed = succeed(&mut xtask);
    assert_eq!(printed.trim_end(), release.to_str().expect("a path in UTF-8"));
    release
}

/// What programs of this machine are compiled for.
fn host() -> String {
    let host = succeed(Command::new("rustc").args(["--print", "host-tuple"]));
    host.trim_end().to_owned()
}

/// Whether it is the chart, whose name begins as the program's does.
fn is_archive(name: &str) -> bool {
    ends_in(name, "tgz")
}

fn ends_in(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("a program that runs");
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

/// All files below a folder, by their paths from there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if path.is_dir() {
            let below = files(&path).into_iter();
            found.extend(below.map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).expect("a file"));
        }
    }
    found
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// What `tests/chart/chart.py` answers.
fn judge(arguments: &[&str], values: &Value) -> Value {
    call(arguments, values).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

#[test]
fn the_same_sources_make_the_same_bytes() {
    let folder = TempDir::with_prefix("flowguard-dist-").expect("a folder");
    let (first, second) = (files(release()), files(&make(folder.path(), "second")));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&first), names(&second));
    for (name, bytes) in first {
        assert!(second[&name] == bytes, "{name} is different");
    }
}

#[test]
fn every_file_has_its_sum() {
    let mut check = Command::new("sha256sum");
    check.current_dir(release()).args(["--check", "--strict", "--quiet", "SHA256SUMS"]);
    succeed(&mut check);
    let sums = fs::read_to_string(release().join("SHA256SUMS")).expect("the sums");
    let summed: BTreeSet<_> = sums.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    let files = files(release());
    let files: BTreeSet<_> = files.keys().map(String::as_str).collect();
    let without: Vec<_> = files.symmetric_difference(&summed).collect();
    assert_eq!(without, [&"SHA256SUMS"]);
}

#[test]
fn the_filters_image_is_read_by_a_registrys_client_and_holds_the_filter() {
    let folder = TempDir::with_prefix("flowguard-dist-").expect("a folder");
    let image = format!("oci:{}:{VERSION}", release().join("filter-oci").display());
    let described = succeed(tools::skopeo().args(["inspect", &image]));
    let described: Value = serde_json::from_str(&described).expect("JSON");
    assert_eq!(described["Layers"].as_array().map(Vec::len), Some(1), "{described}");

    let copy = folder.path().join("copy");
    let to = format!("dir:{}", copy.display());
    succeed(tools::skopeo().args(["--insecure-policy", "copy", "--quiet", &image, &to]));
    let manifest = json(&copy.join("manifest.json"));
    // What Istio and Envoy Gateway look for.
    let layer = &manifest["layers"][0];
    assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    assert_eq!(manifest["annotations"]["module.wasm.image/variant"], "compat");
    let digest = layer["digest"].as_str().and_then(|digest| digest.split(':').nth(1));
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--gzip").arg("--file").arg(copy.join(digest.expect("a digest")));
    succeed(tar.arg("--directory").arg(folder.path()));
    let held = fs::read(folder.path().join("plugin.wasm")).expect("the filter");
    assert!(held == fs::read(release().join("filter.wasm")).expect("the filter"));
    assert!(held == fs::read(tools::filter()).expect("the filter"));
}

#[test]
fn the_charts_archive_is_what_helm_makes_of_the_chart() {
    let folder = TempDir::with_prefix("flowguard-dist-").expect("a folder");
    let archive = release().join(format!("flowguard-{VERSION}.tgz"));
    let chart = tools::workspace().join("helm/flowguard");
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let values = json!({
        "image": { "repository": "a" },
        "auth": { "admin": { "secret": "a" } },
        "networkPolicy": { "enabled": false },
        "prometheusRule": { "enabled": true },
    });
    let packed = judge(&["package", &text(&chart), &text(folder.path())], &values);
    let packed = packed.as_str().expect("the archive's path").to_owned();
    assert!(packed.ends_with(&format!("/flowguard-{VERSION}.tgz")), "{packed}");
    let rendered = judge(&["render", &text(&archive)], &values);
    assert_eq!(rendered, judge(&["render", &packed], &values));
    assert_eq!(rendered, judge(&["render", &text(&chart)], &values));
    assert!(rendered["objects"].as_array().is_some_and(|objects| objects.len() > 4), "{rendered}");
}

#[test]
fn the_bill_of_materials_names_what_is_compiled_in_and_nothing_else() {
    for (main, file, has, has_not) in [
        (
            "flowguard",
            "flowguard-*",
            ["flowguard-limiter", "redb", "tokio", "hyper"],
            ["proxy-wasm", "async-trait", "prost-build", "proptest"],
        ),
        (
            "filter",
            "filter.wasm",
            ["flowguard-proto", "proxy-wasm", "prost", "serde_json"],
            ["flowguard", "tokio", "redb", "serde_derive"],
        ),
    ] {
        let path = release().join(format!("sbom/{main}.cdx.json"));
        assert_eq!(
            judge(&["sbom", path.to_str().expect("UTF-8")], &Value::Null),
            Value::Null,
            "{main}"
        );
        let bill = json(&path);
        let components = bill["components"].as_array().expect("components");
        let names: BTreeSet<_> =
            components.iter().filter_map(|component| component["name"].as_str()).collect();
        for name in has {
            assert!(names.contains(name), "{name} is not in {main}: {names:?}");
        }
        for name in has_not {
            assert!(!names.contains(name), "{name} is in {main}");
        }
        for component in components {
            let is_foreign = !component["purl"].is_null();
            let sum = component["hashes"][0]["content"].as_str();
            assert_eq!(is_foreign, sum.is_some_and(|sum| sum.len() == 64), "{component}");
            assert!(!component["licenses"][0]["expression"].is_null(), "{component}");
        }
        let sums = fs::read_to_string(release().join("SHA256SUMS")).expect("the sums");
        let start = file.trim_end_matches('*');
        let mut lines = sums.lines().filter_map(|line| line.split_once("  "));
        let (sum, _) = lines
            .find(|(_, name)| name.starts_with(start) && !is_archive(name))
            .expect("the program's sum");
        assert_eq!(bill["metadata"]["component"]["hashes"][0]["content"], sum);
        let dependencies = bill["dependencies"].as_array().map(Vec::len);
        assert_eq!(dependencies, Some(components.len() + 1));
        let notices = fs::read_to_string(release().join(format!("sbom/{main}-licenses.txt")));
        let notices = notices.expect("the licences");
        assert!(notices.contains("Permission is hereby granted, free of charge"), "no MIT licence");
    }
}

#[test]
fn the_images_are_built_of_files_that_are_there() {
    let definition = fs::read_to_string(release().join("Dockerfile")).expect("a Dockerfile");
    let mut targets = Vec::new();
    let mut copied = 0;
    for line in definition.lines() {
        let words: Vec<_> = line.split(' ').filter(|word| !word.starts_with("--")).collect();
        match words[..] {
            ["FROM", _, "AS", target] => targets.push(target),
            ["COPY", from, _] => {
                let from = release().join(from);
                // An archive may leave out a folder without a file.
                assert!(from.is_file() || !files(&from).is_empty(), "{line}");
                copied += 1;
            }
            _ => {}
        }
    }
    for program in [format!("flowguard-{}", host()), "envoy/write-config.sh".to_owned()] {
        let file = fs::metadata(release().join(&program)).expect("a program");
        assert_eq!(file.permissions().mode() & 0o111, 0o111, "{program}");
    }
    assert_eq!(targets, ["control-plane", "envoy-config", "filter"]);
    assert!(copied >= 6, "{copied}");
}

/// What the images of a definition say of how they are run, by their names. Where programs are found
/// is left out: it depends on what an image is made of.
fn how_images_run(definition: &Path) -> BTreeMap<String, Vec<String>> {
    const SAID: [&str; 5] = ["ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"];
    let definition = fs::read_to_string(definition).expect("a Dockerfile");
    let mut images: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut image = "";
    for line in definition.lines() {
        let words: Vec<_> = line.split(' ').filter(|word| !word.starts_with("PATH=")).collect();
        match words[..] {
            ["FROM", _, "AS", name] => image = name,
            [word, ..] if SAID.contains(&word) => {
                images.entry(image.to_owned()).or_default().push(words.join(" "));
            }
            _ => {}
        }
    }
    images
}

#[test]
fn the_images_run_as_those_do_that_are_built_of_the_sources() {
    let released = how_images_run(&release().join("Dockerfile"));
    let built = how_images_run(&tools::workspace().join("Dockerfile"));
    for image in ["control-plane", "envoy-config"] {
        assert!(released[image].len() >= 3, "{image}: {:?}", released[image]);
        assert_eq!(released[image], built[image], "{image}");
    }
}

#[test]
fn the_documents_are_those_that_are_linked_to() {
    let docs = release().join("docs").canonicalize().expect("a folder");
    let mut linked = BTreeSet::new();
    for (name, bytes) in files(release()).into_iter().filter(|(name, _)| ends_in(name, "md")) {
        let text = String::from_utf8(bytes).expect("text");
        for rest in text.split("](").skip(1) {
            let link = rest.split([')', '#']).next().unwrap_or_default();
            let to = release().join(&name).with_file_name(link);
            let folder = to.parent().and_then(|folder| folder.canonicalize().ok());
            if folder.as_ref() == Some(&docs) && ends_in(link, "md") {
                linked.extend(to.file_name().and_then(|name| name.to_str()).map(str::to_owned));
            }
        }
    }
    assert!(linked.contains("access-log.md"), "{linked:?}");
    assert_eq!(files(&docs).into_keys().collect::<BTreeSet<_>>(), linked);
}

#[test]
fn a_program_that_needs_others_to_run_is_no_release() {
    let folder = TempDir::with_prefix("flowguard-dist-").expect("a folder");
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\n").expect("a file");
    let mut xtask = tools::xtask();
    let release = folder.path().join("release");
    xtask.arg("dist").arg("--into").arg(&release).arg("--binary").arg(program);
    let output = xtask.arg("--filter").arg(tools::filter()).output().expect("xtask runs");
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("/program is no static program"), "{error}");
    assert!(!release.exists());
}

/// The program in an empty root: no library, no file, no user. And in the image that is made of it.
#[tokio::test]
#[ignore = "the release's build takes minutes: cargo xtask test --long"]
async fn the_released_program_runs_where_nothing_else_is() {
    let folder = TempDir::with_prefix("flowguard-dist-").expect("a folder");
    let release = folder.path().join("release");
    let mut xtask = tools::xtask();
    succeed(xtask.current_dir(tools::workspace()).arg("dist").arg("--into").arg(&release));
    let names = files(&release).into_keys();
    let mut programs = names.filter(|name| name.starts_with("flowguard-") && !is_archive(name));
    let program = release.join(programs.next().expect("the program"));
    let empty = folder.path().join("root");
    fs::create_dir(&empty).expect("a folder");
    fs::copy(&program, empty.join("flowguard")).expect("a copy");
    let version = if rustix::process::geteuid().is_root() {
        succeed(Command::new("chroot").arg(&empty).arg("/flowguard").arg("--version"))
    } else {
        println!("not run in an empty root, which takes root's rights");
        succeed(Command::new(&program).arg("--version"))
    };
    assert_eq!(version, format!("flowguard {VERSION}\n"));
    if Command::new("docker").arg("info").output().is_ok_and(|info| info.status.success()) {
        serves_in_its_image(&release).await;
    } else {
        println!("no image was built: no Docker Engine answers here");
    }
}

/// An image of nothing but the program, without a network and with nothing to write to but its
/// volume.
async fn serves_in_its_image(release: &Path) {
    const IMAGE: &str = "flowguard-dist-test";
    let docker = |arguments: &[&str]| {
        let mut docker = Command::new("docker");
        docker.current_dir(release).args(arguments);
        docker
    };
    succeed(&mut docker(&["build", "--quiet", "--target", "control-plane", "--tag", IMAGE, "."]));
    let hardened = ["--network", "none", "--read-only", "--cap-drop", "ALL"];
    let volume = ["--volume", "/var/lib/flowguard"];
    let run = [&["run", "--detach", "--rm"][..], &hardened, &volume, &[IMAGE]].concat();
    let container = succeed(&mut docker(&run));
    let container = container.trim_end();
    let health = ["exec", container, "flowguard", "health"];
    eventually("a healthy container", || {
        let health = docker(&health).output().expect("docker runs");
        async move { health.status.success().then_some(()) }
    })
    .await;
    succeed(&mut docker(&["exec", container, "flowguard", "data", "backup", "-"]));
    succeed(&mut docker(&["stop", container]));
    succeed(&mut docker(&["rmi", "--no-prune", IMAGE]));
}
