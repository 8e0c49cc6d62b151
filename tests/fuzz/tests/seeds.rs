//! Every seed is fed to its target. A fuzzer that cannot run on a machine leaves at least these.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use targets::{
    document, frames, grpc_calls, plugin_config, request_headers, rest_bodies, state_files,
    store_replies, usage,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The stems of the names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder of this package");
    let stem = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        path.file_stem().expect("a name").to_string_lossy().into_owned()
    };
    entries.map(stem).collect()
}

fn feed(target: &str, check: fn(&[u8])) {
    let seeds = folder("seeds").join(target);
    for name in names(&seeds) {
        println!("{target}/{name}");
        check(&fs::read(seeds.join(name)).expect("a seed"));
    }
}

#[test]
fn what_holds_for_a_document_holds_for_its_seeds() {
    feed("document", document::check);
}

#[test]
fn what_holds_for_frames_holds_for_their_seeds() {
    feed("frames", frames::check);
}

#[test]
fn what_holds_for_grpc_calls_holds_for_their_seeds() {
    feed("grpc_calls", grpc_calls::check);
}

#[test]
fn what_holds_for_a_plugin_configuration_holds_for_its_seeds() {
    feed("plugin_config", plugin_config::check);
}

#[test]
fn what_holds_for_request_headers_holds_for_their_seeds() {
    feed("request_headers", request_headers::check);
}

#[test]
fn what_holds_for_answers_of_the_shared_store_holds_for_their_seeds() {
    feed("store_replies", store_replies::check);
}

#[test]
fn what_holds_for_rest_bodies_holds_for_their_seeds() {
    feed("rest_bodies", rest_bodies::check);
}

#[test]
fn what_holds_for_state_files_holds_for_their_seeds() {
    feed("state_files", state_files::check);
}

#[test]
fn what_holds_for_usage_holds_for_its_seeds() {
    feed("usage", usage::check);
}

#[test]
fn every_target_has_a_fuzzer_and_seeds() {
    let mut modules = names(&folder("src"));
    for other in ["lib", "bin", "world"] {
        assert!(modules.remove(other), "{other}");
    }
    assert_eq!(names(&folder("src/bin")), modules);
    assert_eq!(names(&folder("seeds")), modules);
}
