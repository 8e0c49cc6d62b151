//! The mock LLM as a program: the documented fields of every API it speaks, and its misbehaviour.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use flate2::read::GzDecoder;
use harness::http_client::{Answer, HttpClient};
use harness::mock_llm::HELP;
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
        json!({
            "prompt_tokens": 7,
            "completion_tokens": 11,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        })
    );
}

#[tokio::test]
async fn it_streams_chats_as_events_with_usage_when_asked_for() {
    let (_program, client) = start();
    let events = async |stream_options: Value| -> Vec<Value> {
        let request =
            json!({"model": "m", "messages": [], "stream": true, "stream_options": stream_options});
        let answer = client.post("/v1/chat/completions?chunks=2").json(&request).send().await;
        assert!(answer.text().ends_with("data: [DONE]\n\n"), "the end is marked");
        documents(&answer)
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

#[tokio::test]
async fn it_counts_as_vllm_does_with_every_event() {
    let (_program, client) = start();
    let options = json!({"include_usage": true, "continuous_usage_stats": true});
    let request = json!({"messages": [], "stream": true, "stream_options": options});
    let answer = post(&client, "/v1/chat/completions", "chunks=3", &request).await;
    let totals: Vec<Value> =
        documents(&answer).iter().map(|event| event["usage"]["total_tokens"].clone()).collect();
    assert_eq!(totals, [13, 15, 18, 18, 18], "three pieces, the reason to stop, the usage");
}

#[tokio::test]
async fn it_completes_texts() {
    let (_program, client) = start();
    for prefix in ["/v1", "/openai/v1"] {
        let path = format!("{prefix}/completions");
        let request = json!({"model": "m", "prompt": "Hello"});
        let answer = post(&client, &path, "", &request).await.json();
        assert_eq!(answer["object"], "text_completion");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        assert_eq!(answer["usage"]["total_tokens"], 18);
        let options = json!({"include_usage": true});
        let request = json!({"model": "m", "stream": true, "stream_options": options});
        let streamed = documents(&post(&client, &path, "", &request).await);
        let text: String =
            streamed.iter().filter_map(|event| event["choices"][0]["text"].as_str()).collect();
        assert_eq!(answer["choices"][0]["text"], text);
        assert_eq!(streamed.last().expect("events")["usage"], answer["usage"]);
    }
}

#[tokio::test]
async fn it_answers_responses_and_repeats_them_at_the_end_of_a_stream() {
    let (_program, client) = start();
    let tools = json!([{"type": "function", "name": "usage", "parameters": {"usage": {}}}]);
    let request = json!({"model": "m", "input": "Hello", "tools": tools});
    let answer = post(&client, "/v1/responses", "", &request).await.json();
    assert_eq!((&answer["object"], &answer["status"]), (&json!("response"), &json!("completed")));
    assert_eq!(answer["tools"], tools);
    assert_eq!(answer["output"][0]["content"][0]["type"], "output_text");
    assert_eq!(
        answer["usage"],
        json!({
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 18,
        })
    );
    let request = json!({"model": "m", "input": "Hello", "stream": true});
    for (finish, kind) in [
        ("stop", "response.completed"),
        ("length", "response.incomplete"),
        ("failed", "response.failed"),
    ] {
        let behaviour = format!("finish={finish}");
        let streamed = post(&client, "/v1/responses", &behaviour, &request).await;
        let events = events(&streamed.text());
        for (number, (name, document)) in events.iter().enumerate() {
            assert_eq!(name.as_deref(), document["type"].as_str());
            assert_eq!(document["sequence_number"], number);
        }
        let (_, first) = events.first().expect("events");
        assert_eq!(
            (&first["type"], &first["response"]["usage"]),
            (&json!("response.created"), &Value::Null)
        );
        let (_, last) = events.last().expect("events");
        assert_eq!(last["type"], kind);
        assert_eq!(last["response"]["usage"], answer["usage"]);
        assert_eq!(last["response"]["output"][0]["content"], answer["output"][0]["content"]);
    }
}

#[tokio::test]
async fn it_embeds_each_input() {
    let (_program, client) = start();
    let request = json!({"model": "m", "input": ["a", "b"]});
    let answer = post(&client, "/v1/embeddings", "", &request).await.json();
    assert_eq!(answer["object"], "list");
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(2));
    assert!(answer["data"][1]["embedding"][0].is_number(), "{answer}");
    assert_eq!(answer["usage"], json!({"prompt_tokens": 11, "total_tokens": 11}));
    let request = json!({"model": "m", "input": [1, 2], "encoding_format": "base64"});
    let answer = post(&client, "/v1/embeddings", "", &request).await.json();
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(1));
    assert!(answer["data"][0]["embedding"].is_string(), "{answer}");
}

#[tokio::test]
async fn it_bills_transcriptions_by_tokens_or_by_duration() {
    let (_program, client) = start();
    let transcribe = async |model: &str, stream: &str| {
        let field = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let form = field("model", model) + &field("stream", stream) + "--b--\r\n";
        let request = client.post("/v1/audio/transcriptions").header("x-mock-llm", FIGURES);
        request.header("content-type", "multipart/form-data; boundary=b").body(form).send().await
    };
    let by_duration = transcribe("whisper-1", "false").await.json();
    assert_eq!(by_duration["usage"], json!({"type": "duration", "seconds": 9.0}));
    let by_tokens = transcribe("gpt-4o-transcribe", "false").await.json();
    assert_eq!(by_tokens["usage"]["type"], "tokens");
    assert_eq!(by_tokens["usage"]["total_tokens"], 18);
    let streamed = documents(&transcribe("gpt-4o-transcribe", "true").await);
    let last = streamed.last().expect("events");
    assert_eq!(last["type"], "transcript.text.done");
    assert_eq!((&last["text"], &last["usage"]), (&by_tokens["text"], &by_tokens["usage"]));
}

#[tokio::test]
async fn it_answers_messages_with_cumulative_usage() {
    let (_program, client) = start();
    let request = json!({"model": "m", "max_tokens": 9, "messages": []});
    let answer = post(&client, "/v1/messages", "", &request).await.json();
    assert_eq!((&answer["type"], &answer["stop_reason"]), (&json!("message"), &json!("end_turn")));
    let usage = json!({
        "input_tokens": 11,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 4,
        "output_tokens": 7,
    });
    for (name, tokens) in usage.as_object().expect("an object") {
        assert_eq!(&answer["usage"][name], tokens, "{name}");
    }
    let request = json!({"model": "m", "max_tokens": 9, "messages": [], "stream": true});
    for (style, outputs) in [("vendor", vec![7]), ("continuous", vec![3, 7])] {
        let behaviour = format!("usage={style}&chunks=2");
        let streamed = post(&client, "/v1/messages", &behaviour, &request).await;
        let events = events(&streamed.text());
        assert!(events.iter().all(|(name, event)| name.as_deref() == event["type"].as_str()));
        let (_, first) = events.first().expect("events");
        assert_eq!(first["type"], "message_start");
        assert_eq!(first["message"]["usage"]["input_tokens"], 11);
        assert_eq!(first["message"]["usage"]["output_tokens"], 1);
        let deltas: Vec<&Value> = events
            .iter()
            .map(|(_, event)| event)
            .filter(|event| event["type"] == "message_delta")
            .collect();
        let counted: Vec<Value> =
            deltas.iter().map(|delta| delta["usage"]["output_tokens"].clone()).collect();
        assert_eq!(counted, outputs, "{style}");
        assert_eq!(deltas.last().expect("one delta")["usage"], usage);
        assert_eq!(events.last().expect("events").1["type"], "message_stop");
    }
}

#[tokio::test]
async fn it_generates_content_whole_as_events_or_as_one_array() {
    let (_program, client) = start();
    let request = json!({"contents": [{"parts": [{"text": "Hello"}]}]});
    let path = "/v1beta/models/gemini-x:generateContent";
    let whole = post(&client, path, "", &request).await.json();
    assert_eq!(whole["modelVersion"], "gemini-x");
    assert_eq!(whole["candidates"][0]["content"]["role"], "model");
    assert_eq!(whole["candidates"][0]["finishReason"], "STOP");
    let usage = &whole["usageMetadata"];
    assert_eq!(
        (&usage["promptTokenCount"], &usage["candidatesTokenCount"]),
        (&json!(11), &json!(7))
    );
    assert_eq!((&usage["thoughtsTokenCount"], &usage["totalTokenCount"]), (&json!(6), &json!(24)));
    assert_eq!(usage["cachedContentTokenCount"], 3);
    let path = "/v1beta/models/gemini-x:streamGenerateContent";
    let array = post(&client, path, "", &request).await.json();
    let array = array.as_array().expect("an array");
    let events = documents(&post(&client, &format!("{path}?alt=sse"), "", &request).await);
    for responses in [array, &events] {
        assert_eq!(responses.len(), 5);
        let last = responses.last().expect("responses");
        assert_eq!(&last["usageMetadata"], usage);
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        assert!(responses[0]["usageMetadata"]["totalTokenCount"].as_u64() < Some(24));
    }
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
