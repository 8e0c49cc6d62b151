//! Everything that is wrong with a document is told at once, each with its place.

use flowguard::{
    clients::{ClientConfig, Limits},
    config_file::{Document, DocumentErrors},
    limits::{Group, Name},
};
use limiter::{ClientId, PerMinute, Tokens};

pub(crate) fn parse(text: &str) -> Result<Document, DocumentErrors> {
    Document::parse(text.as_bytes())
}

pub(crate) fn config(id: &str, rpm: Option<u64>, tpm: Option<u64>) -> ClientConfig {
    let limit = |limit: Option<u64>| limit.map(|limit| PerMinute::new(limit).expect("a limit"));
    let id = ClientId::try_from(id).expect("an id");
    ClientConfig::new(id, Limits { rpm: limit(rpm), tpm: limit(tpm) })
}

/// A document of these clients alone.
pub(crate) fn of(clients: Vec<ClientConfig>) -> Document {
    Document { clients, ..Document::default() }
}

/// What is told, a line each.
pub(crate) fn told(text: &str) -> Vec<String> {
    match parse(text) {
        Ok(document) => panic!("nothing is wrong with {text:?}: {document:?}"),
        Err(errors) => errors.told().iter().map(ToString::to_string).collect(),
    }
}

#[track_caller]
pub(crate) fn check(text: &str, expected: &[&str]) {
    assert_eq!(told(text), expected, "{text}");
}

#[test]
fn every_field_of_a_client_can_be_said() {
    let document = parse(
        "# ours\n\
         clients:\n  \
           alice: { rpm: 60, tpm: 100000 }\n  \
           team/bob@example.com:\n    \
             rpm: null\n    \
             tpm: 1000000000000\n    \
             enabled: false\n    \
             min_estimate: 0\n    \
             group: acme/research\n    \
             plan: pro\n  \
           \"42\": {client_id: 42}\n  \
           7: {}\n",
    );
    let bob = ClientConfig {
        enabled: false,
        min_estimate: Some(Tokens::ZERO),
        group: Group::try_from("acme/research").ok(),
        plan: Name::try_from("pro").ok(),
        ..config("team/bob@example.com", None, Some(1_000_000_000_000))
    };
    let alice = config("alice", Some(60), Some(100_000));
    let clients = vec![alice, bob, config("42", None, None), config("7", None, None)];
    assert_eq!(document, Ok(of(clients)));
}

#[test]
fn an_empty_section_is_a_document_and_no_section_is_none() {
    for text in ["clients: {}", "models: {}", "limits: []"] {
        assert_eq!(parse(text), Ok(Document::default()));
    }
    for text in ["", "# nothing yet\n", "---\n", "\n---\n...\n"] {
        let told = told(text);
        assert!(
            told.len() == 1
                && told[0].ends_with(
                    ": there is no section: clients, models, limits, keys and tokens are"
                )
        );
    }
    check("{}", &["1:1: there is no section: clients, models, limits, keys and tokens are"]);
}

#[test]
fn each_error_of_a_client_is_told_in_the_operators_words_at_the_values_place() {
    check(
        "clients:\n  \
           alice:\n    \
             rpm: 0\n    \
             tpm: 10.5\n    \
             enabled: yes\n    \
             min_estimate: -1\n    \
             rmp: [1, {a: 2}]\n    \
             rpm: 3\n    \
             client_id: bob\n  \
           unknown: {}\n  \
           no spaces: {}\n  \
           alice: {}\n",
        &[
            "3:10: rpm must be null or an integer from 1 to 1000000000000, not 0",
            "4:10: tpm must be null or an integer from 1 to 1000000000000, not 10.5",
            "5:14: enabled must be true or false, not yes",
            "6:19: min_estimate must be null or an integer from 0 to 1000000000000, not -1",
            "7:5: \"rmp\" is not a field: client_id, rpm, tpm, enabled, min_estimate, group, plan and identities are",
            "8:5: rpm must be given once, not twice",
            "9:16: client_id must be \"alice\" as in the path, or absent, not \"bob\"",
            "10:3: client_id must not be \"unknown\": \"unknown\" and \"other\" stand for what is not configured",
            "11:3: client_id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone, not \"no spaces\"",
            "12:3: client \"alice\" must be given once, not twice: also in 2:3",
        ],
    );
    check(
        "clients:\n  a: {}\n  b: {}\n  a: {}\n",
        &["4:3: client \"a\" must be given once, not twice: also in 2:3"],
    );
}

#[test]
fn what_is_no_number_is_shown_as_it_is_written() {
    let told = |value: &str| {
        let told = told(&format!("clients: {{a: {{rpm: {value}}}}}"));
        let start = "1:20: rpm must be null or an integer from 1 to 1000000000000, not ";
        told.iter().map(|line| line.strip_prefix(start).expect(line).to_owned()).collect::<String>()
    };
    for (value, shown) in [
        ("\"60\"", "\"60\""),
        ("'60'", "\"60\""),
        ("060", "060"),
        ("+60", "+60"),
        ("1_000", "1_000"),
        ("0x3c", "0x3c"),
        ("6e1", "6e1"),
        ("60.0", "60.0"),
        ("true", "true"),
        ("\"null\"", "\"null\""),
        ("18446744073709551616", "18446744073709551616"),
        ("[60]", "a list"),
        ("{}", "an object"),
    ] {
        assert_eq!(told(value), shown, "{value}");
    }
    check(
        "clients: {a: {rpm: , tpm: 1}}",
        &["1:18: rpm must be null or an integer from 1 to 1000000000000, not nothing"],
    );
}

#[test]
fn a_limit_is_taken_away_by_null_alone_however_yaml_writes_it() {
    for null in ["null", "Null", "NULL", "~"] {
        let document = parse(&format!("clients: {{a: {{rpm: {null}}}}}"));
        assert_eq!(document, Ok(of(vec![config("a", None, None)])));
    }
}

#[test]
fn sections_and_clients_must_be_objects() {
    check(
        "[clients]",
        &[
            "1:1: this must be an object with sections, clients, models, limits, keys or tokens, not a list",
        ],
    );
    check(
        "clients",
        &[
            "1:1: this must be an object with sections, clients, models, limits, keys or tokens, not clients",
        ],
    );
    check("clients:\n", &["1:8: clients must be an object of clients by their ids, not nothing"]);
    check(
        "clients: [a]\n",
        &["1:10: clients must be an object of clients by their ids, not a list"],
    );
    check(
        "clients:\n  a:\n  b: 60\n  c: []\n",
        &[
            "2:4: client \"a\" must be an object with its limits, not nothing",
            "3:6: client \"b\" must be an object with its limits, not 60",
            "4:6: client \"c\" must be an object with its limits, not a list",
        ],
    );
    check(
        "client: {}\nclients: {}\nrules: {a: [b]}\nclients: {a: 1}\n",
        &[
            "1:1: \"client\" is not a section: clients, models, limits, keys and tokens are",
            "3:1: \"rules\" is not a section: clients, models, limits, keys and tokens are",
            "4:1: clients must be given once, not twice: also in 2:1",
        ],
    );
    check(
        "clients:\n  ? [a, b]\n  : {rpm: 1}\n  ? {}\n  : 1\n",
        &["2:5: a name must be a text, not a list", "4:5: a name must be a text, not an object"],
    );
}

#[test]
fn of_very_many_errors_the_first_are_told_and_the_others_counted() {
    let clients: Vec<_> = (0..1_000).map(|n| format!("  client-{n}: {{rpm: 0}}")).collect();
    let errors = parse(&format!("clients:\n{}", clients.join("\n"))).expect_err("all are wrong");
    assert_eq!((errors.told().len(), errors.untold()), (100, 900));
}
