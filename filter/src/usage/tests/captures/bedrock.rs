//! Bedrock's Converse, and models that it invokes.

use super::{
    super::{UsageReader, frames::frame, known, read},
    Api::Bedrock,
    Framing, check, check_text,
};
use crate::header_map::headers;

/// What Converse says in most of its streams.
const U: &str = r#"{"inputTokens":10,"outputTokens":20}"#;

#[test]
fn converse() {
    check_text(
        "the cache twice, and nothing in an empty object",
        r#"{"metrics":{"latencyMs":2014},"output":{},"stopReason":"end_turn","usage":{"cacheReadInputTokenCount":1504,
        "cacheReadInputTokens":1504,"cacheWriteInputTokenCount":0,"cacheWriteInputTokens":0,"inputTokens":13,
        "outputTokens":5,"serverToolUsage":{},"totalTokens":1522,"cacheDetails":[{"ttl":"5m","inputTokens":9}]}}"#,
        Some((Bedrock, 1_522)),
    );
    let header = |event: &str| {
        let length = u16::try_from(event.len()).unwrap().to_be_bytes();
        [&b"\x0b:event-type\x07"[..], &length, event.as_bytes()].concat()
    };
    let stream = |frames: &[(&str, &str)]| {
        let frames =
            frames.iter().map(|(event, payload)| frame(&header(event), payload.as_bytes()));
        frames.collect::<Vec<_>>().concat()
    };
    let start = [
        ("messageStart", r#"{"p":"abcd","role":"assistant"}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"usage"},"p":"ab"}"#),
        ("messageStop", r#"{"p":"abc","stopReason":"end_turn"}"#),
    ];
    let metadata = r#"{"metrics":{"latencyMs":660},"p":"abcdefghijkl","usage":{"inputTokens":20,"outputTokens":32,
        "serverToolUsage":{},"totalTokens":52},"trace":{"guardrail":{"usage":{"totalTokens":99}}}}"#;
    let whole = [&start[..], &[("metadata", metadata)]].concat();
    check("ConverseStream", Framing::AmazonFrames, &stream(&whole), Some((Bedrock, 52)));
    let failed = [&start[..2], &[("exception", r#"{"message":"too many"}"#)]].concat();
    check("an exception", Framing::AmazonFrames, &stream(&failed), None);
    let emulated =
        [("metadata", r#"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}"#)];
    check("an emulator", Framing::AmazonFrames, &stream(&emulated), Some((Bedrock, 7)));
    let invoked = [("chunk", r#"{"bytes":"eyJ1c2FnZSI6eyJpbnB1dFRva2VucyI6OX19","p":"ab"}"#)];
    check("an invoked model's stream", Framing::AmazonFrames, &stream(&invoked), None);
}

/// Gateways write Amazon's frames as events or lines, each in an object of its name.
#[test]
fn converse_by_the_names_of_its_events() {
    let word = r#"{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":"\"metadata\":{"}}}"#;
    let end =
        |usage: &str| format!(r#"{{"metadata":{{"usage":{usage},"metrics":{{"latencyMs":9}}}}}}"#);
    let events = |usage: &str| {
        let names = [r#"{"messageStart":{"role":"assistant"}}"#, word, r#"{"messageStop":{}}"#];
        names.into_iter().map(str::to_owned).chain([end(usage)]).collect::<Vec<_>>()
    };
    for (gateway, usage, expected) in [
        (
            "a relay to Gemini's callers",
            r#"{"inputTokens":120,"outputTokens":40,"totalTokens":160}"#,
            160,
        ),
        ("a client of many vendors: no total", r#"{"inputTokens":100,"outputTokens":20}"#, 120),
        (
            "a relay to Anthropic's callers: the cache, once more by its ages",
            r#"{"inputTokens":10,"outputTokens":7,"totalTokens":1317,"cacheReadInputTokens":1000,
            "cacheWriteInputTokens":300,"cacheDetails":[{"inputTokens":200,"ttl":"1h"}]}"#,
            1_317,
        ),
    ] {
        let events = events(&usage.replace('\n', ""));
        let expected = Some((Bedrock, expected));
        let stream = events.iter().map(|event| format!("data: {event}\n\n"));
        let stream = stream.collect::<Vec<_>>().concat();
        check_text(gateway, &stream, expected);
        let lines = events.join("\n");
        check(gateway, Framing::JsonLines, lines.as_bytes(), expected);
        let (_, seen, has_ended) = read(Framing::Text, &[stream.as_bytes()]);
        assert_eq!((seen, has_ended), (3, true), "{gateway}");
    }
    check_text(
        "one that names the events too, with one line end between",
        &format!("event: contentBlockDelta\ndata: {word}\nevent: metadata\ndata: {}\n", end(U)),
        Some((Bedrock, 30)),
    );
    check_text(
        "another API's metadata is its client's",
        &format!("data: {{\"choices\":[]}}\n\ndata: {}\n\n", end(U)),
        None,
    );
    check_text(
        "also where it stands in each event",
        &format!(
            "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[],{}\n\n",
            &end(U)[1..]
        ),
        None,
    );
    check_text("nor is a document's", &end(U), None);
}

#[test]
fn invoked_models() {
    let told = |model: &str, figures: &[(&str, &str)], body: &str, expected: u64| {
        let content_type = ("content-type", "application/json");
        let mut reader = UsageReader::of(&headers(&[&[content_type], figures].concat()));
        reader.read(body.as_bytes());
        assert_eq!(known(&reader), Some((Bedrock, expected)), "{model}");
    };
    let input = ("x-amzn-bedrock-input-token-count", "12");
    let output = ("x-amzn-bedrock-output-token-count", "30");
    let latency = ("x-amzn-bedrock-invocation-latency", "2392");
    let both = [latency, output, input];
    for (model, body) in [
        ("Llama", r#"{"generation":"a","prompt_token_count":12,"generation_token_count":30}"#),
        ("Titan", r#"{"inputTextTokenCount":12,"results":[{"tokenCount":30,"outputText":"a"}]}"#),
        (
            "Mistral",
            r#"{"outputs":[{"text":"\"usage\":{\"total_tokens\":9}","stop_reason":"stop"}]}"#,
        ),
        ("Nova", r#"{"output":{},"usage":{"inputTokens":12,"outputTokens":30,"totalTokens":42}}"#),
        ("Cohere", r#"{"generations":[{"text":"a"}],"amazon-bedrock-guardrailAction":"NONE"}"#),
    ] {
        told(model, &both, body, 42);
    }
    told("Titan's embeddings", &[input], r#"{"embedding":[0.1],"inputTextTokenCount":12}"#, 12);
}
