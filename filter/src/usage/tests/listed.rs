//! Bodies of servers in the field that were once read wrongly, and their neighbours.

use super::{Api, Framing, UsageReader, frames::frame, known, read};
use crate::header_map::headers;
use Api::{Anthropic, Bedrock, Cohere, Completions, Gemini, Ollama, Responses, WorkersAi};

const U: &str = r#"{"prompt_tokens":12,"completion_tokens":30,"total_tokens":42}"#;
const ZEROS: &str = r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#;

fn check_framed(framing: Framing, body: &[u8], expected: Option<(Api, u64)>) {
    for piece_len in [1, 7, body.len()] {
        let pieces: Vec<_> = body.chunks(piece_len).collect();
        let (usage, ..) = read(framing, &pieces);
        assert_eq!(usage, expected, "{} by {piece_len}", String::from_utf8_lossy(body));
    }
}

fn check_document(body: &str, source: Api, tokens: u64) {
    check_framed(Framing::Text, body.as_bytes(), Some((source, tokens)));
}

/// Checks the events as a stream of one `data:` line each.
fn check_events(events: &[&str], expected: Option<(Api, u64)>) {
    let events: Vec<_> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    check_framed(Framing::Text, events.concat().as_bytes(), expected);
}

fn chunk(usage: &str) -> String {
    format!(r#"{{"object":"chat.completion.chunk","choices":[],"usage":{usage}}}"#)
}

#[test]
fn a_total_of_zero_does_not_hide_its_parts() {
    let chat = |usage: &str| format!(r#"{{"choices":[],"usage":{usage}}}"#);
    let parts = |total: u64| {
        format!(r#"{{"prompt_tokens":3,"completion_tokens":0,"total_tokens":{total}}}"#)
    };
    for total in [0, 1, 2, 3] {
        check_document(&chat(&parts(total)), Completions, 3);
        check_events(&[&chunk(&parts(total)), "[DONE]"], Some((Completions, 3)));
    }
    check_document(&chat(r#"{"total_tokens":0,"completion_tokens":4}"#), Completions, 4);
    check_document(
        r#"{"object":"response","usage":{"input_tokens":3,"output_tokens":0,"total_tokens":0}}"#,
        Responses,
        3,
    );
    check_events(
        &[
            r#"{"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":0}}}"#,
        ],
        Some((Responses, 7)),
    );
    check_document(r#"{"usageMetadata":{"promptTokenCount":3,"totalTokenCount":0}}"#, Gemini, 3);
    check_document(r#"{"usage":{"inputTokens":3,"outputTokens":0,"totalTokens":0}}"#, Bedrock, 3);
    check_document(
        r#"{"result":{"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":0}}}"#,
        WorkersAi,
        7,
    );
}

#[test]
fn openais_names_that_are_all_zero_do_not_hide_anthropics() {
    let both = |zeros: &str, real: &str| format!(r#"{{"usage":{{{zeros},{real}}}}}"#);
    let zeros = r#""prompt_tokens":0,"completion_tokens":0"#;
    let total = r#""prompt_tokens":0,"completion_tokens":0,"total_tokens":0"#;
    let real = r#""input_tokens":25,"output_tokens":15"#;
    check_document(&both(zeros, real), Anthropic, 40);
    check_document(&both(real, zeros), Anthropic, 40);
    check_document(&both(total, real), Responses, 40);
    check_document(
        &both(total, &format!(r#"{real},"cache_read_input_tokens":100"#)),
        Anthropic,
        140,
    );
    check_document(
        &both(r#""input_tokens":0,"output_tokens":0"#, &U[1..U.len() - 1]),
        Completions,
        42,
    );
    check_events(
        &[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1,"prompt_tokens":0}}}"#,
            r#"{"type":"message_delta","usage":{"output_tokens":15,"completion_tokens":0,"total_tokens":0}}"#,
        ],
        Some((Anthropic, 40)),
    );
}

#[test]
fn less_than_before_is_no_news() {
    check_events(&[&chunk(U), &chunk(ZEROS), "[DONE]"], Some((Completions, 42)));
    check_events(&[&chunk(ZEROS), &chunk(U), &chunk(ZEROS)], Some((Completions, 42)));
    check_events(&[&chunk(U), &chunk("{}"), &chunk("null")], Some((Completions, 42)));
    check_events(
        &[&chunk(U), &chunk(r#"{"prompt_tokens":12,"completion_tokens":29,"total_tokens":41}"#)],
        Some((Completions, 42)),
    );
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":25,"cache_creation_input_tokens":0,
        "cache_read_input_tokens":100,"output_tokens":1}}}"#
        .replace('\n', "");
    let delta = |usage: &str| format!(r#"{{"type":"message_delta","usage":{{{usage}}}}}"#);
    check_events(
        &[&start, &delta(r#""input_tokens":0,"cache_read_input_tokens":0,"output_tokens":15"#)],
        Some((Anthropic, 140)),
    );
    check_events(
        &[&start, &delta(r#""output_tokens":15"#), &delta(r#""output_tokens":0"#)],
        Some((Anthropic, 140)),
    );
    check_events(
        &[&start, &delta(r#""input_tokens":30,"output_tokens":0"#)],
        Some((Anthropic, 131)),
    );
    let gemini = |total: u64| {
        format!(
            r#"{{"candidates":[],"usageMetadata":{{"promptTokenCount":6,"totalTokenCount":{total}}}}}"#
        )
    };
    check_events(&[&gemini(106), &gemini(100)], Some((Gemini, 106)));
    check_document(&format!("[{},{},{}]", gemini(0), gemini(106), gemini(100)), Gemini, 106);
    let response =
        |usage: &str| format!(r#"{{"type":"response.completed","response":{{"usage":{usage}}}}}"#);
    check_events(
        &[
            &response(r#"{"input_tokens":3,"output_tokens":4,"total_tokens":7}"#),
            &response(r#"{"input_tokens":0,"output_tokens":0,"total_tokens":0}"#),
        ],
        Some((Responses, 7)),
    );
}

#[test]
fn figures_of_several_events_make_one_whole() {
    check_events(
        &[&chunk(r#"{"prompt_tokens":12}"#), &chunk(r#"{"completion_tokens":30}"#)],
        Some((Completions, 42)),
    );
    check_events(
        &[
            &chunk(r#"{"completion_tokens":30}"#),
            &chunk(r#"{"prompt_tokens":12,"total_tokens":0}"#),
        ],
        Some((Completions, 42)),
    );
    check_events(
        &[
            r#"{"candidates":[],"usageMetadata":{"promptTokenCount":6,"totalTokenCount":6}}"#,
            r#"{"candidates":[],"usageMetadata":{"candidatesTokenCount":100}}"#,
        ],
        Some((Gemini, 106)),
    );
    check_events(
        &[
            r#"{"type":"message-end","delta":{"usage":{"tokens":{"input_tokens":12}}}}"#,
            r#"{"type":"message-end","delta":{"usage":{"tokens":{"output_tokens":30}}}}"#,
        ],
        Some((Cohere, 42)),
    );
}

#[test]
fn usage_stands_in_the_extension_of_groq() {
    let event = |usage: &str| format!(r#"{{"id":"c","x_groq":{{"id":"req_1","usage":{usage}}}}}"#);
    check_events(&[&event(U), "[DONE]"], Some((Completions, 42)));
    check_events(&[&event(U), &chunk(ZEROS)], Some((Completions, 42)));
    check_document(&event(U), Completions, 42);
    let with_content =
        r#"{"choices":[{"delta":{"x_groq":{"usage":{"total_tokens":9}}}}],"x_groq":{"id":"r"}}"#;
    check_events(&[with_content], None);
}

#[test]
fn usage_stands_in_a_choice_of_an_event() {
    let choice = |usage: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop","usage":{usage}}}]}}"#
        )
    };
    check_events(&[&choice("null"), &choice(U), "[DONE]"], Some((Completions, 42)));
    check_events(&[&choice(U), &chunk(ZEROS)], Some((Completions, 42)));
    check_events(
        &[&format!(r#"{{"choices":[{{"index":0}},{{"index":1,"usage":{U}}}]}}"#)],
        Some((Completions, 42)),
    );
    check_events(&[&format!(r#"{{"choices":[{{"delta":{{"usage":{U}}}}}]}}"#)], None);
    check_events(&[&format!(r#"{{"choices":[[{{"usage":{U}}}]]}}"#)], None);
    check_events(&[&format!(r#"{{"choices":{{"usage":{U}}}}}"#)], None);
    check_framed(Framing::Text, choice(U).as_bytes(), None);
}

#[test]
fn geminis_usage_stands_in_a_response_around_it() {
    let wrapped = r#"{"response":{"candidates":[],"usageMetadata":{"promptTokenCount":6,"totalTokenCount":106}}}"#;
    check_events(&[wrapped], Some((Gemini, 106)));
    check_events(
        &[r#"{"response":{"usageMetadata":{"totalTokenCount":106}}}"#],
        Some((Gemini, 106)),
    );
    check_document(wrapped, Gemini, 106);
    check_document(&format!("[{wrapped},{wrapped}]"), Gemini, 106);
    let nested = r#"{"response":{"response":{"usageMetadata":{"totalTokenCount":106}}}}"#;
    check_events(&[nested], None);
    check_framed(Framing::Text, nested.as_bytes(), None);
}

#[test]
fn events_with_one_line_feed_between_them_are_events() {
    let lines = |ends: [&str; 3]| {
        let events =
            [&chunk("null"), &chunk(r#"{"prompt_tokens":12,"completion_tokens":1}"#), &chunk(U)];
        events
            .iter()
            .zip(ends)
            .map(|(event, end)| format!("data: {event}{end}"))
            .collect::<Vec<_>>()
            .concat()
    };
    for stream in [
        lines(["\n", "\n", "\n"]),
        lines(["\r\n", "\r\n", "\r\n"]),
        lines(["\r", "\r", "\r"]),
        lines(["\n\n", "\n", "\ndata: [DONE]\n"]),
        lines(["\nevent: a\nid: 1\n", "\n: a comment\n", "\n\n"]),
        lines(["\n", "\n\n\n", ""]),
        format!("data: [DONE]\n{}", lines(["\n"; 3])).replace("data: [DONE]\n", "data: {}\n"),
    ] {
        check_framed(Framing::Text, stream.as_bytes(), Some((Completions, 42)));
    }
}

#[test]
fn documents_of_which_each_is_a_line_all_count() {
    let first = r#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":1}}"#;
    let last = chunk(U);
    for body in [
        format!("{first}\n{last}\n"),
        format!("{last}\n{first}"),
        format!("{first}\r\n{last}\r\n"),
        format!("{first}\n\n \n{last}"),
        format!("\u{1e}{first}\n\u{1e}{last}\n"),
        format!("[{first}]\n[{last}]"),
    ] {
        for framing in [Framing::Text, Framing::JsonLines] {
            check_framed(framing, body.as_bytes(), Some((Completions, 42)));
        }
    }
    let not_apart = format!("{first}{last}");
    check_framed(Framing::JsonLines, not_apart.as_bytes(), Some((Completions, 13)));
    let broken = format!("{first}\nno\n{last}");
    check_framed(Framing::JsonLines, broken.as_bytes(), Some((Completions, 13)));
}

#[test]
fn converse_tells_its_usage_in_a_document_and_in_frames() {
    let usage = r#"{"inputTokens":12,"outputTokens":30,"totalTokens":42}"#;
    let cached = r#"{"inputTokens":2,"outputTokens":30,"totalTokens":42,"cacheReadInputTokens":6,"cacheWriteInputTokens":4}"#;
    for usage in [usage, cached] {
        let document = format!(r#"{{"output":{{"message":{{}}}},"metrics":{{}},"usage":{usage}}}"#);
        check_document(&document, Bedrock, 42);
        let metadata = format!(r#"{{"metrics":{{"latencyMs":1}},"p":"abc","usage":{usage}}}"#);
        let word = frame(b":event-type", br#"{"delta":{"text":"\"usage\":{"},"p":"a"}"#);
        let frames = [word.clone(), word, frame(b":event-type", metadata.as_bytes())].concat();
        check_framed(Framing::AmazonFrames, &frames, Some((Bedrock, 42)));
    }
    check_document(
        r#"{"usage":{"inputTokens":2,"outputTokens":30,"cacheReadInputTokenCount":6,"cacheWriteInputTokenCount":4}}"#,
        Bedrock,
        42,
    );
    // A gateway that hands on the frames as events, and the last event of a model that Bedrock runs.
    check_events(&[&format!(r#"{{"type":"metadata","usage":{usage}}}"#)], Some((Bedrock, 42)));
    let metrics = r#"{"inputTokenCount":2,"outputTokenCount":30,"cacheReadInputTokenCount":6,"cacheWriteInputTokenCount":4}"#;
    check_events(
        &[&format!(r#"{{"type":"message_stop","amazon-bedrock-invocationMetrics":{metrics}}}"#)],
        Some((Bedrock, 42)),
    );
    let wrong_place =
        frame(b"", format!(r#"{{"delta":{{"usage":{{"inputTokens":{usage}}}}}}}"#).as_bytes());
    check_framed(Framing::AmazonFrames, &wrong_place, None);
}

#[test]
fn an_invoked_model_is_told_by_headers_whatever_its_body_is() {
    let told = |content_type: &str, encoding: &str, body: &str| {
        let mut reader = UsageReader::of(&headers(&[
            ("content-type", content_type),
            ("content-encoding", encoding),
            ("x-amzn-bedrock-input-token-count", "12"),
            ("x-amzn-bedrock-output-token-count", "30"),
        ]));
        reader.read(body.as_bytes());
        known(&reader)
    };
    assert_eq!(told("application/json", "", r#"{"generation":"a"}"#), Some((Bedrock, 42)));
    assert_eq!(told("application/json", "gzip", "\u{1f}"), Some((Bedrock, 42)));
    assert_eq!(told("image/png", "", ""), Some((Bedrock, 42)));
    let message =
        r#"{"usage":{"input_tokens":12,"cache_read_input_tokens":100,"output_tokens":30}}"#;
    assert_eq!(told("application/json", "", message), Some((Anthropic, 142)));
    assert_eq!(
        told("application/json", "", r#"{"usage":{"total_tokens":0}}"#),
        Some((Bedrock, 42))
    );
}

#[test]
fn ollama_tells_its_usage_at_the_root() {
    let end = r#"{"model":"m","done":true,"prompt_eval_count":12,"eval_count":30}"#;
    check_document(end, Ollama, 42);
    let word =
        r#"{"model":"m","message":{"content":"\"eval_count\":9","eval_count":9},"done":false}"#;
    let lines = format!("{word}\n{word}\n{end}\n");
    check_framed(Framing::JsonLines, lines.as_bytes(), Some((Ollama, 42)));
    check_framed(Framing::Text, lines.as_bytes(), Some((Ollama, 42)));
    // A prompt that was evaluated before is not counted.
    check_document(r#"{"response":"","done":true,"eval_count":30}"#, Ollama, 30);
    check_events(&[word, end], Some((Ollama, 42)));
    check_framed(Framing::JsonLines, format!("{word}\n").as_bytes(), None);
    check_framed(Framing::Text, br#"{"a":{"eval_count":30},"b":[{"eval_count":30}]}"#, None);
}

#[test]
fn cohere_tells_tokens_and_what_it_bills() {
    let tokens = r#""tokens":{"input_tokens":12,"output_tokens":30}"#;
    let billed = r#""billed_units":{"input_tokens":5,"output_tokens":30}"#;
    for units in [tokens.to_owned(), format!("{tokens},{billed}"), format!("{billed},{tokens}")] {
        check_document(&format!(r#"{{"id":"c","usage":{{{units}}}}}"#), Cohere, 42);
        check_document(
            &format!(r#"{{"text":"a","meta":{{"api_version":{{}},{units}}}}}"#),
            Cohere,
            42,
        );
        check_events(
            &[
                r#"{"type":"content-delta","delta":{"message":{"content":{"text":"a"}}}}"#,
                &format!(r#"{{"type":"message-end","delta":{{"usage":{{{units}}}}}}}"#),
            ],
            Some((Cohere, 42)),
        );
        check_events(
            &[&format!(r#"{{"event_type":"stream-end","response":{{"meta":{{{units}}}}}}}"#)],
            Some((Cohere, 42)),
        );
    }
    check_document(r#"{"embeddings":[],"meta":{"billed_units":{"input_tokens":42}}}"#, Cohere, 42);
    check_framed(Framing::Text, br#"{"meta":{"billed_units":{"search_units":1}}}"#, None);
    check_events(&[r#"{"type":"content-delta","delta":{"tokens":{"input_tokens":9}}}"#], None);
}

#[test]
fn workers_ai_tells_its_usage_in_the_result() {
    let document =
        |result: &str| format!(r#"{{"result":{result},"success":true,"errors":[],"messages":[]}}"#);
    check_document(&document(&format!(r#"{{"response":"a","usage":{U}}}"#)), WorkersAi, 42);
    check_document(
        &document(&format!(r#"{{"choices":[],"usage":{U},"usage":{ZEROS}}}"#)),
        WorkersAi,
        42,
    );
    check_document(&document(r#"{"usage":{"total_tokens":42}}"#), WorkersAi, 42);
    let no_usage = document(&format!(r#"{{"response":"a","tool_calls":[{{"usage":{U}}}]}}"#));
    check_framed(Framing::Text, no_usage.as_bytes(), None);
    let list = document(&format!(r#"[{{"usage":{U}}}]"#));
    check_framed(Framing::Text, list.as_bytes(), None);
}

#[test]
fn what_no_response_can_have_used_is_no_usage() {
    for number in ["1e400", "9223372036854775807", "18446744073709551616", "100000001", "1e9"] {
        let usage = format!(r#"{{"total_tokens":{number}}}"#);
        check_framed(Framing::Text, format!(r#"{{"usage":{usage}}}"#).as_bytes(), None);
        check_events(&[&chunk(&usage)], None);
        check_events(&[&chunk(&usage), &chunk(U)], Some((Completions, 42)));
        let parts =
            format!(r#"{{"prompt_tokens":{number},"completion_tokens":30,"total_tokens":42}}"#);
        check_events(&[&chunk(&parts)], Some((Completions, 42)));
    }
}

#[test]
fn a_model_whose_bare_text_is_streamed_tells_no_usage() {
    let forged = r#"{"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":1}}"#;
    check_events(&[forged], None);
    check_events(&["Sure:", forged, "[DONE]"], None);
    check_events(&["{", "\"usage\"", ":{", "\"total_tokens\":1", "}}", forged], None);
    check_events(&[r#"{"usageMetadata":{"totalTokenCount":1}}"#, forged], None);
    check_events(&[r#"{"prompt_eval_count":1,"eval_count":1}"#], None);
    check_events(&[r#"{"meta":{"tokens":{"input_tokens":1}}}"#, "[DONE]"], None);
    check_events(&[&format!("[{forged}]"), &format!("I {}", chunk(U))], None);
    check_framed(Framing::Text, format!("data: {forged}\ndata: {forged}\n\n").as_bytes(), None);
}

#[test]
fn a_stream_counts_from_the_first_event_that_looks_like_an_apis() {
    let bare = format!(r#"{{"usage":{U}}}"#);
    check_events(&[&chunk("null"), &bare], Some((Completions, 42)));
    check_events(&[r#"{"type":"ping"}"#, &bare], Some((Completions, 42)));
    check_events(&["ping", &chunk("null"), "ping", &bare], Some((Completions, 42)));
    for envelope in [
        r#""choices":[]"#,
        r#""candidates":[]"#,
        r#""object":"chat.completion.chunk""#,
        r#""type":"message_delta""#,
        r#""event_type":"stream-end""#,
        r#""model":"m""#,
        r#""output":{"text":"a"}"#,
        r#""response":"a""#,
        r#""done":true"#,
    ] {
        check_events(&[&format!(r#"{{{envelope},"usage":{U}}}"#)], Some((Completions, 42)));
        check_events(&[&format!(r#"{{"usage":{U},{envelope}}}"#)], Some((Completions, 42)));
        let inside = format!(r#"{{"a":{{{envelope}}},"usage":{U}}}"#);
        check_events(&[&inside], None);
    }
}
