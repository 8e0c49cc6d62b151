//! Answers of servers in the field, to the byte, and what they are charged. Each is cut in small
//! pieces on its way; the filter's own tests have their neighbours.

use url::form_urlencoded;

use super::{ESTIMATE, stack_with_client, used_after};

/// What is used in most of them.
const U: &str = r#"{"prompt_tokens":12,"completion_tokens":30,"total_tokens":42}"#;
const ZEROS: &str = r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#;

const JSON: &str = "content-type: application/json";
const EVENTS: &str = "content-type: text/event-stream";
const LINES: &str = "content-type: application/x-ndjson";
const FRAMES: &str = "content-type: application/vnd.amazon.eventstream";

struct Listed {
    headers: Vec<&'static str>,
    body: Vec<u8>,
    used: u64,
}

fn listed(headers: &[&'static str], body: impl Into<Vec<u8>>, used: u64) -> Listed {
    Listed { headers: headers.to_vec(), body: body.into(), used }
}

fn document(body: &str, used: u64) -> Listed {
    listed(&[JSON], body, used)
}

fn stream(events: &[&str]) -> String {
    let events = events.iter().map(|event| format!("data: {event}\n\n"));
    events.collect::<Vec<_>>().concat()
}

fn events(events: &[&str], used: u64) -> Listed {
    listed(&[EVENTS], stream(events), used)
}

fn chunk(usage: &str) -> String {
    format!(r#"{{"object":"chat.completion.chunk","choices":[],"usage":{usage}}}"#)
}

/// A frame without headers and with any checksums.
fn frame(payload: &str) -> Vec<u8> {
    let len = u32::try_from(16 + payload.len()).expect("a small frame");
    [&len.to_be_bytes()[..], &[0; 8], payload.as_bytes(), &[0; 4]].concat()
}

/// A total of 0, or less than before.
fn figures() -> Vec<Listed> {
    let parts = r#"{"prompt_tokens":3,"completion_tokens":0,"total_tokens":0}"#;
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":25,"cache_read_input_tokens":100,"output_tokens":1}}}"#;
    let delta = r#"{"type":"message_delta","usage":{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":15}}"#;
    let gemini = |total: u64| {
        format!(
            r#"{{"candidates":[],"usageMetadata":{{"promptTokenCount":6,"totalTokenCount":{total}}}}}"#
        )
    };
    vec![
        document(&chunk(parts), 3),
        events(&[&chunk(parts), "[DONE]"], 3),
        document(
            r#"{"object":"response","usage":{"input_tokens":3,"output_tokens":0,"total_tokens":0}}"#,
            3,
        ),
        document(r#"{"usageMetadata":{"promptTokenCount":3,"totalTokenCount":0}}"#, 3),
        document(
            r#"{"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"input_tokens":25,"output_tokens":15}}"#,
            40,
        ),
        events(&[&chunk(U), &chunk(ZEROS), "[DONE]"], 42),
        events(&[start, delta, r#"{"type":"message_stop"}"#], 140),
        events(&[&gemini(106), &gemini(100)], 106),
        events(
            &[&chunk(r#"{"prompt_tokens":12}"#), &chunk(r#"{"completion_tokens":30}"#), "[DONE]"],
            42,
        ),
        document(r#"{"usage":{"total_tokens":1e400}}"#, ESTIMATE),
        document(r#"{"usage":{"total_tokens":9223372036854775807}}"#, ESTIMATE),
    ]
}

/// Other places and other framings.
fn places() -> Vec<Listed> {
    let in_choice = format!(r#"{{"choices":[{{"index":0,"delta":{{}},"usage":{U}}}]}}"#);
    let wrapped = r#"{"response":{"usageMetadata":{"promptTokenCount":12,"totalTokenCount":42}}}"#;
    let lines = [&chunk(r#"{"prompt_tokens":12,"completion_tokens":1}"#), &chunk(U)];
    let in_lines =
        |before: &str, ends: &str| lines.map(|line| format!("{before}{line}{ends}")).concat();
    vec![
        events(&[&format!(r#"{{"id":"c","x_groq":{{"usage":{U}}}}}"#), "[DONE]"], 42),
        events(&[&in_choice, "[DONE]"], 42),
        events(&[wrapped], 42),
        document(wrapped, 42),
        listed(&[EVENTS], in_lines("data: ", "\n"), 42),
        listed(&[EVENTS], in_lines("data: ", "\r\n"), 42),
        listed(&[LINES], in_lines("", "\n"), 42),
        listed(&[JSON], in_lines("", "\n"), 42),
    ]
}

/// What headers say of a body that could be read.
fn headers() -> Vec<Listed> {
    let body = stream(&[&chunk(U), "[DONE]"]);
    let mut listed_headers: Vec<Listed> = ["none", "utf-8", "chunked", "identity"]
        .map(|coding| match coding {
            "none" => "content-encoding: none",
            "utf-8" => "content-encoding: utf-8",
            "chunked" => "content-encoding: chunked",
            _ => "content-encoding: identity",
        })
        .into_iter()
        .map(|coding| listed(&[EVENTS, coding], body.clone(), 42))
        .collect();
    listed_headers.extend([
        listed(&[EVENTS, "content-encoding: br"], body.clone(), ESTIMATE),
        listed(&[EVENTS, EVENTS], body.clone(), 42),
        listed(&[EVENTS, "content-type: text/event-stream; charset=utf-8"], body, 42),
        listed(
            &[
                JSON,
                "x-amzn-bedrock-input-token-count: 12",
                "x-amzn-bedrock-output-token-count: 30",
            ],
            r#"{"generation":"a"}"#,
            42,
        ),
    ]);
    listed_headers
}

/// Other APIs, and who is none.
fn apis() -> Vec<Listed> {
    let converse =
        r#"{"metrics":{},"usage":{"inputTokens":12,"outputTokens":30,"totalTokens":42}}"#;
    let word = frame(r#"{"contentBlockIndex":0,"delta":{"text":"\"usage\":{"},"p":"ab"}"#);
    let ollama = r#"{"model":"m","done":true,"prompt_eval_count":12,"eval_count":30}"#;
    let units = r#"{"billed_units":{"input_tokens":5,"output_tokens":30},"tokens":{"input_tokens":12,"output_tokens":30}}"#;
    vec![
        document(converse, 42),
        events(&[r#"{"messageStart":{}}"#, &format!(r#"{{"metadata":{converse}}}"#)], 42),
        listed(&[FRAMES], [word, frame(converse)].concat(), 42),
        listed(&[LINES], format!("{{\"message\":{{}},\"done\":false}}\n{ollama}\n"), 42),
        document(ollama, 42),
        document(&format!(r#"{{"id":"c","usage":{units}}}"#), 42),
        document(&format!(r#"{{"text":"a","meta":{units}}}"#), 42),
        events(&[&format!(r#"{{"type":"message-end","delta":{{"usage":{units}}}}}"#)], 42),
        document(&format!(r#"{{"result":{{"response":"a","usage":{U}}},"success":true}}"#), 42),
        events(&[r#"{"usage":{"total_tokens":1}}"#, "[DONE]"], ESTIMATE),
        events(&["Sure:", r#"{"usage":{"total_tokens":1}}"#, "[DONE]"], ESTIMATE),
    ]
}

#[tokio::test]
async fn answers_of_servers_in_the_field_are_charged_by_what_they_say() {
    let stack = stack_with_client().await;
    let mut used = 0;
    for listed in [figures(), places(), headers(), apis()].into_iter().flatten() {
        let mut behaviour = form_urlencoded::Serializer::new("echo=body&split=11".to_owned());
        behaviour.extend_pairs(listed.headers.iter().map(|header| ("response_header", header)));
        let request = stack.proxy().post("/v1/chat/completions").client("a").tokens(ESTIMATE);
        let request = request.header("x-mock-llm", behaviour.finish()).body(listed.body.clone());
        let answer = request.send().await;
        assert_eq!(answer.body, listed.body, "nothing is changed on the way");
        used += listed.used;
        let what = format!("{:?} {}", listed.headers, String::from_utf8_lossy(&listed.body));
        used_after(&stack, &what, used).await;
    }
}
