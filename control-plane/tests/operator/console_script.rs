//! How the console's modules become one script.

#[path = "../../build/script.rs"]
pub(crate) mod script;

use std::fs;

use tempfile::TempDir;

/// What these files become, or why they do not.
fn joined(files: &[(&str, &str)]) -> Result<String, String> {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
        fs::write(path, text).expect("a file");
    }
    script::joined(folder.path(), "main.js").map_err(|error| error.to_string())
}

#[test]
fn a_module_stands_once_and_after_those_that_it_imports() {
    let main = "// What it is.\nimport { one, two as other } from \"./parts/a.js\";\nimport * as b from \"./b.js\";\n\n\
                /** A comment\n * of lines. */\n  other(one, b.three);\n";
    let a = "export const one = `x`;\nexport function two() {\n  // why\n  return 2;\n}\n";
    let b = "import {\n  two,\n} from \"./parts/a.js\";\nexport async function* three() {}\nconst own = two();\n";
    let text = joined(&[("main.js", main), ("parts/a.js", a), ("b.js", b)]).expect("a script");
    let expected = "const m0 = (() => {\nconst one = `x`;\nfunction two() {\nreturn 2;\n}\nreturn { one, two };\n})();\n\
                    const m1 = (() => {\nconst { two } = m0;\nasync function* three() {}\nconst own = two();\nreturn { three };\n})();\n\
                    const m2 = (() => {\nconst { one, two: other } = m0;\nconst b = m1;\nother(one, b.three);\nreturn {  };\n})();\n";
    assert_eq!(text, expected);
}

#[test]
fn what_is_not_understood_is_an_error_that_names_it() {
    let of = |main: &str| {
        joined(&[
            ("main.js", main),
            ("a.js", "export const one = 1;\n"),
            ("b.js", "import \"./main.js\";\n"),
        ])
    };
    for (main, words) in [
        ("import { two } from \"./a.js\";", "a.js exports no two"),
        ("import { one } from \"./c.js\";", "c.js: No such file"),
        ("import { one } from \"elsewhere\";", "is not understood"),
        ("import one from \"./a.js\";", "is not understood"),
        ("import \"../../a.js\";", "is not understood"),
        ("import \"./b.js\";", "main.js → b.js → main.js is a circle of imports"),
        ("export default 1;", "is not understood"),
        ("export { one };", "is not understood"),
        ("export let one = 1;", "is not understood"),
        ("const text = `two\nlines`;", "a text goes over the end of the line"),
    ] {
        let error = of(main).expect_err(main);
        assert!(error.contains(words), "{main}: {error}");
    }
}
