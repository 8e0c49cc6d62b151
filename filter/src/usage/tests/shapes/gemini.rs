//! Gemini's content.

use super::{Api, FORGED, Figures, Shape, shape, stream};

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

pub(super) fn contents(text: &str, figures: Figures) -> Vec<Shape> {
    let Figures { prompt, output, .. } = figures;
    let total = prompt + output + 3;
    let chunk = |total: u64| gemini_chunk(text, &gemini_usage(figures, total));
    let gemini = |tokens: u64| (Api::Gemini, tokens);
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

pub(super) fn content_streams(text: &str, figures: Figures, line_end: &str) -> Vec<Shape> {
    let total = figures.prompt + figures.output + 3;
    let chunk = |total: u64| gemini_chunk(text, &gemini_usage(figures, total));
    let gemini = |tokens: u64| (Api::Gemini, tokens);
    vec![shape(
        "content stream",
        stream(&[chunk(1), gemini_chunk(text, "null"), chunk(total + 2), chunk(total)], line_end),
        &[gemini(total), gemini(total + 2)],
    )]
}
