//! The mock LLM as a program.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use harness::http_client::HttpClient;
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
async fn it_completes_chats_with_a_usage_object() {
    let (_program, client) = start();
    let request = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]});
    let path = "/v1/chat/completions?prompt_tokens=7&completion_tokens=11";
    let answer = client.post(path).json(&request).send().await.json();
    assert_eq!(
        (&answer["object"], &answer["model"]),
        (&json!("chat.completion"), &json!("gpt-4o"))
    );
    assert!(
        answer["choices"][0]["message"]["content"].as_str().is_some_and(|text| !text.is_empty()),
        "{answer}"
    );
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 7, "completion_tokens": 11, "total_tokens": 18})
    );
}

#[tokio::test]
async fn it_streams_chats_as_events_with_usage_when_asked_for() {
    let (_program, client) = start();
    let events = async |stream_options: Value| -> Vec<Value> {
        let request =
            json!({"model": "m", "messages": [], "stream": true, "stream_options": stream_options});
        let answer = client.post("/v1/chat/completions?chunks=2").json(&request).send().await;
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let text = answer.text();
        let events = text.strip_suffix("data: [DONE]\n\n").expect("the end is marked");
        events
            .split_terminator("\n\n")
            .map(|event| serde_json::from_str(&event["data: ".len()..]).expect("JSON"))
            .collect()
    };
    let plain = events(Value::Null).await;
    assert_eq!(plain.len(), 3, "two pieces and the reason why it stopped");
    assert!(plain.iter().all(|event| event.get("usage").is_none()), "{plain:?}");
    let with_usage = events(json!({"include_usage": true})).await;
    let (last, others) = with_usage.split_last().expect("events");
    assert!(others.iter().all(|event| event["usage"].is_null()), "{others:?}");
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 2);
}

#[tokio::test]
async fn it_misbehaves_on_request_by_query_or_header() {
    let (_program, client) = start();
    let body = json!({"stream": true});
    assert_eq!(client.get("/?status=503").send().await.status.as_u16(), 503);
    assert_eq!(
        client.get("/").header("x-mock-llm", "status=429").send().await.status.as_u16(),
        429
    );
    let cut = client.post("/v1/chat/completions?abort_after=1").json(&body).try_send().await;
    assert!(cut.is_err(), "the connection is cut");
    let unreadable = client.get("/?chunks=some").send().await;
    assert_eq!(unreadable.status.as_u16(), 400);
    assert!(unreadable.text().contains("chunks=some"), "{}", unreadable.text());
}
