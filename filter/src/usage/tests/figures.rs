//! What is made of figures, by their places and names.

use proto::FIGURE_MAX;

use super::super::{
    Api::{self, Anthropic, Bedrock, Cohere, Completions, Gemini, Ollama, Responses, WorkersAi},
    figures::Figures,
    place::Place,
};
use crate::header_map::headers;

type Object<'a> = (Place, &'a [(&'a str, u64)]);

fn read(figures: &mut Figures, objects: &[Object<'_>]) {
    for (place, fields) in objects {
        for (key, value) in *fields {
            figures.take(*place, key.as_bytes(), *value);
        }
        figures.close();
    }
}

fn known(figures: &Figures) -> Option<(Api, u64)> {
    figures.usage().map(|usage| (usage.api, usage.tokens.get()))
}

fn check(objects: &[Object<'_>], expected: Option<(Api, u64)>) {
    let mut figures = Figures::new();
    read(&mut figures, objects);
    assert_eq!(known(&figures), expected, "{objects:?}");
}

#[test]
fn the_larger_of_a_total_and_its_parts_counts() {
    for (total, expected) in [(0, 7), (6, 7), (7, 7), (9, 9)] {
        let fields = [("prompt_tokens", 3), ("completion_tokens", 4), ("total_tokens", total)];
        check(&[(Place::Usage, &fields)], Some((Completions, expected)));
        let fields = [("input_tokens", 3), ("output_tokens", 4), ("total_tokens", total)];
        check(&[(Place::Usage, &fields)], Some((Responses, expected)));
        check(&[(Place::ResponseUsage, &fields)], Some((Responses, expected)));
        let fields = [("inputTokens", 3), ("outputTokens", 4), ("totalTokens", total)];
        check(&[(Place::Usage, &fields)], Some((Bedrock, expected)));
        let fields =
            [("promptTokenCount", 3), ("thoughtsTokenCount", 4), ("totalTokenCount", total)];
        check(&[(Place::Metadata, &fields)], Some((Gemini, expected)));
    }
    check(&[(Place::Usage, &[("total_tokens", 9)])], Some((Completions, 9)));
    check(&[(Place::ResponseUsage, &[("input_tokens", 3)])], Some((Responses, 3)));
    check(&[(Place::ResultUsage, &[("prompt_tokens", 3)])], Some((WorkersAi, 3)));
}

#[test]
fn every_part_counts() {
    let gemini = [
        ("promptTokenCount", 1),
        ("candidatesTokenCount", 20),
        ("thoughtsTokenCount", 300),
        ("toolUsePromptTokenCount", 4_000),
        ("cachedContentTokenCount", 50_000),
    ];
    check(&[(Place::Metadata, &gemini)], Some((Gemini, 4_321)));
    let anthropic = [
        ("input_tokens", 1),
        ("cache_creation_input_tokens", 20),
        ("cache_read_input_tokens", 300),
        ("output_tokens", 4_000),
    ];
    check(&[(Place::Usage, &anthropic)], Some((Anthropic, 4_321)));
    let bedrock = [
        ("inputTokens", 1),
        ("cacheReadInputTokens", 20),
        ("cacheWriteInputTokens", 300),
        ("outputTokens", 4_000),
    ];
    check(&[(Place::Usage, &bedrock)], Some((Bedrock, 4_321)));
    check(&[(Place::Root, &[("prompt_eval_count", 3), ("eval_count", 4)])], Some((Ollama, 7)));
}

#[test]
fn figures_are_running_totals_by_name_and_the_largest_counts() {
    let whole = [("prompt_tokens", 12), ("completion_tokens", 30), ("total_tokens", 42)];
    let zeros = [("prompt_tokens", 0), ("completion_tokens", 0), ("total_tokens", 0)];
    check(&[(Place::Usage, &whole), (Place::Usage, &zeros)], Some((Completions, 42)));
    check(&[(Place::Usage, &whole[..1]), (Place::Usage, &whole[1..2])], Some((Completions, 42)));
    check(&[(Place::Usage, &zeros), (Place::Usage, &whole[..2])], Some((Completions, 42)));
    check(
        &[
            (Place::Metadata, &[("promptTokenCount", 6), ("totalTokenCount", 106)]),
            (Place::Metadata, &[("promptTokenCount", 6), ("totalTokenCount", 100)]),
        ],
        Some((Gemini, 106)),
    );
    check(
        &[
            (
                Place::MessageUsage,
                &[("input_tokens", 25), ("cache_read_input_tokens", 100), ("output_tokens", 1)],
            ),
            (
                Place::Usage,
                &[("input_tokens", 0), ("cache_read_input_tokens", 0), ("output_tokens", 15)],
            ),
        ],
        Some((Anthropic, 140)),
    );
    check(
        &[
            (Place::Usage, &[("inputTokens", 3), ("outputTokens", 4), ("totalTokens", 7)]),
            (Place::Usage, &[("inputTokens", 0), ("outputTokens", 9), ("totalTokens", 9)]),
        ],
        Some((Bedrock, 12)),
    );
}

#[test]
fn names_of_an_api_that_are_all_zero_hide_no_other_api() {
    let zeros = [("prompt_tokens", 0), ("completion_tokens", 0), ("total_tokens", 0)];
    let real = [("input_tokens", 25), ("output_tokens", 15)];
    let cached = [real[0], real[1], ("cache_read_input_tokens", 2)];
    check(&[(Place::Usage, &[&zeros[..2], &real].concat())], Some((Anthropic, 40)));
    check(&[(Place::Usage, &[&zeros[..], &real].concat())], Some((Responses, 40)));
    check(&[(Place::Usage, &[&zeros[..], &cached].concat())], Some((Anthropic, 42)));
    check(&[(Place::Usage, &zeros)], Some((Completions, 0)));
}

#[test]
fn the_first_of_equal_apis_speaks() {
    let fields = [
        ("prompt_tokens", 3),
        ("completion_tokens", 4),
        ("total_tokens", 7),
        ("input_tokens", 3),
        ("output_tokens", 4),
    ];
    check(&[(Place::Usage, &fields)], Some((Completions, 7)));
}

#[test]
fn what_began_as_anthropics_stays_so() {
    check(
        &[
            (Place::MessageUsage, &[("input_tokens", 1)]),
            (Place::Usage, &[("output_tokens", 4_000), ("total_tokens", 1)]),
        ],
        Some((Anthropic, 4_001)),
    );
}

#[test]
fn the_larger_of_coheres_counts_counts() {
    let billed = (Place::BilledUnits, &[("input_tokens", 5), ("output_tokens", 40)][..]);
    let tokens = (Place::Tokens, &[("input_tokens", 71), ("output_tokens", 40)][..]);
    check(&[billed], Some((Cohere, 45)));
    check(&[billed, tokens], Some((Cohere, 111)));
    check(&[tokens, billed], Some((Cohere, 111)));
    check(&[(Place::BilledUnits, &[("search_units", 1)])], None);
}

#[test]
fn a_name_counts_only_where_its_api_has_it() {
    check(&[(Place::Usage, &[])], None);
    check(&[(Place::Usage, &[("seconds", 3), ("promptTokenCount", 3), ("eval_count", 3)])], None);
    check(&[(Place::Metadata, &[("prompt_tokens", 3)])], None);
    check(&[(Place::Root, &[("prompt_tokens", 3), ("input_tokens", 3)])], None);
    check(&[(Place::Content, &[("prompt_tokens", 3)])], None);
}

#[test]
fn what_no_response_can_have_used_is_no_figure() {
    let most = FIGURE_MAX;
    check(&[(Place::Usage, &[("total_tokens", most)])], Some((Completions, most)));
    for beyond in [most + 1, u64::from(u32::MAX) + 1, (1 << 63) - 1, u64::MAX] {
        check(&[(Place::Usage, &[("total_tokens", beyond)])], None);
        check(
            &[(Place::Usage, &[("prompt_tokens", 3), ("total_tokens", beyond)])],
            Some((Completions, 3)),
        );
        check(
            &[(Place::Usage, &[("prompt_tokens", beyond), ("completion_tokens", 4)])],
            Some((Completions, 4)),
        );
    }
    check(&[(Place::Usage, &[("prompt_tokens", most), ("completion_tokens", 1)])], None);
}

#[test]
fn an_object_that_is_not_closed_does_not_count() {
    let mut figures = Figures::new();
    figures.take(Place::Usage, b"total_tokens", 3);
    assert_eq!(figures.usage(), None);
    figures.begin_document();
    figures.close();
    assert_eq!(figures.usage(), None);
}

#[test]
fn a_doubtful_stream_counts_from_where_it_is_recognised() {
    let first = (Place::Usage, &[("total_tokens", 9)][..]);
    let mut figures = Figures::new();
    figures.doubt();
    read(&mut figures, &[first]);
    assert_eq!(figures.usage(), None);
    figures.begin_document();
    figures.recognise();
    assert_eq!(figures.usage(), None, "the document before");
    read(&mut figures, &[(Place::Usage, &[("total_tokens", 3)])]);
    assert_eq!(known(&figures), Some((Completions, 3)));

    let mut figures = Figures::new();
    figures.doubt();
    read(&mut figures, &[first]);
    figures.recognise();
    assert_eq!(known(&figures), Some((Completions, 9)), "the same document");
}

#[test]
fn bedrocks_headers_are_figures() {
    let told = |pairs: &[(&str, &str)]| {
        let mut figures = Figures::new();
        figures.take_headers(&headers(pairs));
        known(&figures)
    };
    let input = ("x-amzn-bedrock-input-token-count", "12");
    let output = ("X-Amzn-Bedrock-Output-Token-Count", " 30 ");
    assert_eq!(told(&[input, output]), Some((Bedrock, 42)));
    assert_eq!(told(&[output]), Some((Bedrock, 30)));
    let cached = [
        ("x-amzn-bedrock-cache-read-input-token-count", "100"),
        ("x-amzn-bedrock-cache-write-input-token-count", "1000"),
    ];
    assert_eq!(told(&[input, output, cached[0], cached[1]]), Some((Bedrock, 1_142)));
    for value in ["", "x", "-1", "1 2", "9223372036854775807", "\u{e9}"] {
        assert_eq!(told(&[(input.0, value)]), None, "{value}");
    }
    assert_eq!(told(&[("x-amzn-bedrock-invocation-latency", "12")]), None);
    assert_eq!(told(&[("x-amzn-bedrock-", "12"), ("x", "1"), ("\u{e9}", "1")]), None);
}
