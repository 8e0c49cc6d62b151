//! Ollama, Cohere and Workers AI.

use super::{
    Api::{Cohere, Completions, Ollama, WorkersAi},
    Framing, check, check_text,
};

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
