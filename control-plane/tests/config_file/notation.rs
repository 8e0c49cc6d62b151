//! YAML and JSON as people and programs write them, and what is refused of them.

use flowguard::config_file::Document;

use super::document::{config, of, parse};

#[track_caller]
fn check(text: &str, expected: &str) {
    match parse(text) {
        Ok(document) => panic!("{text:?} is taken: {document:?}"),
        Err(errors) => assert_eq!(errors.told()[0].to_string(), expected, "{text:?}"),
    }
}

fn both() -> Document {
    of(vec![config("a", Some(1), None), config("b", None, Some(2))])
}

#[test]
fn json_is_read_as_it_is_written() {
    for text in [
        r#"{"clients":{"a":{"rpm":1},"b":{"tpm":2}}}"#,
        "{\r\n\t\"clients\": {\r\n\t\t\"a\": {\"rpm\": 1},\r\n\t\t\"b\": {\r\n\t\t\t\"tpm\": 2,\r\n\t\t\t\"rpm\": null\r\n\t\t}\r\n\t}\r\n}\r\n",
        r#"{"clients":{"\u0061":{"rpm":1,"enabled":true},"b":{"tpm":2}}}"#,
    ] {
        assert_eq!(parse(text), Ok(both()), "{text}");
    }
}

#[test]
fn yaml_is_read_in_each_of_its_styles() {
    for text in [
        "clients:\n  a:\n    rpm: 1\n  b: {tpm: 2}\n",
        "%YAML 1.2\n---\nclients: # all\n    'a': {\"rpm\": 1}\n    b:\n        tpm: 2 # a minute\n...\n",
        "\u{feff}clients: &all\r\n  a: &one {rpm: 1}\r\n  b: {tpm: 2}\r\n",
    ] {
        assert_eq!(parse(text), Ok(both()), "{text}");
    }
}

#[test]
fn an_error_of_the_notation_is_told_after_those_before_it() {
    let errors = parse("clients:\n  a: {rpm: 0}\n  b: {rpm: 1\n").expect_err("wrong twice");
    let told: Vec<_> = errors.told().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "2:12: rpm must be null or an integer from 1 to 1000000000000, not 0");
    assert!(told[1].contains(": this is neither YAML nor JSON: "), "{told:?}");
    check("clients: {}}\n", "1:12: this is neither YAML nor JSON: misplaced bracket");
}

#[test]
fn what_is_not_text_is_told_where_it_begins() {
    let errors = Document::parse(b"clients:\n  \xc3\xbc\xff: {}").expect_err("no text");
    assert_eq!(errors.told()[0].to_string(), "2:4: this is not UTF-8");
}

#[test]
fn a_file_has_one_document() {
    check("clients: {}\n---\nclients: {}\n", "2:1: this is a second document: a file has one");
}

#[test]
fn tags_are_refused() {
    let refused = "a tag (!) can't stand here: leave it out";
    check("clients: {a: {rpm: !!int \"60\"}}", &format!("1:20: {refused}"));
    check("clients: !mine {}", &format!("1:10: {refused}"));
}

/// Nine lines of nine references each stand for a billion values.
#[test]
fn references_are_refused_and_never_followed() {
    check(
        "clients:\n  a: &a {rpm: 1}\n  b: *a\n",
        "3:6: client \"b\" must be an object with its limits, not an alias (*)",
    );
    let mut bomb = vec!["x0: &x0 [x, x, x, x, x, x, x, x, x]".to_owned()];
    bomb.extend((1..=9).map(|level| {
        let references = vec![format!("*x{}", level - 1); 9].join(", ");
        format!("x{level}: &x{level} [{references}]")
    }));
    bomb.push("clients: *x9".to_owned());
    let errors = parse(&bomb.join("\n")).expect_err("a bomb");
    assert_eq!(errors.told().len(), 11, "{errors:?}");
}

#[test]
fn what_stands_too_deep_is_refused_before_it_takes_memory() {
    let flow = format!("clients: {}", "[".repeat(1_000_000));
    let block = format!("clients:\n  {}", "- ".repeat(1_000_000));
    for text in [flow, block] {
        let errors = parse(&text).expect_err("too deep");
        assert!(errors.told().len() <= 2, "{errors:?}");
    }
}
