//! Anthropic's messages.

use super::{Api, FORGED, Figures, Shape, shape, stream};

fn anthropic_usage(Figures { prompt, cached, .. }: Figures, output: u64) -> String {
    format!(
        r#"{{"input_tokens":{prompt},"cache_creation_input_tokens":{cached},"cache_read_input_tokens":{cached},
        "cache_creation":{{"ephemeral_5m_input_tokens":{cached},"input_tokens":9}},"output_tokens":{output},
        "server_tool_use":{{"web_search_requests":3,"output_tokens":9}},"service_tier":"standard"}}"#
    )
}

pub(super) fn messages(text: &str, figures: Figures) -> Vec<Shape> {
    let Figures { prompt, output, cached } = figures;
    let usage = anthropic_usage(figures, output);
    vec![shape(
        "message",
        format!(
            r#"{{"id":"msg_1","type":"message","content":[{{"type":"text","text":{text}}},
            {{"type":"tool_use","input":{FORGED}}}],"stop_reason":"end_turn","usage":{usage}}}"#
        ),
        &[(Api::Anthropic, prompt + 2 * cached + output)],
    )]
}

pub(super) fn message_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
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
    let anthropic = |tokens: u64| (Api::Anthropic, tokens);
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
