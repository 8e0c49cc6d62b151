//! Makes tokens of the figures that a response names.

use limiter::Tokens;
use proto::FIGURE_MAX;

use super::{Api, Usage, number::Number, place::Place};
use crate::header_map::HeaderMap;

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
type Sum = (Api, &'static [Figure]);

/// The largest sum counts: a total that is less than its parts hides none of them, nor does an API
/// whose names are all 0 hide another. Of equal ones the first speaks.
const SUMS: [Sum; 10] = [
    (Api::Completions, &COMPLETIONS),
    (Api::Completions, &ANTHROPIC),
    (Api::Completions, &[Figure::Total]),
    (
        Api::Gemini,
        &[
            Figure::GeminiPrompt,
            Figure::GeminiCandidates,
            Figure::GeminiThoughts,
            Figure::GeminiToolUse,
        ],
    ),
    (Api::Gemini, &[Figure::GeminiTotal]),
    (
        Api::Bedrock,
        &[
            Figure::BedrockInput,
            Figure::BedrockOutput,
            Figure::BedrockCacheWrite,
            Figure::BedrockCacheRead,
        ],
    ),
    (Api::Bedrock, &[Figure::BedrockTotal]),
    (Api::Ollama, &[Figure::OllamaPrompt, Figure::OllamaOutput]),
    (Api::Cohere, &[Figure::CohereInput, Figure::CohereOutput]),
    (Api::Cohere, &[Figure::CohereBilledInput, Figure::CohereBilledOutput]),
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
    /// The API to which a place belongs alone that some of them stood in.
    owner: Option<Api>,
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

    /// The stream is of Converse's events, each in an object of its name. In another stream what
    /// stands in `metadata` can be what the client wrote there.
    pub(super) fn own_by_converse(&mut self) {
        self.owner = self.owner.or(Some(Api::Bedrock));
    }

    /// Whether it is.
    pub(super) fn are_converses(&self) -> bool {
        self.owner == Some(Api::Bedrock)
    }

    /// Takes a figure of the open document, when its name is one of those that count there.
    pub(super) fn take(&mut self, place: Place, name: &[u8], value: u64) {
        if place == Place::ConverseUsage && !self.are_converses() {
            return;
        }
        if let Some(figure) = Figure::named(place, name) {
            self.open.raise(figure, value);
            self.owner = self.owner.or(match place {
                Place::ResponseUsage => Some(Api::Responses),
                Place::MessageUsage => Some(Api::Anthropic),
                Place::ResultUsage => Some(Api::WorkersAi),
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
        for (name, value) in headers.iter() {
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
        let mut largest: Option<(Api, u32)> = None;
        for (api, parts) in SUMS {
            if let Some(tokens) = self.told.sum(parts)
                && largest.is_none_or(|(_, most)| tokens > most)
            {
                largest = Some((api, tokens));
            }
        }
        let (api, tokens) = largest?;
        let api = if api == Api::Completions { self.of_shared_names() } else { api };
        Some(Usage { api, tokens: Tokens::new(tokens.into()).ok()? })
    }

    /// Which API it is, where the figures have names that several APIs share.
    fn of_shared_names(&self) -> Api {
        let is_told = |figure| self.told.get(figure).is_some();
        let has_cache = is_told(Figure::CacheCreation) || is_told(Figure::CacheRead);
        match self.owner {
            Some(Api::WorkersAi) => Api::WorkersAi,
            _ if self.told.sum(&ANTHROPIC) <= self.told.sum(&COMPLETIONS) => Api::Completions,
            Some(owner) => owner,
            None if is_told(Figure::Total) && !has_cache => Api::Responses,
            None => Api::Anthropic,
        }
    }
}

impl Figure {
    fn named(place: Place, name: &[u8]) -> Option<Self> {
        use Place::{MessageUsage, ResponseUsage, ResultUsage, Usage};

        Some(match (place, name) {
            (Place::ConverseUsage, name) => return Self::of_converse(name),
            (Usage | ResponseUsage | MessageUsage | ResultUsage, _) => match name {
                b"prompt_tokens" => Self::Prompt,
                b"completion_tokens" => Self::Completion,
                b"input_tokens" => Self::Input,
                b"output_tokens" => Self::Output,
                b"cache_creation_input_tokens" => Self::CacheCreation,
                b"cache_read_input_tokens" => Self::CacheRead,
                b"total_tokens" => Self::Total,
                name => return Self::of_converse(name),
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

    fn of_converse(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"inputTokens" => Self::BedrockInput,
            b"outputTokens" => Self::BedrockOutput,
            b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => Self::BedrockCacheWrite,
            b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => Self::BedrockCacheRead,
            b"totalTokens" => Self::BedrockTotal,
            _ => return None,
        })
    }

    fn of_header(name: &str) -> Option<Self> {
        Some(match name.strip_prefix("x-amzn-bedrock-")? {
            "input-token-count" => Self::BedrockInput,
            "output-token-count" => Self::BedrockOutput,
            "cache-write-input-token-count" => Self::BedrockCacheWrite,
            "cache-read-input-token-count" => Self::BedrockCacheRead,
            _ => return None,
        })
    }
}

impl Values {
    const NONE: Self = Self([None; FIGURES]);

    fn get(&self, figure: Figure) -> Option<u32> {
        *self.0.get(figure as usize)?
    }

    fn raise(&mut self, figure: Figure, value: u64) {
        let value = u32::try_from(value).ok().filter(|value| u64::from(*value) <= FIGURE_MAX);
        if let Some(known) = self.0.get_mut(figure as usize) {
            // `None` is less than any figure.
            *known = (*known).max(value);
        }
    }

    fn raise_all(&mut self, others: &Self) {
        for (known, other) in self.0.iter_mut().zip(others.0) {
            *known = (*known).max(other);
        }
    }

    /// The sum of those figures that are known, when some are and a response can have used so much.
    fn sum(&self, figures: &[Figure]) -> Option<u32> {
        let known = figures.iter().filter_map(|figure| self.get(*figure));
        known.reduce(u32::saturating_add).filter(|sum| u64::from(*sum) <= FIGURE_MAX)
    }
}
