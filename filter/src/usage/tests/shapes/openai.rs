//! `OpenAI`'s chat, completions, embeddings, responses and transcriptions.

use super::{Api, FORGED, Figures, Shape, shape, stream};

fn completion_usage(Figures { prompt, output, cached }: Figures) -> String {
    format!(
        r#"{{"prompt_tokens":{prompt},"completion_tokens":{output},"total_tokens":{},
        "prompt_tokens_details":{{"cached_tokens":{cached},"total_tokens":9}},
        "completion_tokens_details":{{"reasoning_tokens":{output},"rejected_prediction_tokens":0}}}}"#,
        prompt + output
    )
}

pub(super) fn completions(text: &str, figures: Figures) -> Vec<Shape> {
    let usage = completion_usage(figures);
    let known = [(Api::Completions, figures.prompt + figures.output)];
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
            &[(Api::Completions, prompt)],
        ),
    ]
}

pub(super) fn completion_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
    let Figures { prompt, output, .. } = figures;
    let usage = completion_usage(figures);
    let known = [(Api::Completions, prompt + output)];
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
            &[0, 1, 2].map(|output| (Api::Completions, prompt + output)),
        ),
        shape(
            "chat stream that ends with an error",
            stream(
                &[so_far(1), format!(r#"{{"error":{{"message":{text},"usage":{FORGED}}}}}"#)],
                line_end,
            ),
            &[(Api::Completions, prompt + 1)],
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

pub(super) fn responses(text: &str, figures: Figures) -> Vec<Shape> {
    let usage = response_usage(figures);
    let known = [(Api::Responses, figures.prompt + figures.output)];
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

pub(super) fn response_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
    let usage = response_usage(figures);
    let known = [(Api::Responses, figures.prompt + figures.output)];
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
