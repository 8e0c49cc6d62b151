//! Gemini's contents and interactions.

use super::{
    Api::{Completions, Gemini},
    check_text,
};

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
