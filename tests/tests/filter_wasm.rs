//! What the filter asks of the Envoy that loads it.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use harness::tools;
use wasmparser::{Parser, Payload};

/// Any Envoy with proxy-wasm 0.2.1 has these; WASI or a stray host function would narrow that.
#[test]
fn the_filter_imports_nothing_but_what_is_in_its_golden_list() {
    let wasm = fs::read(tools::filter()).expect("the filter can be read");
    let mut imports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&wasm) {
        if let Payload::ImportSection(section) = payload.expect("valid wasm") {
            for import in section.into_imports() {
                let import = import.expect("a valid import");
                imports.insert(format!("{} {}", import.module, import.name));
            }
        }
    }

    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/filter_imports.txt");
    if env::var_os("BLESS").is_some() {
        let list: String = imports.iter().flat_map(|import| [import.as_str(), "\n"]).collect();
        fs::write(&golden, list).expect("the golden file can be written");
    }
    let golden = fs::read_to_string(&golden).expect("the golden file can be read");
    // Another compiler may leave some out.
    let new: Vec<_> =
        imports.iter().filter(|import| !golden.lines().any(|line| line == *import)).collect();
    assert!(!imports.is_empty() && new.is_empty(), "not in the golden list: {new:?}");
}
