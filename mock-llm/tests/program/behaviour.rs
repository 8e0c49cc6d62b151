//! What a request can ask of an answer: that it is wrong, odd, slow or in pieces.

use std::io::Read;

use flate2::read::GzDecoder;
use harness::http_client::Answer;
use serde_json::{Value, json};

use super::{documents, post, start};

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

#[tokio::test]
async fn usage_is_missing_or_null_on_request() {
    let (_program, client) = start();
    let options = json!({"include_usage": true});
    let streamed = json!({"stream": true, "stream_options": options});
    for (path, name) in [
        ("/v1/chat/completions", "usage"),
        ("/v1/completions", "usage"),
        ("/v1/responses", "usage"),
        ("/v1/embeddings", "usage"),
        ("/v1/messages", "usage"),
        ("/v1beta/models/m:generateContent", "usageMetadata"),
    ] {
        let missing = post(&client, path, "usage=none", &json!({})).await.json();
        assert_eq!(missing.get(name), None, "{path}");
        let null = post(&client, path, "usage=null", &json!({})).await.json();
        assert_eq!(null.get(name), Some(&Value::Null), "{path}");
        let stream = post(&client, path, "usage=none", &streamed).await.text();
        assert!(!stream.contains("\"total_tokens\""), "{stream}");
        assert!(!stream.contains("\"output_tokens\""), "{stream}");
    }
}

#[tokio::test]
async fn errors_have_the_form_of_their_api() {
    let (_program, client) = start();
    let gemini = "/v1beta/models/m:generateContent";
    let array = "/v1beta/models/m:streamGenerateContent";
    let limited = ("rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED");
    let failed = ("server_error", "api_error", "INTERNAL");
    for (behaviour, status, names) in
        [("status=429", 429, limited), ("status=500", 500, failed), ("error=body", 200, failed)]
    {
        let error = async |path| {
            let answer = post(&client, path, behaviour, &json!({})).await;
            assert_eq!(answer.status.as_u16(), status);
            answer.json()
        };
        let openai = error("/v1/responses").await;
        let code = openai["error"]["code"].as_str().or(openai["error"]["type"].as_str());
        assert_eq!(code, Some(names.0));
        let anthropic = error("/v1/messages").await;
        assert_eq!(anthropic["type"], "error");
        assert_eq!(anthropic["error"]["type"], names.1);
        assert_eq!(error(gemini).await["error"]["status"], names.2);
        assert_eq!(error(array).await[0]["error"]["status"], names.2);
    }
}

#[tokio::test]
async fn a_stream_ends_with_an_error_event_on_request() {
    let (_program, client) = start();
    let request = json!({"stream": true});
    for (path, error) in [
        ("/v1/chat/completions", "/error/message"),
        ("/v1/completions", "/error/message"),
        ("/v1/responses", "/message"),
        ("/v1/messages", "/error/message"),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", "/error/message"),
    ] {
        let answer = post(&client, path, "error=event", &request).await;
        assert_eq!(answer.status.as_u16(), 200);
        assert!(!answer.text().contains("[DONE]"), "{path}");
        let last = documents(&answer).pop().expect("events");
        assert_eq!(last.pointer(error), Some(&json!("failed as requested")), "{path}: {last}");
    }
}

#[tokio::test]
async fn the_form_of_a_body_changes_nothing_it_says() {
    let (_program, client) = start();
    let options = json!({"include_usage": true});
    let streamed = json!({"messages": [], "stream": true, "stream_options": options});
    let said = |answer: &Answer| {
        let mut documents = documents(answer);
        for document in &mut documents {
            document["id"].take();
            document["created"].take();
        }
        documents
    };
    let plain = said(&post(&client, "/v1/chat/completions", "", &streamed).await);
    for form in ["line_end=crlf", "line_end=cr&space=0", "padding=50&pretty=1", "split=7"] {
        let answer = post(&client, "/v1/chat/completions", form, &streamed).await;
        assert_eq!(said(&answer), plain, "{form}");
    }
    let mut padded = post(&client, "/v1/chat/completions", "padding=3&pretty=1", &streamed).await;
    assert!(padded.text().starts_with(": ppp\ndata: {\ndata: "), "{}", padded.text());
    padded = post(&client, "/v1/chat/completions", "line_end=crlf", &streamed).await;
    assert!(padded.text().ends_with("data: [DONE]\r\n\r\n"), "{}", padded.text());
}

#[tokio::test]
async fn each_piece_of_a_split_body_arrives_by_itself() {
    let (_program, client) = start();
    for (stream, bytes) in [(false, 1), (true, 1), (true, 5)] {
        let path = format!("/v1/chat/completions?split={bytes}&content=adversarial");
        let mut answer = client.post(&path).json(&json!({"stream": stream})).open().await;
        let mut sizes = Vec::new();
        while let Some(chunk) = answer.next_chunk().await {
            sizes.push(chunk.expect("the body is whole").len());
        }
        let (_, full) = sizes.split_last().expect("chunks");
        assert!(full.len() > 100 && full.iter().all(|size| *size == bytes), "{sizes:?}");
    }
}

#[tokio::test]
async fn it_compresses_always_or_for_those_that_accept_it() {
    let (_program, client) = start();
    let answer = async |encoding: &str, accepted: &str, stream: bool| {
        let path = format!("/v1/chat/completions?encoding={encoding}");
        let request = client.post(&path).header("accept-encoding", accepted);
        request.json(&json!({"stream": stream})).send().await
    };
    for stream in [false, true] {
        for (encoding, accepted) in [("gzip", "identity"), ("accept", "br, gzip;q=0.5")] {
            let compressed = answer(encoding, accepted, stream).await;
            assert_eq!(compressed.header("content-encoding"), Some("gzip"));
            let mut text = String::new();
            GzDecoder::new(&compressed.body[..]).read_to_string(&mut text).expect("gzip");
            assert!(text.contains("chat.completion"), "{text}");
        }
        let plain = answer("accept", "br, gzip;q=0", stream).await;
        assert_eq!(plain.header("content-encoding"), None);
        assert!(plain.text().contains("chat.completion"));
    }
}

#[tokio::test]
async fn adversarial_text_is_only_text() {
    let (_program, client) = start();
    let request = json!({"messages": []});
    let behaviour = "content=adversarial&chunks=10&chunk_bytes=1000";
    let answer = post(&client, "/v1/chat/completions", behaviour, &request).await.json();
    let text = answer["choices"][0]["message"]["content"].as_str().expect("a text");
    assert_eq!(text.len(), 10_000);
    for looks_like in ["\"usage\":{\"total_tokens\":999999}", "\n\ndata: {", "data: [DONE]\n\n"] {
        assert!(text.contains(looks_like), "{looks_like}");
    }
    assert_eq!(answer["usage"]["total_tokens"], 18);
}

#[tokio::test]
async fn it_has_rate_limit_headers_of_its_own_on_request() {
    let (_program, client) = start();
    let names = [
        "x-ratelimit-remaining-tokens",
        "ratelimit",
        "ratelimit-policy",
        "anthropic-ratelimit-tokens-reset",
    ];
    let with = client.get("/?ratelimit_headers=1").send().await;
    let without = client.get("/").send().await;
    for name in names {
        assert!(with.header(name).is_some(), "{name}");
        assert!(without.header(name).is_none(), "{name}");
    }
}
