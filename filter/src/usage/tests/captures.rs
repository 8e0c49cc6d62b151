//! Answers as servers in the field give them that speak the APIs which are read: self-hosted ones
//! and resellers above all. Each says something that a reader could take wrongly.

use super::{Api, Framing, frames::frame, read};
use Api::{Anthropic, Bedrock, Cohere, Completions, Gemini, Ollama, Responses, WorkersAi};

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
fn responses() {
    let completed = |usage: &str| {
        format!(
            r#"{{"type":"response.completed","response":{{"metadata":{{"usage":"9"}},"tools":[{{"parameters":
            {{"properties":{{"usage":{{"total_tokens":9}}}}}}}}],"output":[],"usage":{usage}}}}}"#
        )
        .replace('\n', "")
    };
    let usage =
        r#"{"input_tokens":88,"output_tokens_details":{"reasoning_tokens":4},"output_tokens":14,
        "input_tokens_details":{"cached_tokens":0,"input_tokens_per_turn":[44,44],"total_tokens":9},
        "total_tokens":102,"num_sources_used":0,"cost":0.0000251}"#
            .replace('\n', "");
    let expected = Some((Responses, 102));
    let event = completed(&usage);
    check_text("OpenAI", &format!("event: response.completed\ndata: {event}\n\n"), expected);
    check_text("OpenRouter", &format!(": P\n\ndata: {event}\n\ndata: [DONE]\n\n"), expected);
    check_text(
        "Bedrock Mantle: data before event, the type last",
        &format!(
            "data: {{\"response\":{{\"usage\":{usage}}},\"sequence_number\":6,\"type\":\"response.completed\"}}\n\
             event: response.completed\n\n"
        ),
        expected,
    );
    check_text(
        "a translator with chat's names",
        &format!("data: {}\n\n", completed(r#"{"prompt_tokens":30,"completion_tokens":4}"#)),
        Some((Completions, 34)),
    );
    check_text(
        "an incomplete document",
        &format!(r#"{{"object":"response","status":"incomplete","usage":{usage}}}"#),
        expected,
    );
    check_text(
        "a proxy that is cut within a figure and adds an error",
        "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":36\n\
         data: {\"type\":\"error\",\"message\":\"cut\"}\n\n",
        None,
    );
    check_text("MLflow: null to the end", &format!("data: {}\n\n", completed("null")), None);
}

/// Checks a stream of a start and deltas with these usages.
fn check_messages(server: &str, start: &str, deltas: &[&str], expected: u64) {
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

#[test]
fn gemini_contents() {
    let chunk = |usage: &str| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"usageMetadata\"}}],\"role\":\"model\"}}}}],\
             \"usageMetadata\":{usage},\"modelVersion\":\"m\"}}\r\n\r\n"
        )
    };
    let stream =
        |usages: &[&str]| usages.iter().map(|usage| chunk(usage)).collect::<Vec<_>>().concat();
    check_text(
        "Vertex: only the last has counts",
        &stream(&[
            r#"{"trafficType":"ON_DEMAND"}"#,
            r#"{"trafficType":"ON_DEMAND"}"#,
            r#"{"promptTokenCount":31,"candidatesTokenCount":684,"totalTokenCount":1741,"trafficType":"ON_DEMAND",
            "candidatesTokensDetails":[{"modality":"TEXT","tokenCount":684}],"thoughtsTokenCount":1026}"#
                .replace('\n', "")
                .as_str(),
        ]),
        Some((Gemini, 1_741)),
    );
    check_text("Vertex: none has", &stream(&[r#"{"trafficType":"ON_DEMAND"}"#; 2]), None);
    check_text(
        "the prompt grows in the last",
        &stream(&[
            r#"{"promptTokenCount":55,"totalTokenCount":55}"#,
            r#"{"promptTokenCount":257,"candidatesTokenCount":8,"totalTokenCount":265}"#,
        ]),
        Some((Gemini, 265)),
    );
    check_text(
        "a tool's results are a part of their own",
        &stream(&[
            r#"{"promptTokenCount":17,"toolUsePromptTokenCount":102,"thoughtsTokenCount":412,
            "candidatesTokenCount":241,"totalTokenCount":772}"#
                .replace('\n', "")
                .as_str(),
        ]),
        Some((Gemini, 772)),
    );
    check_text(
        "thoughts without an answer",
        &stream(&[r#"{"promptTokenCount":21,"thoughtsTokenCount":60,"totalTokenCount":81}"#]),
        Some((Gemini, 81)),
    );
    check_text(
        "Code Assist: one line end between the events",
        "data: {\"response\":{\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":9}},\"traceId\":\"a\"}\n\
         data: {\"response\":{\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":4}}}\n\
         data: {\"response\":{\"candidates\":[]}}\n",
        Some((Gemini, 13)),
    );
    check_text(
        "a proxy with the same under a name of its own",
        "data: {\"candidates\":[],\"cpaUsageMetadata\":{\"totalTokenCount\":9},\"usageMetadata\":{\"promptTokenCount\":9,\
         \"totalTokenCount\":9}}\n\ndata: [DONE]\n\n",
        Some((Gemini, 9)),
    );
    check_text(
        "the array of a stream without events, indented",
        "[{\n  \"candidates\": [],\n  \"usageMetadata\": {\n    \"promptTokenCount\": 18\n  }\n}\n,\r\n{\n  \
         \"usageMetadata\": {\n    \"promptTokenCount\": 18,\n    \"totalTokenCount\": 30\n  }\n}\n]\n",
        Some((Gemini, 30)),
    );
    check_text(
        "an interaction",
        "event: interaction.complete\ndata: {\"event_type\":\"interaction.complete\",\"interaction\":{\"usage\":\
         {\"total_tokens\":148,\"total_input_tokens\":7,\"total_output_tokens\":26,\"total_thought_tokens\":115}}}\n\n",
        Some((Completions, 148)),
    );
    check_text(
        "counted tokens are no usage",
        r#"{"totalTokens":36,"promptTokensDetails":[]}"#,
        None,
    );
}

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

#[test]
fn ollama() {
    let end = r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"total_duration":876557125000,
        "prompt_eval_count":11,"prompt_eval_duration":275489000,"eval_count":39,"eval_duration":595078000}"#
        .replace('\n', "");
    let word =
        r#"{"model":"m","message":{"role":"assistant","content":"eval_count"},"done":false}"#;
    check("a chat", Framing::JsonLines, format!("{word}\n{end}\n").as_bytes(), Some((Ollama, 50)));
    check_text("a bridge that calls it JSON", &format!("{word}\n{end}\n"), Some((Ollama, 50)));
    let context = format!("{}1", "128006,".repeat(500));
    check_text(
        "a completion: thousands of tokens before the counts",
        &format!(
            r#"{{"response":"","done":true,"context":[{context}],"prompt_eval_count":11,"eval_count":39}}"#
        ),
        Some((Ollama, 50)),
    );
    check_text(
        "embeddings",
        r#"{"embeddings":[[0.1,-2e-3]],"total_duration":9,"prompt_eval_count":8}"#,
        Some((Ollama, 8)),
    );
    check_text("a model that is loaded", r#"{"done":true,"done_reason":"load"}"#, None);
    check(
        "an error",
        Framing::JsonLines,
        format!("{word}\n{{\"error\":\"a\"}}\n").as_bytes(),
        None,
    );
}

#[test]
fn cohere() {
    check_text(
        "chat: floats, more tokens than are billed, and what was cached",
        "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":\
         {\"billed_units\":{\"input_tokens\":12.0,\"output_tokens\":7.0},\"tokens\":{\"input_tokens\":507.0,\
         \"output_tokens\":10.0},\"cached_tokens\":448}}}\n\ndata: [DONE]\n\n",
        Some((Cohere, 517)),
    );
    check(
        "the first version: lines, and the whole answer before the counts",
        Framing::JsonLines,
        b"{\"is_finished\":false,\"event_type\":\"text-generation\",\"text\":\"a\"}\n{\"is_finished\":true,\
          \"event_type\":\"stream-end\",\"response\":{\"text\":\"a\",\"chat_history\":[{\"role\":\"USER\"}],\"meta\":\
          {\"api_version\":{\"version\":\"1\"},\"billed_units\":{\"input_tokens\":9,\"output_tokens\":20},\"tokens\":\
          {\"input_tokens\":84,\"output_tokens\":20}}},\"finish_reason\":\"COMPLETE\"}\n",
        Some((Cohere, 104)),
    );
    check_text(
        "embeddings",
        r#"{"embeddings":{"float":[[0.1]]},"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":10}}}"#,
        Some((Cohere, 10)),
    );
    check_text(
        "Xinference: a null beside the tokens",
        r#"{"results":[],"meta":{"api_version":null,"billed_units":null,"tokens":{"input_tokens":30,"output_tokens":0}}}"#,
        Some((Cohere, 30)),
    );
    check_text(
        "reranking is billed by searches",
        r#"{"meta":{"billed_units":{"search_units":1}}}"#,
        None,
    );
}

#[test]
fn workers_ai() {
    let document =
        |result: &str| format!(r#"{{"result":{result},"success":true,"errors":[],"messages":[]}}"#);
    check_text(
        "a model of the first ones",
        &document(
            r#"{"response":"a","tool_calls":[],"usage":{"prompt_tokens":26,"completion_tokens":12,"total_tokens":38}}"#,
        ),
        Some((WorkersAi, 38)),
    );
    check_text(
        "a model that answers as OpenAI's responses",
        &document(
            r#"{"object":"response","output":[],"usage":{"input_tokens":26,"output_tokens":12,"total_tokens":38}}"#,
        ),
        Some((WorkersAi, 38)),
    );
    check_text(
        "an answer that is an object of the model's",
        &document(
            r#"{"response":{"usage":{"total_tokens":9}},"usage":{"prompt_tokens":26,"completion_tokens":12}}"#,
        ),
        Some((WorkersAi, 38)),
    );
    check_text("a model without usage", &document(r#"{"response":"a"}"#), None);
    check_text(
        "chat's events, and at the end one of its own",
        "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n\
         data: {\"response\":\"\",\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":12}}\n\ndata: [DONE]\n\n",
        Some((Completions, 38)),
    );
    check_text(
        "events of its own",
        "data: {\"response\":\"a\",\"p\":\"abdefgh\"}\n\ndata: {\"response\":null}\n\n\
         data: {\"response\":\"\",\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":12}}\n\ndata: [DONE]\n\n",
        Some((Completions, 38)),
    );
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
        Some((Gemini, 181)),
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
