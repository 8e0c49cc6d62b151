//! Bedrock's, Ollama's, Cohere's and Cloudflare's answers, whole and streamed; and bodies that the
//! request itself brings.

use harness::http_client::HttpClient;
use mock_llm::MockLlm;
use serde_json::{Value, json};

use super::{documents, events, post, start};

#[tokio::test]
async fn bedrock_converses_in_a_document_and_in_frames() {
    let (_program, client) = start();
    let request = json!({"messages": [{"role": "user", "content": [{"text": "Hello"}]}]});
    let whole = post(&client, "/model/a.model-v1:0/converse", "", &request).await.json();
    assert!(whole["output"]["message"]["content"][0]["text"].is_string(), "{whole}");
    let usage = json!({
        "inputTokens": 11,
        "outputTokens": 7,
        "totalTokens": 27,
        "cacheReadInputTokens": 4,
        "cacheReadInputTokenCount": 4,
        "cacheWriteInputTokens": 5,
        "cacheWriteInputTokenCount": 5,
    });
    assert_eq!(whole["usage"], usage);
    let path = "/model/a.model-v1:0/converse-stream";
    let streamed = post(&client, path, "chunks=2", &request).await;
    assert_eq!(streamed.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let frames = frames(&streamed.body);
    let names: Vec<&str> = frames.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "messageStart",
            "contentBlockDelta",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ]
    );
    assert!(frames[1].1["delta"]["text"].is_string());
    assert_eq!(frames[5].1["usage"], usage);
}

/// The event's name and the payload of each frame.
fn frames(mut bytes: &[u8]) -> Vec<(String, Value)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let word = |at: usize| {
            let word = bytes[at..at + 4].try_into().expect("four bytes");
            u32::from_be_bytes(word) as usize
        };
        let (frame, headers) = (word(0), word(4));
        // The first header: a name of 11 bytes, its type, and a value after its length.
        let name_len = usize::from(u16::from_be_bytes([bytes[25], bytes[26]]));
        let name = String::from_utf8(bytes[27..27 + name_len].to_vec()).expect("a name");
        let payload = serde_json::from_slice(&bytes[12 + headers..frame - 4]).expect("JSON");
        frames.push((name, payload));
        bytes = &bytes[frame..];
    }
    frames
}

#[tokio::test]
async fn bedrock_tells_an_invoked_models_tokens_in_headers() {
    let (_program, client) = start();
    let answer = post(&client, "/model/a.model/invoke", "", &json!({"messages": []})).await;
    assert_eq!(answer.header("x-amzn-bedrock-input-token-count"), Some("11"));
    assert_eq!(answer.header("x-amzn-bedrock-output-token-count"), Some("7"));
    assert_eq!(answer.json()["type"], "message");
}

#[tokio::test]
async fn ollama_chats_and_generates_in_lines() {
    let (_program, client) = start();
    for (path, text) in [("/api/chat", "/message/content"), ("/api/generate", "/response")] {
        let request = json!({"model": "m", "messages": [], "prompt": "a"});
        let answer = post(&client, path, "chunks=2", &request).await;
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
        let lines: Vec<Value> =
            answer.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.pointer(text).is_some_and(Value::is_string)));
        assert_eq!((&lines[1]["done"], &lines[2]["done"]), (&json!(false), &json!(true)));
        let figures = (&lines[2]["prompt_eval_count"], &lines[2]["eval_count"]);
        assert_eq!(figures, (&json!(11), &json!(7)));
        let request = json!({"model": "m", "stream": false});
        let answer = post(&client, path, "prompt_tokens=0", &request).await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json()["eval_count"], 7);
        assert_eq!(answer.json().get("prompt_eval_count"), None, "a zero is left out");
    }
}

#[tokio::test]
async fn cohere_tells_what_it_bills_and_what_was_used() {
    let (_program, client) = start();
    let usage = json!({
        "billed_units": {"input_tokens": 5, "output_tokens": 7},
        "tokens": {"input_tokens": 11, "output_tokens": 7},
        "cached_tokens": 3,
    });
    let whole = post(&client, "/v2/chat", "", &json!({"model": "m"})).await.json();
    assert_eq!(whole["usage"], usage);
    let streamed = post(&client, "/v2/chat", "", &json!({"model": "m", "stream": true})).await;
    let events = events(&streamed.text());
    assert!(events.iter().all(|(name, event)| name.as_deref() == event["type"].as_str()));
    let (_, last) = events.last().expect("events");
    assert_eq!((&last["type"], &last["delta"]["usage"]), (&json!("message-end"), &usage));
}

#[tokio::test]
async fn workers_ai_answers_in_an_envelope_or_in_events_without_one() {
    let (_program, client) = start();
    let path = "/client/v4/accounts/a/ai/run/@cf/meta/llama";
    let whole = post(&client, path, "", &json!({"messages": []})).await.json();
    assert_eq!(
        (&whole["success"], &whole["result"]["usage"]["total_tokens"]),
        (&json!(true), &json!(18))
    );
    let streamed = documents(&post(&client, path, "", &json!({"stream": true})).await);
    let (last, words) = streamed.split_last().expect("events");
    assert!(words.iter().all(|event| event["response"].is_string()));
    assert_eq!(last["usage"], whole["result"]["usage"]);
}

#[tokio::test]
async fn a_request_can_bring_the_answer_that_it_wants() {
    let (_program, client) = start();
    let body = "data: {}\n\n\0\u{e9}";
    let behaviour = "echo=body&split=3&response_header=content-type:text/event-stream\
                     &response_header=Content-Type:%20a/b&response_header=content-encoding:none";
    let request = client.post("/v1/chat/completions").header("x-mock-llm", behaviour);
    let answer = request.body(body).send().await;
    assert_eq!(answer.text(), body);
    let types: Vec<_> = answer.headers.get_all("content-type").iter().collect();
    assert_eq!(types, ["text/event-stream", "a/b"]);
    assert_eq!(answer.header("content-encoding"), Some("none"));
    let plain = client.post("/?echo=body").body(body).send().await;
    assert_eq!((plain.text().as_str(), plain.header("content-type")), (body, None));
}

#[tokio::test]
async fn it_counts_the_output_that_it_has_sent() {
    let upstream = MockLlm::start().await;
    let client = HttpClient::http1(upstream.address());
    let request =
        json!({"stream": true, "stream_options": {"include_usage": true}, "messages": []});
    for (path, form) in [
        ("/v1/chat/completions", ""),
        ("/v1/messages", "&split=7"),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", ""),
    ] {
        for language in ["en", "de", "zh"] {
            let path = format!("{path}{}", if path.contains('?') { "&" } else { "?" });
            let path = format!("{path}language={language}&tokens_per_event=1-20&chunks=50{form}");
            let answer = client.post(&path).json(&request).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let record = upstream.requests().pop().expect("a request");
            let sent = record.output_tokens();
            assert!((250..=800).contains(&sent), "{path}: {sent}");
            let mut told = events(&answer.text()).into_iter().filter_map(|(_, event)| {
                let event = event.get("usage").or(event.get("usageMetadata"))?.clone();
                ["completion_tokens", "output_tokens", "candidatesTokenCount"]
                    .iter()
                    .find_map(|name| event[name].as_u64())
            });
            assert_eq!(told.next_back(), Some(sent), "{path}");
        }
    }
}

#[tokio::test]
async fn output_that_was_not_sent_is_not_counted() {
    let upstream = MockLlm::start().await;
    let client = HttpClient::http1(upstream.address());
    let path = "/v1/chat/completions?tokens_per_event=5-5&abort_after=3";
    let _ = client.post(path).json(&json!({"stream": true})).try_send().await;
    assert_eq!(upstream.requests().pop().expect("a request").output_tokens(), 15);
}
