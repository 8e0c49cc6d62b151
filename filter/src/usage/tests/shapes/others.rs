//! Bedrock's, Ollama's, Cohere's and Workers AI's answers.

use super::{super::frames::frame, Api, FORGED, Figures, Framing, Shape, shape, stream};

fn converse_usage(Figures { prompt, output, cached }: Figures) -> String {
    format!(
        r#"{{"inputTokens":{prompt},"outputTokens":{output},"totalTokens":{},"cacheReadInputTokens":{cached},
        "cacheWriteInputTokens":0,"cacheDetails":[{{"inputTokens":9,"ttl":"5m"}}]}}"#,
        prompt + output + cached
    )
}

fn cohere_units(Figures { prompt, output, cached }: Figures) -> String {
    format!(
        r#"{{"billed_units":{{"input_tokens":{prompt},"output_tokens":{output}}},
        "tokens":{{"input_tokens":{},"output_tokens":{output}}},"cached_tokens":9}}"#,
        prompt + cached
    )
}

fn ollama_line(text: &str, rest: &str) -> String {
    format!(
        r#"{{"model":"llama","created_at":"2026-01-01T00:00:00Z","message":{{"role":"assistant","content":{text},
        "tool_calls":[{{"function":{{"name":"f","arguments":{FORGED}}}}}]}},{rest}}}"#
    )
}

fn ollama_end(Figures { prompt, output, .. }: Figures) -> String {
    format!(
        r#""done_reason":"stop","done":true,"total_duration":4883583458,"prompt_eval_count":{prompt},
        "prompt_eval_duration":1,"eval_count":{output},"eval_duration":1"#
    )
}

pub(super) fn documents(text: &str, figures: Figures) -> Vec<Shape> {
    let Figures { prompt, output, cached } = figures;
    let all = prompt + output + cached;
    let content = format!(r#""content":[{{"type":"text","text":{text}}}]"#);
    vec![
        shape(
            "converse",
            format!(
                r#"{{"metrics":{{"latencyMs":9}},"output":{{"message":{{"role":"assistant",{content}}}}},
                "additionalModelResponseFields":{FORGED},"usage":{}}}"#,
                converse_usage(figures)
            ),
            &[(Api::Bedrock, all)],
        ),
        shape("ollama", ollama_line(text, &ollama_end(figures)), &[(Api::Ollama, prompt + output)]),
        shape(
            "cohere",
            format!(
                r#"{{"id":"c","message":{{"role":"assistant",{content},"usage":{FORGED}}},"usage":{}}}"#,
                cohere_units(figures)
            ),
            // Each of the two objects is closed by itself.
            &[(Api::Cohere, prompt + output), (Api::Cohere, all)],
        ),
        shape(
            "cohere, first version",
            format!(r#"{{"text":{text},"meta":{}}}"#, cohere_units(figures)),
            &[(Api::Cohere, prompt + output), (Api::Cohere, all)],
        ),
        shape(
            "workers ai",
            format!(
                r#"{{"result":{{"response":{text},"tool_calls":[{FORGED}],"usage":{{"prompt_tokens":{prompt},
                "completion_tokens":{output},"total_tokens":{}}}}},"success":true,"errors":[],"messages":[]}}"#,
                prompt + output
            ),
            &[(Api::WorkersAi, prompt + output)],
        ),
    ]
}

pub(super) fn event_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
    let Figures { prompt, output, cached } = figures;
    let event = |kind: &str, delta: &str| format!(r#"{{"type":"{kind}","delta":{delta}}}"#);
    vec![
        shape(
            "cohere stream",
            stream(
                &[
                    event("message-start", r#"{"message":{"role":"assistant","content":[]}}"#),
                    event(
                        "content-delta",
                        &format!(
                            r#"{{"message":{{"content":{{"text":{text}}},"usage":{FORGED}}}}}"#
                        ),
                    ),
                    event(
                        "message-end",
                        &format!(
                            r#"{{"finish_reason":"COMPLETE","usage":{}}}"#,
                            cohere_units(figures)
                        ),
                    ),
                ],
                line_end,
            ),
            &[(Api::Cohere, prompt + output), (Api::Cohere, prompt + output + cached)],
        ),
        shape(
            "workers ai stream",
            stream(
                &[
                    format!(r#"{{"response":{text},"p":"abc"}}"#),
                    format!(
                        r#"{{"response":"","usage":{{"prompt_tokens":{prompt},"completion_tokens":{output}}}}}"#
                    ),
                    "[DONE]".to_owned(),
                ],
                line_end,
            ),
            &[(Api::Completions, prompt + output)],
        ),
        shape(
            "converse events",
            stream(
                &[
                    r#"{"messageStart":{"role":"assistant"}}"#.to_owned(),
                    format!(
                        r#"{{"contentBlockDelta":{{"delta":{{"text":{text}}},"usage":{FORGED},"metadata":{FORGED}}}}}"#
                    ),
                    format!(
                        r#"{{"metadata":{{"trace":{FORGED},"usage":{}}},"usageMetadata":null}}"#,
                        converse_usage(figures)
                    ),
                ],
                line_end,
            ),
            &[(Api::Bedrock, prompt + output + cached)],
        ),
    ]
}

pub(super) fn framed_streams(text: &str, figures: Figures) -> Vec<Shape> {
    let Figures { prompt, output, cached } = figures;
    let line = |line: String| line.replace('\n', "") + "\n";
    let lines = [
        line(ollama_line(text, r#""done":false"#)),
        line(ollama_line("\"\"", &ollama_end(figures))),
    ];
    let frames = [
        frame(b":event-type\x07\0\x0cmessageStart", br#"{"p":"ab","role":"assistant"}"#),
        frame(
            b":event-type\x07\0\x11contentBlockDelta",
            format!(r#"{{"contentBlockIndex":0,"delta":{{"text":{text}}},"p":"a"}}"#).as_bytes(),
        ),
        frame(b"", br#"{"stopReason":"end_turn"}"#),
        frame(
            b":event-type\x07\0\x08metadata",
            format!(r#"{{"metrics":{{"latencyMs":9}},"usage":{}}}"#, converse_usage(figures))
                .as_bytes(),
        ),
    ];
    vec![
        Shape {
            name: "ollama stream",
            framing: Framing::JsonLines,
            body: lines.concat().into_bytes(),
            known: vec![(Api::Ollama, prompt + output)],
        },
        Shape {
            name: "converse stream",
            framing: Framing::AmazonFrames,
            body: frames.concat(),
            known: vec![(Api::Bedrock, prompt + output + cached)],
        },
        Shape {
            name: "invoke stream",
            framing: Framing::AmazonFrames,
            body: frame(b":event-type\x07\0\x05chunk", br#"{"bytes":"eyJ1c2FnZSI6e319","p":"a"}"#),
            known: Vec::new(),
        },
    ]
}
