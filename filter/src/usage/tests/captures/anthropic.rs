//! Anthropic's messages.

use super::{Api::Anthropic, check_text};

/// Checks a stream of a start and deltas with these usages.
pub(super) fn check_messages(server: &str, start: &str, deltas: &[&str], expected: u64) {
    let start = format!(
        "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"content\":null,\"usage\":{{{start}}}}}}}\n\n"
    );
    let deltas = deltas.iter().map(|delta| {
        format!(
            "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}},\
             \"usage\":{{{delta}}}     }}\n\n"
        )
    });
    let end = "event: message_stop\ndata: {\"type\":\"message_stop\"           }\n\n";
    let stream = start + &deltas.collect::<Vec<_>>().concat() + end;
    check_text(server, &stream, Some((Anthropic, expected)));
}

#[test]
fn messages() {
    check_messages(
        "Anthropic, with tools of the server's",
        r#""input_tokens":2068,"output_tokens":1"#,
        &[
            r#""input_tokens":22397,"output_tokens":637,"server_tool_use":{"web_search_requests":2}"#,
        ],
        23_034,
    );
    check_messages(
        "Vertex: a delta of zero",
        r#""input_tokens":15,"output_tokens":1"#,
        &[r#""input_tokens":0,"output_tokens":40"#],
        55,
    );
    check_messages(
        "SGLang and Vercel's gateway: zeros at the start",
        r#""input_tokens":0,"output_tokens":0"#,
        &[r#""input_tokens":123,"output_tokens":45"#],
        168,
    );
    check_messages(
        "Z.ai: the cache is only in the delta",
        r#""input_tokens":0,"output_tokens":0"#,
        &[
            r#""input_tokens":14,"output_tokens":6,"cache_read_input_tokens":64,"service_tier":"standard""#,
        ],
        84,
    );
    check_messages(
        "llama.cpp: the delta has the output only",
        r#""cache_read_input_tokens":40,"input_tokens":9,"output_tokens":0"#,
        &[r#""output_tokens":21"#],
        70,
    );
    check_messages(
        "LiteLLM: a delta of zeros before the real one",
        r#""input_tokens":0,"output_tokens":0"#,
        &[
            r#""input_tokens":0,"output_tokens":0"#,
            r#""input_tokens":3136,"output_tokens":40,"cache_read_input_tokens":6752,"cache_creation_input_tokens":null"#,
            r#""output_tokens":40"#,
        ],
        9_928,
    );
    check_messages(
        "MiniMax: a delta without usage",
        r#""input_tokens":10,"output_tokens":0"#,
        &[""],
        10,
    );
    check_messages(
        "nested counts are of the same tokens",
        r#""input_tokens":43,"cache_creation":{"ephemeral_5m_input_tokens":0,"input_tokens":9},"output_tokens":1"#,
        &[
            r#""output_tokens":24,"iterations":[{"type":"message","input_tokens":43,"output_tokens":24}]"#,
        ],
        67,
    );
    check_text(
        "a clone with usage in the delta",
        "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n\
         data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"usage\":{\"output_tokens\":15}}}\n\n",
        Some((Anthropic, 20)),
    );
    check_text(
        "a gateway before Bedrock: the same once more by other names",
        "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":93,\"output_tokens\":1}}}\n\n\
         data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":7}}\n\ndata: {\"type\":\"message_stop\",\
         \"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":93,\"outputTokenCount\":7,\"invocationLatency\":4151}}\n\n",
        Some((Anthropic, 100)),
    );
}
