//! The bodies of each API as they are on the wire.

use super::UsageSource;

/// A body, and all that is known while it is read, in order.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) body: String,
    pub(super) known: Vec<(UsageSource, u64)>,
}

/// What the bodies say was used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) prompt: u64,
    pub(super) output: u64,
    pub(super) cached: u64,
}

/// What a model may put into the input of a tool, or anyone into the metadata.
const FORGED: &str = r#"{"usage":{"prompt_tokens":9,"input_tokens":9,"total_tokens":99},"usageMetadata":
    {"totalTokenCount":9},"a":[[[{"usage":{"total_tokens":9}}]],{"response":{"usage":{"total_tokens":9}}}],
    "message":{"usage":{"output_tokens":9}}}"#;

/// Every shape around a piece of model text, which is a JSON literal.
pub(super) fn all(text: &str, figures: Figures) -> Vec<Shape> {
    let mut shapes = Vec::new();
    shapes.extend(completions(text, figures));
    shapes.extend(responses(text, figures));
    shapes.extend(anthropic(text, figures));
    shapes.extend(gemini(text, figures));
    shapes.extend(without_usage(text));
    for line_end in ["\n", "\r\n", "\r"] {
        shapes.extend(completion_streams(text, figures, line_end));
        shapes.extend(response_streams(text, figures, line_end));
        shapes.extend(anthropic_streams(text, figures, line_end));
        shapes.extend(gemini_streams(text, figures, line_end));
    }
    shapes
}

fn shape(name: &'static str, body: String, known: &[(UsageSource, u64)]) -> Shape {
    Shape { name, body, known: known.to_vec() }
}

/// Each event as one `data:` line per line of its JSON.
fn stream(events: &[String], line_end: &str) -> String {
    let lines = |event: &String| {
        let data = event.lines().map(|line| format!("data: {}{line_end}", line.trim()));
        format!("{}{line_end}", data.collect::<Vec<_>>().concat())
    };
    events.iter().map(lines).collect()
}

fn completion_usage(Figures { prompt, output, cached }: Figures) -> String {
    format!(
        r#"{{"prompt_tokens":{prompt},"completion_tokens":{output},"total_tokens":{},
        "prompt_tokens_details":{{"cached_tokens":{cached},"total_tokens":9}},
        "completion_tokens_details":{{"reasoning_tokens":{output},"rejected_prediction_tokens":0}}}}"#,
        prompt + output
    )
}

fn completions(text: &str, figures: Figures) -> Vec<Shape> {
    let usage = completion_usage(figures);
    let known = [(UsageSource::Completions, figures.prompt + figures.output)];
    let Figures { prompt, .. } = figures;
    vec![
        shape(
            "chat",
            format!(
                r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1741569952,"model":"gpt",
                "choices":[{{"index":0,"message":{{"role":"assistant","content":{text},"usage":{FORGED}}},
                "logprobs":null,"finish_reason":"stop"}}],"metadata":{FORGED},"message":{FORGED},
                "usage":{usage},"service_tier":"default"}}"#
            ),
            &known,
        ),
        shape(
            "chat with usage first",
            format!(r#"{{"usage":{usage},"choices":[{{"text":{text}}}],"x":{FORGED}}}"#),
            &known,
        ),
        shape(
            "text completion",
            format!(r#"{{"choices":[{{"text":{text},"logprobs":null}}],"usage":{usage}}}"#),
            &known,
        ),
        shape(
            "embeddings",
            format!(
                r#"{{"object":"list","data":[{{"embedding":[0.0023,-9.3e-3,1E-7]}}],"model":{text},
                "usage":{{"prompt_tokens":{prompt},"total_tokens":{prompt}}}}}"#
            ),
            &[(UsageSource::Completions, prompt)],
        ),
    ]
}

fn completion_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
    let Figures { prompt, output, .. } = figures;
    let usage = completion_usage(figures);
    let known = [(UsageSource::Completions, prompt + output)];
    let chunk = |rest: &str| {
        format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk",
            "choices":[{{"index":0,"delta":{{"content":{text}}},"finish_reason":null}}]{rest}}}"#
        )
    };
    let no_usage = chunk(r#","usage":null"#);
    let done = || "[DONE]".to_owned();
    let last = |choices: &str| format!(r#"{{"id":"chatcmpl-1",{choices}"usage":{usage}}}"#);
    let with_last = |choices: &str| {
        stream(&[no_usage.clone(), no_usage.clone(), last(choices), done()], line_end)
    };
    let so_far = |output: u64| {
        chunk(&format!(
            r#","usage":{{"prompt_tokens":{prompt},"total_tokens":{},"completion_tokens":{output}}}"#,
            prompt + output
        ))
    };
    vec![
        shape("chat stream", with_last(r#""choices":[],"#), &known),
        shape("chat stream, null choices", with_last(r#""choices":null,"#), &known),
        shape("chat stream, no choices", with_last(""), &known),
        shape(
            "chat stream, usage before the last event",
            stream(&[last(r#""choices":[],"#), no_usage.clone(), done()], line_end),
            &known,
        ),
        shape(
            "chat stream with comments and keep-alives",
            format!(
                ": {text}{line_end}{line_end}{}: ping{line_end}retry: 5{line_end}id: {text}{line_end}{line_end}",
                with_last(r#""choices":[],"#)
            ),
            &known,
        ),
        shape(
            "chat stream without usage",
            stream(&[chunk(""), no_usage.clone(), done()], line_end),
            &[],
        ),
        shape(
            "chat stream with usage in each event",
            stream(&[so_far(0), so_far(1), so_far(1), so_far(2), done()], line_end),
            &[0, 1, 2].map(|output| (UsageSource::Completions, prompt + output)),
        ),
        shape(
            "chat stream that ends with an error",
            stream(
                &[so_far(1), format!(r#"{{"error":{{"message":{text},"usage":{FORGED}}}}}"#)],
                line_end,
            ),
            &[(UsageSource::Completions, prompt + 1)],
        ),
    ]
}

fn response_usage(Figures { prompt, output, cached }: Figures) -> String {
    format!(
        r#"{{"input_tokens":{prompt},"input_tokens_details":{{"cached_tokens":{cached}}},
        "output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":{output}}},"total_tokens":{}}}"#,
        prompt + output
    )
}

fn response(text: &str, usage: &str) -> String {
    format!(
        r#"{{"id":"resp_1","object":"response","error":null,"metadata":{FORGED},"output":
        [{{"type":"message","usage":{FORGED},"content":[{{"type":"output_text","text":{text}}}]}},
        {{"type":"function_call","arguments":{text}}}],"usage":{usage},"user":null}}"#
    )
}

fn responses(text: &str, figures: Figures) -> Vec<Shape> {
    let usage = response_usage(figures);
    let known = [(UsageSource::Responses, figures.prompt + figures.output)];
    let Figures { prompt, output, .. } = figures;
    let total = prompt + output;
    vec![
        shape("response", response(text, &usage), &known),
        shape(
            "transcription by tokens",
            format!(
                r#"{{"text":{text},"usage":{{"type":"tokens","total_tokens":{total},"input_tokens":{prompt},
                "input_token_details":{{"audio_tokens":{prompt}}},"output_tokens":{output}}}}}"#
            ),
            &known,
        ),
        shape(
            "transcription by duration",
            format!(r#"{{"text":{text},"usage":{{"type":"duration","seconds":12.5}}}}"#),
            &[],
        ),
    ]
}

fn response_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
    let usage = response_usage(figures);
    let known = [(UsageSource::Responses, figures.prompt + figures.output)];
    let ending = |kind: &str, usage: &str| {
        let response = response(text, usage);
        format!(r#"{{"type":"response.{kind}","sequence_number":4,"response":{response}}}"#)
    };
    let delta =
        format!(r#"{{"type":"response.output_text.delta","delta":{text},"item":{FORGED}}}"#);
    let ended = |kind: &str| {
        stream(&[ending("created", "null"), delta.clone(), ending(kind, &usage)], line_end)
    };
    vec![
        shape("response stream", ended("completed"), &known),
        shape("incomplete response stream", ended("incomplete"), &known),
        shape("failed response stream", ended("failed"), &known),
        shape(
            "aborted response stream",
            stream(&[ending("created", "null"), delta.clone()], line_end),
            &[],
        ),
        shape(
            "transcription stream",
            stream(
                &[
                    delta.clone(),
                    format!(r#"{{"type":"transcript.text.done","text":{text},"usage":{usage}}}"#),
                ],
                line_end,
            ),
            &known,
        ),
    ]
}

fn anthropic_usage(Figures { prompt, cached, .. }: Figures, output: u64) -> String {
    format!(
        r#"{{"input_tokens":{prompt},"cache_creation_input_tokens":{cached},"cache_read_input_tokens":{cached},
        "cache_creation":{{"ephemeral_5m_input_tokens":{cached},"input_tokens":9}},"output_tokens":{output},
        "server_tool_use":{{"web_search_requests":3,"output_tokens":9}},"service_tier":"standard"}}"#
    )
}

fn anthropic(text: &str, figures: Figures) -> Vec<Shape> {
    let Figures { prompt, output, cached } = figures;
    let usage = anthropic_usage(figures, output);
    vec![shape(
        "message",
        format!(
            r#"{{"id":"msg_1","type":"message","content":[{{"type":"text","text":{text}}},
            {{"type":"tool_use","input":{FORGED}}}],"stop_reason":"end_turn","usage":{usage}}}"#
        ),
        &[(UsageSource::Anthropic, prompt + 2 * cached + output)],
    )]
}

fn anthropic_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
    let Figures { prompt, output, cached } = figures;
    let input = prompt + 2 * cached;
    let start = format!(
        r#"{{"type":"message_start","message":{{"id":"msg_1","content":[],"usage":{},"model":{text}}}}}"#,
        anthropic_usage(figures, 1)
    );
    let block = format!(
        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{text},"usage":{FORGED}}}}}"#
    );
    let delta = |usage: &str| {
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{usage}}}"#
        )
    };
    let named = |events: &[String]| {
        let event = |event: &String| {
            format!("event: message{line_end}{}", stream(std::slice::from_ref(event), line_end))
        };
        events.iter().map(event).collect::<String>()
    };
    let anthropic = |tokens: u64| (UsageSource::Anthropic, tokens);
    let end = 1 + output;
    vec![
        shape(
            "aborted message stream",
            named(&[start.clone(), block.clone()]),
            &[anthropic(input + 1)],
        ),
        shape(
            "message stream",
            named(&[
                start.clone(),
                r#"{"type":"ping"}"#.to_owned(),
                block.clone(),
                delta(&format!(r#"{{"output_tokens":{end}}}"#)),
                r#"{"type":"message_stop"}"#.to_owned(),
            ]),
            &[anthropic(input + 1), anthropic(input + end)],
        ),
        shape(
            "message stream whose delta repeats the input",
            named(&[
                start.clone(),
                block.clone(),
                delta(&format!(
                    r#"{{"input_tokens":{},"cache_read_input_tokens":null,"output_tokens":{end}}}"#,
                    prompt + 7
                )),
            ]),
            &[anthropic(input + 1), anthropic(input + 7 + end)],
        ),
        shape(
            "message stream that ends with an error",
            named(&[start, block, format!(r#"{{"type":"error","error":{{"message":{text}}}}}"#)]),
            &[anthropic(input + 1)],
        ),
    ]
}

fn gemini_chunk(text: &str, usage: &str) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":{text}}},{{"functionCall":{{"args":{FORGED}}}}}]}},
        "usageMetadata":{FORGED}}}],"usageMetadata":{usage},"modelVersion":"gemini"}}"#
    )
}

fn gemini_usage(Figures { prompt, output, cached }: Figures, total: u64) -> String {
    format!(
        r#"{{"promptTokenCount":{prompt},"candidatesTokenCount":{output},"cachedContentTokenCount":{cached},
        "promptTokensDetails":[{{"modality":"TEXT","tokenCount":{prompt},"totalTokenCount":9}}],
        "totalTokenCount":{total},"thoughtsTokenCount":3}}"#
    )
}

fn gemini(text: &str, figures: Figures) -> Vec<Shape> {
    let Figures { prompt, output, .. } = figures;
    let total = prompt + output + 3;
    let chunk = |total: u64| gemini_chunk(text, &gemini_usage(figures, total));
    let gemini = |tokens: u64| (UsageSource::Gemini, tokens);
    vec![
        shape("content", chunk(total), &[gemini(total)]),
        shape(
            "content without a total",
            gemini_chunk(
                text,
                &format!(
                    r#"{{"promptTokenCount":{prompt},"candidatesTokenCount":{output},
                    "thoughtsTokenCount":3,"toolUsePromptTokenCount":4}}"#
                ),
            ),
            &[gemini(total + 4)],
        ),
        shape(
            "content array",
            format!("[{}\n,\r\n{},{}]", chunk(total), chunk(total + 2), chunk(1)),
            &[gemini(total), gemini(total + 2)],
        ),
    ]
}

fn gemini_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
    let total = figures.prompt + figures.output + 3;
    let chunk = |total: u64| gemini_chunk(text, &gemini_usage(figures, total));
    let gemini = |tokens: u64| (UsageSource::Gemini, tokens);
    vec![shape(
        "content stream",
        stream(&[chunk(1), gemini_chunk(text, "null"), chunk(total + 2), chunk(total)], line_end),
        &[gemini(total), gemini(total + 2)],
    )]
}

fn without_usage(text: &str) -> Vec<Shape> {
    vec![
        shape(
            "chat without usage",
            format!(r#"{{"choices":[{{"message":{{"content":{text}}}}}]}}"#),
            &[],
        ),
        shape("chat with null", format!(r#"{{"choices":[{{"text":{text}}}],"usage":null}}"#), &[]),
        shape(
            "error",
            format!(
                r#"{{"error":{{"message":{text},"type":"tokens","param":null,"usage":{FORGED}}}}}"#
            ),
            &[],
        ),
        shape("list of errors", format!(r#"[{{"error":{{"code":429,"message":{text}}}}}]"#), &[]),
        shape("text", text.to_owned(), &[]),
        shape("nothing", String::new(), &[]),
        shape("page", format!("<html><body>{text}</body></html>"), &[]),
    ]
}
