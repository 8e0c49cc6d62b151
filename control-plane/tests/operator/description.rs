//! The description of the API: what it promises is what is there, and nothing is left out.

use std::{collections::BTreeSet, fs};

use flowguard::auth::{Requirement, routes};
use http::Method;
use serde_json::Value;

use crate::world::World;

const CONTRACT: &str = include_str!("../../../docs/contract.md");

async fn description() -> Value {
    let reply = World::new().get("/api/v1/openapi.json").await;
    assert_eq!(reply.status, 200);
    serde_json::from_str(&reply.body).expect("JSON")
}

/// Each path and method of the table that this port has.
fn calls() -> impl Iterator<Item = (&'static str, &'static Method, Requirement)> {
    routes().filter(|(path, ..)| *path != "/metrics")
}

/// A path of the table as the description has it.
fn described(path: &str) -> String {
    path.replace("{*", "{")
}

fn operation<'a>(api: &'a Value, path: &str, method: &Method) -> &'a Value {
    let operation = &api["paths"][described(path)][method.as_str().to_lowercase()];
    assert!(operation.is_object(), "{method} {path} is not described");
    operation
}

#[tokio::test]
async fn the_description_is_the_golden_one() {
    let text = World::new().get("/api/v1/openapi.json").await.body;
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi.json");
    if std::env::var_os("BLESS").is_some() {
        fs::write(golden, format!("{text}\n")).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(golden).expect("the golden file");
    assert!(text == expected.trim_end(), "{golden} is not what is served: BLESS=1 renews it");
}

#[tokio::test]
async fn every_call_is_described_with_the_scope_that_it_takes() {
    let api = description().await;
    let mut told = BTreeSet::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            told.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let listed = calls().map(|(path, method, _)| format!("{method} {}", described(path)));
    assert_eq!(told, listed.collect());
    for (path, method, requirement) in calls() {
        let operation = operation(&api, path, method);
        let told = operation["description"].as_str().unwrap_or_default();
        let takes_token = operation["security"][0]["token"].is_array();
        match requirement {
            Requirement::Scope(scope) => {
                let sentence = format!("Takes a token with the scope `{scope}`.");
                assert!(told.contains(&sentence), "{method} {path}: {told}");
                assert!(takes_token, "{method} {path}");
            }
            Requirement::Nothing | Requirement::Anybody => {
                assert!(!takes_token && !told.contains("scope"), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn every_call_has_a_name_of_its_own_and_says_what_it_does() {
    let api = description().await;
    let mut names = BTreeSet::new();
    for (path, method, _) in calls() {
        let operation = operation(&api, path, method);
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(name), "{name} is two calls' name");
        assert!(operation["summary"].is_string(), "{name}");
        assert!(operation["tags"][0].is_string(), "{name}");
    }
}

#[tokio::test]
async fn every_call_tells_each_status_that_it_can_answer_with() {
    let api = description().await;
    for (path, method, requirement) in calls() {
        let operation = operation(&api, path, method);
        let responses = operation["responses"].as_object().expect("responses");
        let has = |status: &str| responses.contains_key(status);
        let call = format!("{method} {path}");
        let is_health = matches!(path, "/health" | "/ready");
        assert!(has("200") || has("201"), "{call}");
        assert!(has("403") && has("408") && has("421") != is_health, "{call}");
        let takes_token = matches!(requirement, Requirement::Scope(_));
        assert!(has("401") == takes_token && has("503") == (takes_token || is_health), "{call}");
        let has_body = operation["requestBody"].is_object();
        assert!(has("413") == has_body && has("415") == has_body, "{call}");
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_in = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
        assert!(has("400") == (has_body || is_in("query")), "{call}");
        let has_condition = parameters.iter().any(|parameter| parameter["name"] == "if-match");
        assert_eq!(has("412"), has_condition, "{call}");
        let names_something = path.contains('{') && *method != Method::PUT;
        assert!(has("404") || !names_something || path.ends_with("/explain"), "{call}");
        assert!(has("507") || *method == Method::GET, "{call}");
        // Who has it already gets nothing.
        for (status, response) in responses.iter().filter(|(status, _)| *status != "304") {
            let name = response["$ref"].as_str().and_then(|path| path.rsplit('/').next());
            let response = name.map_or(response, |name| &api["components"]["responses"][name]);
            let bodies = response["content"].as_object();
            let bodies = bodies.unwrap_or_else(|| panic!("{call} {status} has no body"));
            assert!(bodies.values().all(|body| body["schema"].is_object()), "{call} {status}");
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    fn check(api: &Value, value: &Value) {
        if let Some(path) = value["$ref"].as_str() {
            let target = api.pointer(path.trim_start_matches('#'));
            assert!(target.is_some_and(Value::is_object), "{path} is nowhere");
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|value| check(api, value)),
            Value::Array(items) => items.iter().for_each(|value| check(api, value)),
            _ => {}
        }
    }
    let api = description().await;
    check(&api, &api);
}

/// Each error of the contract's table, by its status.
fn errors_of_contract() -> BTreeSet<(String, String)> {
    let rest = CONTRACT.split("## 3. REST").nth(1).expect("the section of REST");
    let table = rest.split("| error | status |").nth(1).expect("the table of errors");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut errors = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let status = cells[cells.len() - 2].to_owned();
        // What stands in brackets explains the error before it.
        let mut depth = 0_usize;
        let mut named = String::new();
        for c in cells[1].chars() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                c if depth == 0 => named.push(c),
                _ => {}
            }
        }
        let words = named.split('`').skip(1).step_by(2);
        let words = words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        errors.extend(words.map(|word| (status.clone(), word.to_owned())));
    }
    errors
}

#[tokio::test]
async fn every_error_of_the_contract_is_described_under_its_status_and_no_other() {
    let api = description().await;
    let mut described = BTreeSet::new();
    for response in api["components"]["responses"].as_object().expect("responses").values() {
        let problem = &response["content"]["application/problem+json"]["schema"]["properties"];
        let status = problem["status"]["minimum"].to_string();
        let own = &response["content"]["application/json"]["schema"]["properties"];
        for error in own["error"]["enum"].as_array().expect("errors") {
            described.insert((status.clone(), error.as_str().expect("a text").to_owned()));
        }
    }
    let contract = errors_of_contract();
    assert!(contract.len() > 20, "{contract:?}");
    assert_eq!(described, contract);
}

#[tokio::test]
async fn ranges_and_lengths_are_those_by_which_a_draft_is_judged() {
    let world = World::new();
    let api = description().await;
    let client = &api["components"]["schemas"]["NewClient"]["properties"];
    let rpm = &client["rpm"];
    let (min, max) = (rpm["minimum"].as_u64().expect("a number"), rpm["maximum"].as_u64());
    let max = max.expect("a number");
    for (value, status) in [(min, 201), (max, 200), (min - 1, 400), (max + 1, 400)] {
        let body = format!(r#"{{"client_id":"a","rpm":{value}}}"#);
        assert_eq!(world.post("/api/v1/clients", body).await.status, status, "rpm {value}");
    }
    for (field, longest) in [("client_id", 128), ("plan", 64), ("group", 4 * 64 + 3)] {
        let max = client[field]["maxLength"].as_u64().expect("a length");
        assert_eq!(max, longest, "{field}");
    }
    let plan = |len: usize| format!(r#"{{"client_id":"a","plan":"{}"}}"#, "p".repeat(len));
    let max = usize::try_from(client["plan"]["maxLength"].as_u64().expect("a length")).unwrap();
    for (len, status) in [(1, 200), (max, 200), (0, 400), (max + 1, 400)] {
        let reply = world.post("/api/v1/clients", plan(len)).await;
        assert_eq!(reply.status, status, "a plan of {len}: {}", reply.body);
    }
}

#[tokio::test]
async fn the_page_and_all_that_it_asks_for_is_here_under_a_policy_that_allows_nothing_else() {
    let world = World::new();
    let page = world.get("/docs").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").expect("a policy");
    for (directive, sources) in policy.split("; ").filter_map(|part| part.split_once(' ')) {
        let sources: Vec<_> = sources.split(' ').collect();
        let is_own = match directive {
            "default-src" | "base-uri" | "form-action" | "frame-ancestors" => sources == ["'none'"],
            "img-src" => sources == ["'self'", "data:"],
            _ => sources == ["'self'"],
        };
        assert!(is_own, "{directive} {sources:?}");
    }
    assert!(!page.body.contains("//"), "the page asks somebody else: {}", page.body);
    assert!(!page.body.contains("style="), "{}", page.body);
    let links = page.body.split('"').filter(|part| part.starts_with("docs/"));
    let links: BTreeSet<_> = links.collect();
    assert_eq!(links.len(), 3, "{links:?}");
    for link in links {
        let reply = world.get(&format!("/{link}")).await;
        assert_eq!(reply.status, 200, "{link}");
        assert!(!reply.body.is_empty(), "{link}");
    }
    let notice = world.get("/docs/NOTICE").await.body;
    assert!(notice.contains("SmartBear"), "{notice}");
}
