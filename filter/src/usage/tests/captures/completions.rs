//! `OpenAI`'s chat and text completions, by whoever speaks them.

use super::{
    Api::{Completions, Responses},
    Framing, check, check_text,
};

/// Checks chat chunks with these usages, `null` among them.
fn check_chunks(server: &str, usages: &[&str], expected: u64) {
    let chunks = usages.iter().map(|usage| {
        format!(
            "data: {{\"id\":\"\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":\
             {{\"content\":\"a\"}},\"finish_reason\":null}}],\"usage\":{usage}}}\n\n"
        )
    });
    let stream = chunks.collect::<Vec<_>>().concat() + "data: [DONE]\n\n";
    check_text(server, &stream, Some((Completions, expected)));
}

#[test]
fn chat_streams() {
    check_chunks(
        "a moderated chat: an event without usage comes after the one with it",
        &["null", r#"{"prompt_tokens":31,"completion_tokens":12,"total_tokens":43}"#, "null"],
        43,
    );
    check_chunks(
        "vLLM, continuous: the first chunk has no completion yet",
        &[
            r#"{"prompt_tokens":17,"total_tokens":17}"#,
            r#"{"prompt_tokens":17,"total_tokens":18,"completion_tokens":1}"#,
            r#"{"prompt_tokens":17,"total_tokens":19,"completion_tokens":2,"prompt_tokens_details":null}"#,
        ],
        19,
    );
    check_chunks(
        "Databricks: null inside of usage until the last",
        &[
            r#"{"prompt_tokens":15,"completion_tokens":null,"total_tokens":null}"#,
            r#"{"prompt_tokens":15,"completion_tokens":345,"total_tokens":360}"#,
        ],
        360,
    );
    check_chunks(
        "Ollama's completions: zeros in every chunk but the last",
        &[
            r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#,
            r#"{"prompt_tokens":26,"completion_tokens":8,"total_tokens":34}"#,
        ],
        34,
    );
    check_chunks(
        "xAI: reasoning is only in the total",
        &[
            r#"{"prompt_tokens":12,"completion_tokens":2,"total_tokens":354,"cost_in_usd_ticks":1721250000000}"#,
        ],
        354,
    );
    check_chunks(
        "OpenRouter: costs beside the counts",
        &[
            r#"{"prompt_tokens":88,"completion_tokens":6,"total_tokens":94,"cost":2.7e-05,"is_byok":false,
            "cost_details":{"upstream_inference_cost":null,"upstream_inference_prompt_cost":0}}"#,
        ]
        .map(|usage| usage.replace('\n', ""))
        .each_ref()
        .map(String::as_str),
        94,
    );
    check_chunks(
        "DeepSeek: hits and misses are the prompt once more",
        &[r#"{"prompt_tokens":33,"completion_tokens":8,"total_tokens":41,"prompt_cache_hit_tokens":32,
            "prompt_cache_miss_tokens":1}"#
            .replace('\n', "")
            .as_str()],
        41,
    );
    check_chunks(
        "LocalAI: counts of something else",
        &[r#"{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"timing_prompt_processing":12.25,
            "compression_meta":{"original_tokens":900,"total_tokens":300,"summary_tokens":40}}"#
            .replace('\n', "")
            .as_str()],
        13,
    );
    check_chunks(
        "SambaNova and Tenstorrent: floats, words and a text",
        &[r#"{"acceptance_rate":4.0,"stop_reason":"stop","completion_tokens":20,"end_time":1.7e9,"is_last_response":true,
            "prompt_tokens":30,"total_tokens":50,"tps":212.40600000000001,"worker":"a"}"#
            .replace('\n', "")
            .as_str()],
        50,
    );
    check_chunks(
        "a gateway whose total is the completion",
        &[r#"{"prompt_tokens":1066,"total_tokens":103}"#],
        1_066,
    );
    check_chunks(
        "a reasoning model with a negative completion",
        &[r#"{"prompt_tokens":900,"completion_tokens":-20,"total_tokens":880}"#],
        900,
    );
    check_chunks(
        "an average as a float",
        &[r#"{"prompt_tokens":3,"completion_tokens":41.75}"#],
        45,
    );
    check_chunks("Voyage and MiniMax: the total alone", &[r#"{"total_tokens":94}"#], 94);
}

#[test]
fn chat_streams_with_usage_in_two_places() {
    check_text(
        "Groq: the same twice, and once more by model",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"r\",\"usage\":\
         {\"queue_time\":0.04,\"prompt_tokens\":45,\"completion_tokens\":66,\"total_tokens\":111},\"usage_breakdown\":\
         {\"models\":[{\"model\":\"a\",\"usage\":{\"total_tokens\":111}}]}},\"usage\":{\"prompt_tokens\":45,\
         \"completion_tokens\":66,\"total_tokens\":111}}\n\ndata: [DONE]\n\n",
        Some((Completions, 111)),
    );
    check_text(
        "a reseller of Groq whose second count lacks the prompt",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":31,\"total_tokens\":31},\
         \"x_groq\":{\"usage\":{\"prompt_tokens\":21,\"completion_tokens\":31,\"total_tokens\":52}}}\n\n",
        Some((Completions, 52)),
    );
    check_text(
        "Kimi: in the last choice, and then again",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":30,\
         \"completion_tokens\":14,\"total_tokens\":44,\"cached_tokens\":10}}]}\n\n\
         data: {\"choices\":[],\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":14,\"total_tokens\":44}}\n\n",
        Some((Completions, 44)),
    );
    check_text(
        "a runner that counts at the root too",
        "data: {\"text\":\"a\",\"prompt_tokens\":23,\"completion_tokens\":290,\"usage\":{\"prompt_tokens\":23,\
         \"completion_tokens\":290},\"done\":false}\n\n",
        Some((Completions, 313)),
    );
    check_text(
        "MiniMax: a whole document as the last event",
        "data: {\"choices\":[{\"delta\":{\"role\":\"tool\",\"content\":\"a\"}}],\"usage\":{\"total_tokens\":0}}\n\n\
         data: {\"object\":\"chat.completion\",\"choices\":[{\"message\":{\"content\":\"\\\"usage\\\":{\"}}],\
         \"usage\":{\"total_tokens\":94,\"total_characters\":0},\"base_resp\":{\"status_code\":0}}\n\n",
        Some((Completions, 94)),
    );
}

#[test]
fn framings_of_chat_streams() {
    let event = r#"{"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let expected = Some((Completions, 7));
    for (server, stream) in [
        (
            "OpenRouter: comments between",
            format!(": PROCESSING\n\n: PROCESSING\n\ndata: {event}\n\n"),
        ),
        ("TGI: a bare colon", format!(":\n\ndata: {event}\n\n:\n\n")),
        ("Hugging Face: no blank", format!("data:{event}\n\n")),
        ("Azure: blanks at the end", format!("data:  {event} \n\ndata: [DONE] \n\n")),
        ("no end of the last line", format!("data: {event}")),
        ("a byte order mark", format!("\u{feff}data: {event}\n\n")),
        ("the mark of the end without a name", format!("data: {event}\n\n[DONE]\n")),
        ("an event of metadata first", format!("data: {{\"traceId\":\"a\"}}\n\ndata: {event}\n\n")),
        ("an event that is null", format!("data: null\n\ndata: {event}\n\ndata: null\n\n")),
        ("stream: true that is ignored", event.to_owned()),
        ("OpenRouter and DeepSeek: blanks before a document", format!("\n   \n\n      \n{event}")),
    ] {
        check_text(server, &stream, expected);
    }
    check(
        "lines without data:",
        Framing::JsonLines,
        format!("{event}\n\n{event}\n\n").as_bytes(),
        expected,
    );
    check_text(
        "DashScope: id, event and a comment in an event, and running totals",
        "id:1\nevent:result\n:HTTP_STATUS/200\ndata:{\"output\":{\"text\":\"a\"},\"usage\":{\"total_tokens\":21,\
         \"input_tokens\":20,\"output_tokens\":1},\"request_id\":\"a\"}\n\nid:2\nevent:result\n:HTTP_STATUS/200\n\
         data:{\"output\":{\"text\":\"ab\"},\"usage\":{\"total_tokens\":30,\"input_tokens\":20,\"output_tokens\":10}}\n\n",
        Some((Responses, 30)),
    );
}

#[test]
fn text_completions() {
    let document = |usage: &str| {
        format!(
            r#"{{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{{"index":0,"text":"a",
            "logprobs":null,"finish_reason":"length","stop_reason":null,"prompt_logprobs":null}}],"usage":{usage}}}"#
        )
        .replace('\n', "")
    };
    check_text(
        "vLLM: the total before the completion, and a null",
        &document(
            r#"{"prompt_tokens":4,"total_tokens":11,"completion_tokens":7,"prompt_tokens_details":null}"#,
        ),
        Some((Completions, 11)),
    );
    check_text(
        "FastChat",
        &document(r#"{"prompt_tokens":5,"total_tokens":11,"completion_tokens":6}"#),
        Some((Completions, 11)),
    );
    check_text(
        "llama.cpp: timings that count too",
        &document(r#"{"completion_tokens":64,"prompt_tokens":128,"total_tokens":192}"#).replace(
            "\"created\":1",
            r#""timings":{"prompt_n":128,"predicted_n":64,"prompt_tokens":9},"tokens_predicted":9"#,
        ),
        Some((Completions, 192)),
    );
    check_text(
        "an older server: no total",
        &document(r#"{"prompt_tokens":5,"completion_tokens":3}"#),
        Some((Completions, 8)),
    );
    let event = |rest: &str| {
        format!("data: {{\"id\":\"cmpl-1\",\"object\":\"text_completion\",{rest}}}\n\n")
    };
    let word = event(r#""choices":[{"text":"\"usage\":{","index":0,"finish_reason":null}]"#);
    check_text(
        "Ollama: usage beside the last choice",
        &[
            word.clone(),
            event(
                r#""choices":[{"text":"","index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}"#,
            ),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat(),
        Some((Completions, 8)),
    );
    check_text(
        "tabbyAPI: no choices, and timings after the usage",
        &[
            word.clone(),
            event(
                r#""choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050},"timings":{"cache_n":900,"prompt_n":100,"predicted_n":50,"predicted_per_second":41.6}"#,
            ),
        ]
        .concat(),
        Some((Completions, 1_050)),
    );
    check_text(
        "vLLM, continuous: two choices in turn, and the prompt in each",
        &[
            event(
                r#""choices":[{"index":0,"text":"a"}],"usage":{"prompt_tokens":33,"total_tokens":35,"completion_tokens":2}"#,
            ),
            event(
                r#""choices":[{"index":1,"text":"b"}],"usage":{"prompt_tokens":33,"total_tokens":34,"completion_tokens":1}"#,
            ),
            event(r#""choices":[],"usage":{"prompt_tokens":33,"total_tokens":36,"completion_tokens":3}"#),
        ]
        .concat(),
        Some((Completions, 36)),
    );
    check_text("one that never tells", &[word.clone(), word].concat(), None);
}
