//! The mock LLM as a program: the documented fields of every API it speaks, and its misbehaviour.

mod apis;
mod behaviour;
mod others;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use harness::http_client::{Answer, HttpClient};
use mock_llm::HELP;
use serde_json::{Value, json};

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start() -> (Program, HttpClient) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-llm"));
    let mut child =
        command.args(["--port", "0"]).stdout(Stdio::piped()).spawn().expect("mock-llm starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let address = line
        .trim()
        .strip_prefix("listening on http://")
        .expect("its first line says where it listens");
    let client = HttpClient::http1(address.parse().expect("an address"));
    (Program(child), client)
}

/// The figures that all of these tests ask for.
const FIGURES: &str = "prompt_tokens=11&completion_tokens=7&cached_tokens=3&reasoning_tokens=2\
                       &cache_creation_tokens=5&cache_read_tokens=4&thoughts_tokens=6";

async fn post(client: &HttpClient, path: &str, behaviour: &str, body: &Value) -> Answer {
    let behaviour = format!("{FIGURES}&{behaviour}");
    client.post(path).header("x-mock-llm", behaviour).json(body).send().await
}

/// The `event:` name and the document of each event but `[DONE]`.
fn events(text: &str) -> Vec<(Option<String>, Value)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let blocks = text.strip_suffix("\n\n").expect("the last event is ended").split("\n\n");
    let mut events = Vec::new();
    for block in blocks {
        let values = |field: &str| -> Vec<String> {
            let fields = block.lines().filter_map(|line| line.split_once(':'));
            let named = fields.filter(|(name, _)| *name == field);
            named.map(|(_, value)| value.strip_prefix(' ').unwrap_or(value).to_owned()).collect()
        };
        let data = values("data").join("\n");
        if data != "[DONE]" {
            let document = serde_json::from_str(&data).expect("an event's data is JSON");
            events.push((values("event").pop(), document));
        }
    }
    events
}

fn documents(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    events(&answer.text()).into_iter().map(|(_, document)| document).collect()
}

#[tokio::test]
async fn it_knows_every_name_its_help_names() {
    let (_program, client) = start();
    let entries = HELP.lines().filter_map(|line| line.strip_prefix("  "));
    let names: Vec<&str> = entries
        .filter(|entry| entry.starts_with(|first: char| first.is_ascii_lowercase()))
        .flat_map(|entry| entry.split(", "))
        .filter_map(|entry| entry.split_once('=').map(|(name, _)| name))
        .collect();
    assert!(names.contains(&"status") && names.contains(&"cache_read_tokens"), "{names:?}");
    for name in names.into_iter().filter(|name| *name != "gate") {
        let answer = client.get(&format!("/?{name}=unreadable")).send().await;
        assert_eq!(answer.status.as_u16(), 400, "{name}");
    }
}

#[tokio::test]
async fn it_answers_any_get_with_a_small_document() {
    let (_program, client) = start();
    let answer = client.get("/any/path?q=1").send().await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(
        (&answer.json()["method"], &answer.json()["path"]),
        (&json!("GET"), &json!("/any/path?q=1"))
    );
}

#[tokio::test]
async fn it_lists_models_as_each_vendor_does() {
    let (_program, client) = start();
    let openai = client.get("/v1/models").send().await.json();
    assert_eq!(
        (&openai["object"], &openai["data"][0]["object"]),
        (&json!("list"), &json!("model"))
    );
    let request = client.get("/v1/models").header("anthropic-version", "2023-06-01");
    let anthropic = request.send().await.json();
    assert_eq!(
        (&anthropic["has_more"], &anthropic["data"][0]["type"]),
        (&json!(false), &json!("model"))
    );
    let gemini = client.get("/v1beta/models").send().await.json();
    assert_eq!(gemini["models"][0]["name"], "models/mock");
}
