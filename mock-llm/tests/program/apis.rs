//! The documented fields of every API, whole and streamed.

use serde_json::{Value, json};

use super::{FIGURES, documents, events, post, start};

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
async fn the_model_of_the_path_answers_where_the_body_names_none() {
    let (_program, client) = start();
    let chat = json!({"messages": []});
    let path = "/openai/deployments/meta-llama%2Fx/chat/completions?api-version=1";
    let azure = post(&client, path, "", &chat).await.json();
    assert_eq!(
        (&azure["object"], &azure["model"]),
        (&json!("chat.completion"), &json!("meta-llama/x"))
    );
    let named = json!({"messages": [], "model": "m", "stream": true});
    let streamed = documents(&post(&client, path, "", &named).await);
    assert!(streamed.iter().all(|event| event["model"] == "m"), "{streamed:?}");

    let publisher = "/v1/projects/p/locations/l/publishers";
    let content = json!({"contents": []});
    let path = format!("{publisher}/google/models/gemini-x:generateContent");
    let gemini = post(&client, &path, "", &content).await.json();
    assert_eq!(gemini["modelVersion"], "gemini-x");
    let path = format!("{publisher}/anthropic/models/claude-x@1:rawPredict");
    let claude = post(&client, &path, "", &json!({"max_tokens": 9, "messages": []})).await.json();
    assert_eq!((&claude["type"], &claude["model"]), (&json!("message"), &json!("claude-x@1")));
    let path = format!("{publisher}/anthropic/models/claude-x@1:streamRawPredict");
    let stream = json!({"max_tokens": 9, "messages": [], "stream": true});
    let events = documents(&post(&client, &path, "", &stream).await);
    assert_eq!(events[0]["message"]["model"], "claude-x@1");
}
