//! Answers as servers in the field give them that speak the APIs which are read: self-hosted ones
//! and resellers above all. Each says something that a reader could take wrongly.

mod anthropic;
mod bedrock;
mod completions;
mod gemini;
mod openai;
mod others;

use super::{Api, Framing, read};
use anthropic::check_messages;

type Known = Option<(Api, u64)>;

/// Checks a body in pieces of every length up to that of a line.
fn check(server: &str, framing: Framing, body: &[u8], expected: Known) {
    for piece_len in (1..80).chain([body.len()]) {
        let pieces: Vec<_> = body.chunks(piece_len).collect();
        let (usage, ..) = read(framing, &pieces);
        assert_eq!(usage, expected, "{server} by {piece_len}: {}", String::from_utf8_lossy(body));
    }
}

fn check_text(server: &str, body: &str, expected: Known) {
    check(server, Framing::Text, body.as_bytes(), expected);
}

/// What an API says again with less is no news, even where a server means it as a correction: it
/// cannot be told from a filler, and a meter that counts too little is no meter.
#[test]
fn a_figure_that_is_corrected_downwards_stays() {
    let gemini =
        |usage: &str| format!("data: {{\"candidates\":[],\"usageMetadata\":{usage}}}\r\n\r\n");
    check_text(
        "Gemini: the prompt shrinks in the last event",
        &[
            gemini(r#"{"promptTokenCount":169,"totalTokenCount":169}"#),
            gemini(r#"{"promptTokenCount":79,"candidatesTokenCount":12,"totalTokenCount":91}"#),
        ]
        .concat(),
        Some((Api::Gemini, 181)),
    );
    check_messages(
        "Ollama: an estimate at the start",
        r#""input_tokens":90,"output_tokens":0"#,
        &[r#""input_tokens":74,"output_tokens":10"#],
        100,
    );
    check_messages(
        "vLLM: what was cached is told apart in the delta",
        r#""input_tokens":17,"cache_read_input_tokens":0,"output_tokens":0"#,
        &[r#""input_tokens":5,"cache_read_input_tokens":12,"output_tokens":5"#],
        34,
    );
}
