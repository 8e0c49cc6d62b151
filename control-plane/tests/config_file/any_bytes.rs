//! Whatever a file holds, it is a document or all its errors have a place in it.

use flowguard::config_file::Document;
use proptest::prelude::*;

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Err(errors) = Document::parse(bytes) else { return Ok(()) };
    let told = errors.told();
    prop_assert!(!told.is_empty());
    prop_assert!(told.is_sorted_by_key(|error| error.place));
    // The last line may be one that ends with the file.
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    for error in told {
        prop_assert!((1..=lines).contains(&error.place.line), "{error} of {lines} lines");
        prop_assert!(error.place.column >= 1, "{error}");
        prop_assert!(error.text.lines().count() == 1, "{error}");
        prop_assert!(error.text.len() < 2_000, "{error}");
    }
    Ok(())
}

/// Text of what documents are made of.
fn nearly_a_document() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "clients",
        "models",
        "limits",
        "name",
        "match",
        "each",
        "requests",
        "per",
        "1m",
        "a*",
        ":",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "rpm",
        "tpm",
        "a",
        "60",
        "null",
        "~",
        "\"",
        "'",
        "&x ",
        "*x",
        "!!int ",
        "# ",
        "---\n",
        "...\n",
        "|\n",
        ">-\n",
        "? ",
        "- ",
        "<<",
        "\t",
        "\r\n",
        "\u{feff}",
        "%YAML 1.2\n",
        "\\u",
        "enabled: true",
        "ü",
        "\u{85}",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }

    #[test]
    fn what_is_nearly_a_document_is_answered(
        begin in prop::sample::select(vec!["", "clients: ", "clients:\n  a: ", "{\"clients\": {", "models: {a: [", "limits: [{", "limits:\n- match: {"]),
        text in nearly_a_document(),
    ) {
        check(format!("{begin}{text}").as_bytes())?;
    }
}
