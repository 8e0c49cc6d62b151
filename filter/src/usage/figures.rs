//! Makes tokens of the figures that a response names.

use limiter::Tokens;

use super::{Usage, UsageSource, number::Number, place::Place};
use crate::HeaderMap;

/// More tokens than any response can have used. A figure beyond that is none: it would spoil what
/// is counted for good.
pub(super) const FIGURE_MAX: u32 = 100_000_000;

/// A figure of an API, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    Prompt,
    Completion,
    Input,
    Output,
    CacheCreation,
    CacheRead,
    Total,
    GeminiPrompt,
    GeminiCandidates,
    GeminiThoughts,
    GeminiToolUse,
    GeminiTotal,
    BedrockInput,
    BedrockOutput,
    BedrockCacheWrite,
    BedrockCacheRead,
    BedrockTotal,
    OllamaPrompt,
    OllamaOutput,
    CohereInput,
    CohereOutput,
    CohereBilledInput,
    CohereBilledOutput,
}

const FIGURES: usize = Figure::CohereBilledOutput as usize + 1;

/// Figures that add up to what was used, and whose they are. A total is a sum of one.
type Sum = (UsageSource, &'static [Figure]);

/// The largest sum counts: a total that is less than its parts hides none of them, nor does an API
/// whose names are all 0 hide another. Of equal ones the first speaks.
const SUMS: [Sum; 10] = [
    (UsageSource::Completions, &COMPLETIONS),
    (UsageSource::Completions, &ANTHROPIC),
    (UsageSource::Completions, &[Figure::Total]),
    (
        UsageSource::Gemini,
        &[
            Figure::GeminiPrompt,
            Figure::GeminiCandidates,
            Figure::GeminiThoughts,
            Figure::GeminiToolUse,
        ],
    ),
    (UsageSource::Gemini, &[Figure::GeminiTotal]),
    (
        UsageSource::Bedrock,
        &[
            Figure::BedrockInput,
            Figure::BedrockOutput,
            Figure::BedrockCacheWrite,
            Figure::BedrockCacheRead,
        ],
    ),
    (UsageSource::Bedrock, &[Figure::BedrockTotal]),
    (UsageSource::Ollama, &[Figure::OllamaPrompt, Figure::OllamaOutput]),
    (UsageSource::Cohere, &[Figure::CohereInput, Figure::CohereOutput]),
    (UsageSource::Cohere, &[Figure::CohereBilledInput, Figure::CohereBilledOutput]),
];

const COMPLETIONS: [Figure; 2] = [Figure::Prompt, Figure::Completion];

/// `OpenAI`'s responses have the first and the last of these, with a total.
const ANTHROPIC: [Figure; 4] =
    [Figure::Input, Figure::CacheCreation, Figure::CacheRead, Figure::Output];

/// What all of a response has said.
///
/// Each API repeats its figures from the start of the response on, some of them here and some
/// there. So they are running totals by name, and the largest of each counts: a later zero is no
/// news, and neither is a total that is less than its parts.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    told: Values,
    /// Those of the open document that do not count yet.
    open: Values,
    /// Whose place some of them stood in, when it is only one API's.
    owner: Option<UsageSource>,
    /// Something of the stream has looked like an API's.
    is_of_an_api: bool,
}

/// Each figure, when it is known.
#[derive(Clone, Copy, Debug)]
struct Values([Option<u32>; FIGURES]);

/// Whether a figure of this name counts in an object in this place.
pub(super) fn counts(place: Place, name: &[u8]) -> bool {
    Figure::named(place, name).is_some()
}

impl Figures {
    /// Of a body that is an API's as a whole.
    pub(super) const fn new() -> Self {
        Self { told: Values::NONE, open: Values::NONE, owner: None, is_of_an_api: true }
    }

    /// The stream may be a model's bare text: it counts from [`Self::recognise`] on.
    pub(super) fn doubt(&mut self) {
        self.is_of_an_api = false;
    }

    /// Whether nothing of the stream has looked like an API's yet.
    pub(super) fn are_in_doubt(&self) -> bool {
        !self.is_of_an_api
    }

    /// The open document looks like an API's, and so what it has told counts.
    pub(super) fn recognise(&mut self) {
        if !self.is_of_an_api {
            self.is_of_an_api = true;
            self.close();
        }
    }

    /// What has not been closed is forgotten.
    pub(super) fn begin_document(&mut self) {
        self.open = Values::NONE;
    }

    /// Takes a figure of the open document, when its name is one of those that count there.
    pub(super) fn take(&mut self, place: Place, name: &[u8], value: u64) {
        if let Some(figure) = Figure::named(place, name) {
            self.open.raise(figure, value);
            self.owner = self.owner.or(match place {
                Place::ResponseUsage => Some(UsageSource::Responses),
                Place::MessageUsage => Some(UsageSource::Anthropic),
                Place::ResultUsage => Some(UsageSource::WorkersAi),
                _ => None,
            });
        }
    }

    /// Ends an object with figures: from here on they count.
    pub(super) fn close(&mut self) {
        if self.is_of_an_api {
            self.told.raise_all(&self.open);
            self.open = Values::NONE;
        }
    }

    /// Takes the figures that Bedrock tells in headers.
    pub(super) fn take_headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            if let Some(figure) = Figure::of_header(name) {
                let mut number = Number::new();
                value.trim_ascii().iter().for_each(|byte| number.push(*byte));
                if let Some(value) = number.get() {
                    self.told.raise(figure, value);
                }
            }
        }
    }

    /// The largest of all sums.
    pub(super) fn usage(&self) -> Option<Usage> {
        let mut largest: Option<(UsageSource, u32)> = None;
        for (source, parts) in SUMS {
            if let Some(tokens) = self.told.sum(parts)
                && largest.is_none_or(|(_, most)| tokens > most)
            {
                largest = Some((source, tokens));
            }
        }
        let (source, tokens) = largest?;
        let source =
            if source == UsageSource::Completions { self.of_shared_names() } else { source };
        Some(Usage { source, tokens: Tokens::new(tokens.into()).ok()? })
    }

    /// Whose the figures are whose names several APIs share.
    fn of_shared_names(&self) -> UsageSource {
        let is_told = |figure| self.told.get(figure).is_some();
        let has_cache = is_told(Figure::CacheCreation) || is_told(Figure::CacheRead);
        match self.owner {
            Some(UsageSource::WorkersAi) => UsageSource::WorkersAi,
            _ if self.told.sum(&ANTHROPIC) <= self.told.sum(&COMPLETIONS) => {
                UsageSource::Completions
            }
            Some(owner) => owner,
            None if is_told(Figure::Total) && !has_cache => UsageSource::Responses,
            None => UsageSource::Anthropic,
        }
    }
}

impl Figure {
    fn named(place: Place, name: &[u8]) -> Option<Self> {
        use Place::{MessageUsage, ResponseUsage, ResultUsage, Usage};

        Some(match (place, name) {
            (Usage | ResponseUsage | MessageUsage | ResultUsage, _) => match name {
                b"prompt_tokens" => Self::Prompt,
                b"completion_tokens" => Self::Completion,
                b"input_tokens" => Self::Input,
                b"output_tokens" => Self::Output,
                b"cache_creation_input_tokens" => Self::CacheCreation,
                b"cache_read_input_tokens" => Self::CacheRead,
                b"total_tokens" => Self::Total,
                b"inputTokens" => Self::BedrockInput,
                b"outputTokens" => Self::BedrockOutput,
                b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => Self::BedrockCacheWrite,
                b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => Self::BedrockCacheRead,
                b"totalTokens" => Self::BedrockTotal,
                _ => return None,
            },
            (Place::Metadata, b"promptTokenCount") => Self::GeminiPrompt,
            (Place::Metadata, b"candidatesTokenCount") => Self::GeminiCandidates,
            (Place::Metadata, b"thoughtsTokenCount") => Self::GeminiThoughts,
            (Place::Metadata, b"toolUsePromptTokenCount") => Self::GeminiToolUse,
            (Place::Metadata, b"totalTokenCount") => Self::GeminiTotal,
            (Place::InvocationMetrics, b"inputTokenCount") => Self::BedrockInput,
            (Place::InvocationMetrics, b"outputTokenCount") => Self::BedrockOutput,
            (Place::InvocationMetrics, b"cacheWriteInputTokenCount") => Self::BedrockCacheWrite,
            (Place::InvocationMetrics, b"cacheReadInputTokenCount") => Self::BedrockCacheRead,
            (Place::Root, b"prompt_eval_count") => Self::OllamaPrompt,
            (Place::Root, b"eval_count") => Self::OllamaOutput,
            (Place::Tokens, b"input_tokens") => Self::CohereInput,
            (Place::Tokens, b"output_tokens") => Self::CohereOutput,
            (Place::BilledUnits, b"input_tokens") => Self::CohereBilledInput,
            (Place::BilledUnits, b"output_tokens") => Self::CohereBilledOutput,
            _ => return None,
        })
    }

    fn of_header(name: &str) -> Option<Self> {
        const PREFIX: &str = "x-amzn-bedrock-";
        let start = name.get(..PREFIX.len())?;
        if !start.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let figures = [
            ("input-token-count", Self::BedrockInput),
            ("output-token-count", Self::BedrockOutput),
            ("cache-write-input-token-count", Self::BedrockCacheWrite),
            ("cache-read-input-token-count", Self::BedrockCacheRead),
        ];
        let rest = name.get(PREFIX.len()..)?;
        figures
            .into_iter()
            .find(|(name, _)| rest.eq_ignore_ascii_case(name))
            .map(|(_, figure)| figure)
    }
}

impl Values {
    const NONE: Self = Self([None; FIGURES]);

    fn get(&self, figure: Figure) -> Option<u32> {
        *self.0.get(figure as usize)?
    }

    fn raise(&mut self, figure: Figure, value: u64) {
        let value = u32::try_from(value).ok().filter(|value| *value <= FIGURE_MAX);
        if let Some(known) = self.0.get_mut(figure as usize) {
            // Nothing is less than any figure.
            *known = (*known).max(value);
        }
    }

    fn raise_all(&mut self, others: &Self) {
        for (known, other) in self.0.iter_mut().zip(others.0) {
            *known = (*known).max(other);
        }
    }

    /// What those of the figures that are known add up to, when that can be.
    fn sum(&self, figures: &[Figure]) -> Option<u32> {
        let known = figures.iter().filter_map(|figure| self.get(*figure));
        known.reduce(u32::saturating_add).filter(|sum| *sum <= FIGURE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use UsageSource::{
        Anthropic, Bedrock, Cohere, Completions, Gemini, Ollama, Responses, WorkersAi,
    };

    type Object<'a> = (Place, &'a [(&'a str, u64)]);

    fn read(figures: &mut Figures, objects: &[Object<'_>]) {
        for (place, fields) in objects {
            for (key, value) in *fields {
                figures.take(*place, key.as_bytes(), *value);
            }
            figures.close();
        }
    }

    fn known(figures: &Figures) -> Option<(UsageSource, u64)> {
        figures.usage().map(|usage| (usage.source, usage.tokens.get()))
    }

    fn check(objects: &[Object<'_>], expected: Option<(UsageSource, u64)>) {
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
        check(
            &[(Place::Usage, &whole[..1]), (Place::Usage, &whole[1..2])],
            Some((Completions, 42)),
        );
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
        check(
            &[(Place::Usage, &[("seconds", 3), ("promptTokenCount", 3), ("eval_count", 3)])],
            None,
        );
        check(&[(Place::Metadata, &[("prompt_tokens", 3)])], None);
        check(&[(Place::Root, &[("prompt_tokens", 3), ("input_tokens", 3)])], None);
        check(&[(Place::Content, &[("prompt_tokens", 3)])], None);
    }

    #[test]
    fn what_no_response_can_have_used_is_no_figure() {
        let most = u64::from(FIGURE_MAX);
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
            let header =
                |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
            let headers: Vec<_> = pairs.iter().map(header).collect();
            let mut figures = Figures::new();
            figures.take_headers(&headers);
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
}
