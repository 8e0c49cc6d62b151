//! `OpenAI`'s other APIs.

use super::{
    Api::{Completions, Responses},
    check_text,
};

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

#[test]
fn embeddings() {
    let document = |usage: &str| {
        format!(
            r#"{{"object":"list","data":[{{"object":"embedding","embedding":[0.013,-4.2e-5,1E-7],"index":0}}],"model":"m","usage":{usage}}}"#
        )
    };
    for (server, usage, expected) in [
        ("text-embeddings-inference, Jina", r#"{"prompt_tokens":3,"total_tokens":3}"#, 3),
        (
            "Mistral: a completion of 0, and seconds that are null",
            r#"{"prompt_tokens":15,"completion_tokens":0,"total_tokens":15,"prompt_audio_seconds":null}"#,
            15,
        ),
        (
            "vLLM: details that are null",
            r#"{"prompt_tokens":7,"total_tokens":7,"completion_tokens":0,"prompt_tokens_details":null}"#,
            7,
        ),
        ("Voyage: the total alone", r#"{"total_tokens":10}"#, 10),
        (
            "a multimodal one",
            r#"{"text_tokens":5,"image_pixels":2000000,"total_tokens":3576}"#,
            3_576,
        ),
        ("a gateway with the cost", r#"{"prompt_tokens":6,"total_tokens":6,"cost":1.2e-7}"#, 6),
    ] {
        check_text(server, &document(usage), Some((Completions, expected)));
    }
    check_text(
        "llama.cpp: usage before the data",
        r#"{"model":"m","object":"list","usage":{"prompt_tokens":8,"total_tokens":8},"data":[{"embedding":"AACAPw==","index":0,"object":"embedding","encoding_format":"base64"}]}"#,
        Some((Completions, 8)),
    );
    check_text(
        "an API of its own: the count at the root is no usage of these",
        r#"{"embeddings":[[0.1]],"input_tokens":8,"request_id":"a"}"#,
        None,
    );
}

#[test]
fn transcriptions() {
    let document = |usage: &str| format!(r#"{{"text":"\"usage\":{{","usage":{usage}}}"#);
    check_text(
        "OpenAI, by tokens",
        &document(
            r#"{"type":"tokens","total_tokens":1300,"input_tokens":1100,"input_token_details":{"text_tokens":0,"audio_tokens":1100},"output_tokens":200}"#,
        ),
        Some((Responses, 1_300)),
    );
    for usage in [r#"{"type":"duration","seconds":7}"#, r#"{"type":"duration","seconds":1.25}"#] {
        check_text("OpenAI's whisper, vLLM, LocalAI: by seconds", &document(usage), None);
    }
    check_text(
        "Mistral: parts that are less than the total, since the audio is only in that",
        &document(
            r#"{"prompt_audio_seconds":12,"prompt_tokens":3,"total_tokens":419,"completion_tokens":41,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":375}}"#,
        ),
        Some((Completions, 419)),
    );
    check_text(
        "Mistral, an older model",
        &document(r#"{"prompt_audio_seconds":32,"total_tokens":89,"request_count":1}"#),
        Some((Completions, 89)),
    );
    check_text(
        "Mistral's stream",
        "event: transcription.text.delta\ndata: {\"type\":\"transcription.text.delta\",\"text\":\"a\"}\n\n\
         event: transcription.done\ndata: {\"type\":\"transcription.done\",\"text\":\"a\",\"usage\":\
         {\"prompt_tokens\":8,\"completion_tokens\":4,\"prompt_audio_seconds\":3}}\n\n",
        Some((Completions, 12)),
    );
    check_text(
        "Groq and whisper.cpp: segments with tokens of their own, and no usage",
        r#"{"task":"transcribe","duration":5.2,"text":"a","segments":[{"id":0,"tokens":[1320,338]}],"x_groq":{"id":"req_1"}}"#,
        None,
    );
}

#[test]
fn images() {
    let usage = r#"{"total_tokens":1025,"input_tokens":25,"output_tokens":1000,"input_tokens_details":{"text_tokens":5,"image_tokens":20}}"#;
    check_text(
        "OpenAI: usage after the image",
        &format!(
            r#"{{"created":1,"data":[{{"b64_json":"{}"}}],"usage":{usage}}}"#,
            "A".repeat(9_000)
        ),
        Some((Responses, 1_025)),
    );
    let stream = |usage: &str| {
        format!(
            "event: image_generation.partial_image\ndata: {{\"type\":\"image_generation.partial_image\",\"b64_json\":\
             \"AAAA\",\"partial_image_index\":0}}\n\nevent: image_generation.completed\ndata: {{\"type\":\
             \"image_generation.completed\",\"b64_json\":\"AAAA\",\"usage\":{usage}}}\n\n"
        )
    };
    check_text("OpenAI's stream", &stream(usage), Some((Responses, 1_025)));
    check_text(
        "OpenRouter's stream: chat's names, and the cost",
        &stream(r#"{"completion_tokens":4175,"cost":0.04,"prompt_tokens":0,"total_tokens":4175}"#),
        Some((Completions, 4_175)),
    );
    check_text(
        "Seedream: how many images, and the output alone",
        &stream(
            r#"{"generated_images":2,"output_tokens":8192,"total_tokens":8192,"tool_usage":{"web_search":1}}"#,
        ),
        Some((Responses, 8_192)),
    );
    check_text(
        "a proxy that tells the same by both names",
        r#"{"usage":{"prompt_tokens":5,"completion_tokens":12,"input_tokens":5,"output_tokens":12,"output_tokens_details":{"image_tokens":12}}}"#,
        Some((Completions, 17)),
    );
    check_text(
        "one that is billed by the image",
        r#"{"created":1,"data":[{"url":"a","revised_prompt":"\"usage\":{"}],"usage":{"cost_in_usd_ticks":200000000}}"#,
        None,
    );
}
