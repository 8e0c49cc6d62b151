//! What is seen of a stream's content: how much of it, and its end.

use super::{Framing, UsageReader, frames::frame, read};

fn stream(events: &[&str]) -> String {
    let events = events.iter().map(|event| format!("data: {event}\n\n"));
    events.collect::<Vec<_>>().concat()
}

/// Checks what is seen of a body, at once and byte by byte.
fn check_framed(framing: Framing, body: &[u8], tokens: u64) {
    for piece_len in [1, 5, body.len().max(1)] {
        let pieces: Vec<_> = body.chunks(piece_len).collect();
        let (_, observed, _) = read(framing, &pieces);
        assert_eq!(observed, tokens, "{} by {piece_len}", String::from_utf8_lossy(body));
    }
}

fn check(events: &[&str], tokens: u64) {
    check_framed(Framing::Text, stream(events).as_bytes(), tokens);
}

/// Checks how many bytes of content an event has: one more would be another token.
fn check_bytes(event: &str, bytes: usize) {
    let filled = |len: usize| {
        let more = format!(r#"{{"choices":[{{"text":"{}"}}]}}"#, "a".repeat(len));
        let pieces = stream(&[event, &more]);
        usize::try_from(read(Framing::Text, &[pieces.as_bytes()]).1).unwrap()
    };
    let fill = 400 - bytes % 4;
    assert_eq!(filled(fill), (bytes + fill) / 4, "{event}");
    assert_eq!(filled(fill + 1), (bytes + fill) / 4 + 1, "{event}");
}

#[test]
fn content_is_below_a_delta_or_parts_or_is_the_text_of_a_choice() {
    for event in [
        r#"{"choices":[{"delta":{"content":"12345678"}}]}"#,
        r#"{"choices":[{"index":0,"text":"12345678","logprobs":{"tokens":["123"]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"1234","content":"5678"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_123","type":"function",
            "function":{"name":"weather","arguments":"12345678"}}]}}]}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"12345678"}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"12345678"}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"12345678"}}"#,
        r#"{"type":"content_block_delta","delta":{"signature":"123","thinking":"12345678"}}"#,
        r#"{"type":"response.output_text.delta","item_id":"msg","delta":"12345678","obfuscation":"123"}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"1234"},{"text":"5678"}],"role":"model"}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":["1234"],"b":{"c":"5678"}}},
            "thoughtSignature":"123"}]}}]}"#,
        r#"{"response":{"candidates":[{"content":{"parts":[{"text":"12345678"}]}}]}}"#,
        r#"{"type":"content-delta","delta":{"message":{"content":{"text":"12345678"}}}}"#,
        r#"{"response":"12345678","p":"abc"}"#,
        r#"{"content":"12345678","stop":false,"id_slot":0}"#,
        r#"{"type":"completion","completion":"12345678","stop_reason":null}"#,
        r#"{"index":1,"token":{"id":15,"text":"12345678","logprob":-0.3},"generated_text":null}"#,
    ] {
        check_bytes(&event.replace('\n', ""), 8);
    }
}

/// The caller chooses the names of a tool's parameters, and could choose those of marks.
#[test]
fn a_calls_arguments_are_content_whatever_their_names_are() {
    for name in ["data", "id", "name", "type", "usage", "signature", "role", "citations"] {
        for event in [
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"NAME":"12345678"}}}]}}]}"#,
            r#"{"message":{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"a":{"NAME":["1234","5678"]}}}}]},"done":false}"#,
        ] {
            check_bytes(&event.replace("NAME", name), 8);
        }
    }
}

#[test]
fn nothing_else_is_content() {
    for event in [
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt","choices":[{"index":0,"delta":{}}]}"#,
        r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"delta":{"content":null},"logprobs":{"content":[{"token":"abc"}]}}]}"#,
        r#"{"choices":[{"delta":{"annotations":[{"url_citation":{"url":"https://a","title":"b"}}]}}]}"#,
        r#"{"choices":[{"message":{"content":"whole"}}]}"#,
        r#"{"choices":[{"delta":{"logprobs":{"text":"a"},"usage":{"text":"a"},"citations":["a"]}}]}"#,
        r#"{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"abc"}}"#,
        r#"{"type":"response.output_text.done","text":"all of it again","item_id":"msg"}"#,
        r#"{"type":"response.completed","response":{"output":[{"content":[{"text":"all of it again"}]}]}}"#,
        r#"{"type":"message_start","message":{"id":"msg","role":"assistant","model":"m","content":[]}}"#,
        r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":1,"data":"base64"}}]}}]}"#,
        r#"{"error":{"message":"overloaded"}}"#,
        r#"{"delta":5,"parts":[1,null,true,{}]}"#,
        "bare text",
        r#""delta""#,
        "[DONE]",
    ] {
        check(&[event], 0);
    }
}

#[test]
fn an_escape_counts_as_what_it_stands_for() {
    let text = |text: &str| format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
    for (written, bytes) in [
        (r"\n\t\\\/", 4),
        (r#"a\"b"#, 3),
        (r"\u00e4", 3),
        (r"\u4e16\u754C", 6),
        (r"\ud83d\ude00", 4),
        (r"\\u4e16", 6),
        ("世界", 6),
        ("😀", 4),
    ] {
        check_bytes(&text(written), bytes);
    }
    let name = r#"{"choices":[{"\u0064elta":{"content":"1234","\u0069d":"56"}}]}"#;
    check_bytes(name, 4);
}

#[test]
fn the_larger_of_events_and_a_quarter_of_the_bytes_is_seen() {
    let delta = |text: &str| format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
    let (short, long) = (delta("a"), delta(&"a".repeat(39)));
    check(&[short.as_str(); 7], 7);
    check(&[long.as_str(); 7], (7 * 39_u64).div_ceil(4));
    check(&[&long, &short, &short], 11);
    check(&[delta("").as_str(); 3], 0);
    check_framed(
        Framing::Text,
        format!("data: {short}\ndata: {short}\ndata: {short}\n").as_bytes(),
        3,
    );
}

#[test]
fn content_is_seen_as_it_passes() {
    let event = r#"{"choices":[{"delta":{"content":"12345678"#;
    check(&[r#"{"type":"ping"}"#], 0);
    let mut reader = UsageReader::new(Framing::Text);
    reader.read(b"data: ");
    for (read, byte) in event.bytes().enumerate() {
        reader.read(&[byte]);
        let content = (read + 9).saturating_sub(event.len()) as u64;
        assert_eq!(reader.observed_tokens(), content.div_ceil(4), "after {read} bytes");
    }
}

#[test]
fn streams_of_lines_and_of_frames_are_seen() {
    let line = r#"{"message":{"role":"assistant","content":"12345","thinking":"678","tool_calls":
        [{"function":{"name":"f","arguments":{"city":"9012"}}}]},"done":false}"#
        .replace('\n', "");
    check_framed(Framing::JsonLines, format!("{line}\n{line}\n").as_bytes(), 6);
    check_framed(Framing::JsonLines, b"{\"response\":\"12345678\",\"done\":false}\n", 2);
    let delta = frame(
        b":event-type",
        br#"{"contentBlockIndex":0,"delta":{"text":"12345678"},"p":"abcdef"}"#,
    );
    let tool = frame(b":event-type", br#"{"delta":{"toolUse":{"input":"1234"}},"p":"abcdef"}"#);
    check_framed(Framing::AmazonFrames, &[delta.clone(), tool, delta].concat(), 5);
    let bytes = frame(b":event-type", br#"{"bytes":"eyJkZWx0YSI6e319","p":"abc"}"#);
    check_framed(Framing::AmazonFrames, &bytes, 0);
}

#[test]
fn nothing_is_seen_of_a_document() {
    for document in [
        r#"{"choices":[{"delta":{"content":"12345678"},"text":"12345678"}]}"#,
        r#"[{"candidates":[{"content":{"parts":[{"text":"12345678"}]}}]}]"#,
        r#"{"delta":"12345678"}"#,
        r#"{"response":"12345678"}"#,
    ] {
        check_framed(Framing::Text, document.as_bytes(), 0);
    }
}

#[test]
fn content_counts_at_any_depth() {
    for depth in [1, 10, 31, 32, 33, 64, 1_000, 100_000] {
        let (open, shut) = ("[".repeat(depth), "]".repeat(depth));
        let event = format!(r#"{{"delta":{{"a":{open}"12345678"{shut},"b":"1234"}}}}"#);
        check_framed(Framing::Text, format!("data: {event}\n\n").as_bytes(), 3);
        let excluded = format!(r#"{{"delta":{{"usage":{open}"12345678"{shut},"b":"1234"}}}}"#);
        check_framed(Framing::Text, format!("data: {excluded}\n\n").as_bytes(), 1);
        let elsewhere = format!(r#"{{"a":{open}"12345678"{shut},"delta":"1234"}}"#);
        check_framed(Framing::Text, format!("data: {elsewhere}\n\n").as_bytes(), 1);
    }
}

fn has_ended(framing: Framing, body: &[u8]) -> bool {
    let pieces: Vec<_> = body.chunks(1).collect();
    let (.., ended) = read(framing, &pieces);
    assert_eq!(read(framing, &[body]).2, ended);
    ended
}

#[test]
fn the_content_says_its_end_before_the_framing_does() {
    for last in [
        "[DONE]",
        r#"{"type":"message_stop"}"#,
        r#"{"response":{"status":"completed"},"type":"response.completed"}"#,
        r#"{"type":"response.incomplete","response":{}}"#,
        r#"{"type":"response.failed","response":{"error":{}}}"#,
        r#"{"type":"message-end","delta":{"usage":{}}}"#,
        r#"{"event_type":"stream-end","response":{}}"#,
        r#"{"t\u0079pe":"message\u005fstop"}"#,
        r#"{"done":true,"eval_count":3}"#,
    ] {
        for start in ["data: ", "data:", "event: a\r\ndata: {\"type\":\"ping\"}\r\n\r\ndata: "] {
            let stream = format!("{start}{last}");
            assert!(has_ended(Framing::Text, stream.as_bytes()), "{stream}");
            let cut = &stream[..stream.len() - 1];
            assert!(!has_ended(Framing::Text, cut.as_bytes()), "{cut}");
            let further = format!("{stream}\n\ndata: {{\"type\":\"ping\"}}\n\n");
            assert!(has_ended(Framing::Text, further.as_bytes()), "{further}");
        }
    }
    assert!(has_ended(Framing::JsonLines, br#"{"message":{},"done":true}"#));
}

#[test]
fn nothing_else_is_an_end() {
    for event in [
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
        r#"{"type":"response.output_text.done","text":"[DONE]"}"#,
        r#"{"type":"content_block_delta","delta":{"type":"message_stop","text":"message_stop"}}"#,
        r#"{"choices":[{"delta":{"content":"[DONE]"},"finish_reason":"stop"}]}"#,
        r#"{"type":["message_stop"],"a":"message_stop"}"#,
        r#"{"message":{"type":"message_stop"},"done":false}"#,
        r#"{"kind":"message_stop"}"#,
        r#"{"type":"message_stopped"}"#,
        r#"{"type":"error","error":{"message":"overloaded"}}"#,
        "[DONE",
        " [DONE]",
        "[done]",
        "a[DONE]",
    ] {
        assert!(!has_ended(Framing::Text, stream(&[event]).as_bytes()), "{event}");
    }
    assert!(!has_ended(Framing::Text, b"event: message_stop\n\n: [DONE]\n\n[DONE]\n\n"));
    assert!(!has_ended(Framing::JsonLines, br#"{"done":false}"#));
}

#[test]
fn a_converse_stream_has_ended_when_it_has_told_its_usage() {
    let stop = frame(b":event-type", br#"{"stopReason":"end_turn"}"#);
    assert!(!has_ended(Framing::AmazonFrames, &stop));
    let metadata = frame(b":event-type", br#"{"metrics":{},"usage":{"inputTokens":3}}"#);
    assert!(has_ended(Framing::AmazonFrames, &[stop, metadata].concat()));
}
