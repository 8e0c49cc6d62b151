//! Makes tokens of the figures in usage objects.

use limiter::{PER_MINUTE_MAX, Tokens};

use super::{Usage, UsageSource};

/// Where a usage object stands; it tells APIs apart that name their figures alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `usage` of a document or an event.
    Root,
    /// `response.usage` of an event: only `OpenAI`'s responses.
    Response,
    /// `message.usage` of an event: only Anthropic's `message_start`.
    Message,
    /// Gemini's `usageMetadata`.
    Metadata,
}

/// What all usage objects of a response have said.
///
/// Each API repeats its figures from the start of the response on, so the last object replaces
/// those before. Anthropic's objects name only some of their figures; the others stay.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    place: Place,
    /// The object that is being read.
    open: Object,
    anthropic: Anthropic,
    known: Option<(UsageSource, u64)>,
}

/// The figures of one object, whatever API it is of.
#[derive(Clone, Debug)]
struct Object {
    prompt: Option<u64>,
    completion: Option<u64>,
    tool_use_prompt: Option<u64>,
    thoughts: Option<u64>,
    total: Option<u64>,
    anthropic: Anthropic,
}

/// The figures that can come in different events.
#[derive(Clone, Debug)]
struct Anthropic {
    input: Option<u64>,
    cache_creation: Option<u64>,
    cache_read: Option<u64>,
    output: Option<u64>,
}

impl Figures {
    pub(super) const fn new() -> Self {
        Self { place: Place::Root, open: Object::new(), anthropic: Anthropic::new(), known: None }
    }

    /// Begins an object; one that was not closed is forgotten.
    pub(super) fn open(&mut self, place: Place) {
        self.place = place;
        self.open = Object::new();
    }

    /// Takes a figure of the open object, when its name is one of those that count.
    pub(super) fn take(&mut self, key: &[u8], value: u64) {
        if let Some(figure) = self.open.figure(self.place, key) {
            *figure = Some(value);
        }
    }

    /// Ends the object: from here on it counts.
    pub(super) fn close(&mut self) {
        let Some(source) = self.source() else { return };
        let object = &self.open;
        let tokens = match source {
            UsageSource::Completions => object.total_or(&[object.prompt, object.completion]),
            UsageSource::Responses => {
                object.total_or(&[object.anthropic.input, object.anthropic.output])
            }
            UsageSource::Anthropic => {
                self.anthropic.assign(&object.anthropic);
                self.anthropic.sum()
            }
            UsageSource::Gemini => object.total_or(&[
                object.prompt,
                object.completion,
                object.thoughts,
                object.tool_use_prompt,
            ]),
        };
        self.known = Some((source, tokens));
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        let (source, tokens) = self.known?;
        let tokens = Tokens::new(tokens.min(PER_MINUTE_MAX)).ok()?;
        Some(Usage { source, tokens })
    }

    /// Whose object the open one is; nothing when it has no figure.
    fn source(&self) -> Option<UsageSource> {
        let object = &self.open;
        let is_anthropic = object.anthropic.cache_creation.is_some()
            || object.anthropic.cache_read.is_some()
            || object.total.is_none()
            // What began as Anthropic's stays so, even if a server adds a total of its own.
            || self.anthropic.is_known();
        match self.place {
            _ if !object.has_figures() => None,
            Place::Metadata => Some(UsageSource::Gemini),
            _ if object.prompt.is_some() || object.completion.is_some() => {
                Some(UsageSource::Completions)
            }
            _ if !object.anthropic.is_known() => Some(UsageSource::Completions),
            Place::Message => Some(UsageSource::Anthropic),
            Place::Root if is_anthropic => Some(UsageSource::Anthropic),
            Place::Root | Place::Response => Some(UsageSource::Responses),
        }
    }
}

impl Object {
    const fn new() -> Self {
        Self {
            prompt: None,
            completion: None,
            tool_use_prompt: None,
            thoughts: None,
            total: None,
            anthropic: Anthropic::new(),
        }
    }

    fn figure(&mut self, place: Place, key: &[u8]) -> Option<&mut Option<u64>> {
        let figure = match (place, key) {
            (Place::Metadata, b"promptTokenCount") => &mut self.prompt,
            (Place::Metadata, b"candidatesTokenCount") => &mut self.completion,
            (Place::Metadata, b"thoughtsTokenCount") => &mut self.thoughts,
            (Place::Metadata, b"toolUsePromptTokenCount") => &mut self.tool_use_prompt,
            (Place::Metadata, b"totalTokenCount") => &mut self.total,
            (Place::Metadata, _) => return None,
            (_, b"prompt_tokens") => &mut self.prompt,
            (_, b"completion_tokens") => &mut self.completion,
            (_, b"total_tokens") => &mut self.total,
            (_, b"input_tokens") => &mut self.anthropic.input,
            (_, b"cache_creation_input_tokens") => &mut self.anthropic.cache_creation,
            (_, b"cache_read_input_tokens") => &mut self.anthropic.cache_read,
            (_, b"output_tokens") => &mut self.anthropic.output,
            _ => return None,
        };
        Some(figure)
    }

    fn has_figures(&self) -> bool {
        let figures =
            [self.prompt, self.completion, self.thoughts, self.tool_use_prompt, self.total];
        self.anthropic.is_known() || figures.iter().any(Option::is_some)
    }

    fn total_or(&self, parts: &[Option<u64>]) -> u64 {
        self.total.unwrap_or_else(|| sum(parts))
    }
}

impl Anthropic {
    const fn new() -> Self {
        Self { input: None, cache_creation: None, cache_read: None, output: None }
    }

    fn is_known(&self) -> bool {
        self.all().iter().any(Option::is_some)
    }

    /// The figures are running totals: they replace what is known and are never added to it.
    fn assign(&mut self, newer: &Self) {
        self.input = newer.input.or(self.input);
        self.cache_creation = newer.cache_creation.or(self.cache_creation);
        self.cache_read = newer.cache_read.or(self.cache_read);
        self.output = newer.output.or(self.output);
    }

    fn sum(&self) -> u64 {
        sum(&self.all())
    }

    fn all(&self) -> [Option<u64>; 4] {
        [self.input, self.cache_creation, self.cache_read, self.output]
    }
}

fn sum(figures: &[Option<u64>]) -> u64 {
    figures.iter().flatten().fold(0, |sum, figure| sum.saturating_add(*figure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use UsageSource::{Anthropic, Completions, Gemini, Responses};

    fn check(objects: &[(Place, &[(&str, u64)])], expected: Option<(UsageSource, u64)>) {
        let mut figures = Figures::new();
        for (place, fields) in objects {
            figures.open(*place);
            for (key, value) in *fields {
                figures.take(key.as_bytes(), *value);
            }
            figures.close();
        }
        let usage = figures.usage().map(|usage| (usage.source, usage.tokens.get()));
        assert_eq!(usage, expected, "{objects:?}");
    }

    #[test]
    fn the_total_counts_before_its_parts() {
        let parts = [("prompt_tokens", 3), ("completion_tokens", 4)];
        check(&[(Place::Root, &parts)], Some((Completions, 7)));
        let whole = [parts[0], parts[1], ("total_tokens", 9)];
        check(&[(Place::Root, &whole)], Some((Completions, 9)));
        check(&[(Place::Root, &[("total_tokens", 9)])], Some((Completions, 9)));

        let whole = [("input_tokens", 3), ("output_tokens", 4), ("total_tokens", 9)];
        check(&[(Place::Root, &whole)], Some((Responses, 9)));
        check(&[(Place::Response, &whole)], Some((Responses, 9)));
        check(&[(Place::Response, &whole[..2])], Some((Responses, 7)));

        let parts = [
            ("promptTokenCount", 1),
            ("candidatesTokenCount", 20),
            ("thoughtsTokenCount", 300),
            ("toolUsePromptTokenCount", 4_000),
            ("cachedContentTokenCount", 50_000),
        ];
        check(&[(Place::Metadata, &parts)], Some((Gemini, 4_321)));
        check(&[(Place::Metadata, &[parts[0], ("totalTokenCount", 9)])], Some((Gemini, 9)));
    }

    #[test]
    fn anthropics_figures_are_assigned_and_stay() {
        let start = [
            ("input_tokens", 1),
            ("cache_creation_input_tokens", 20),
            ("cache_read_input_tokens", 300),
            ("output_tokens", 4_000),
        ];
        check(&[(Place::Root, &start)], Some((Anthropic, 4_321)));
        check(
            &[(Place::Message, &start), (Place::Root, &[("output_tokens", 5_000)])],
            Some((Anthropic, 5_321)),
        );
        check(
            &[(Place::Message, &start), (Place::Root, &[start[3], ("input_tokens", 2)])],
            Some((Anthropic, 4_322)),
        );
        check(
            &[(Place::Message, &start[..1]), (Place::Root, &[start[3], ("total_tokens", 1)])],
            Some((Anthropic, 4_001)),
        );
    }

    #[test]
    fn the_last_object_of_the_others_replaces() {
        let first: &[(&str, u64)] = &[("prompt_tokens", 3), ("completion_tokens", 4)];
        let last = [("prompt_tokens", 3)];
        check(&[(Place::Root, first), (Place::Root, &last)], Some((Completions, 3)));
    }

    #[test]
    fn an_object_without_figures_is_none() {
        check(&[(Place::Root, &[])], None);
        check(&[(Place::Root, &[("seconds", 3), ("promptTokenCount", 3)])], None);
        check(&[(Place::Metadata, &[("prompt_tokens", 3)])], None);
        check(&[(Place::Root, &[("total_tokens", 3)]), (Place::Root, &[])], Some((Completions, 3)));
    }

    #[test]
    fn sums_saturate_and_are_held_to_the_limit() {
        let huge = [("prompt_tokens", u64::MAX), ("completion_tokens", u64::MAX)];
        check(&[(Place::Root, &huge)], Some((Completions, PER_MINUTE_MAX)));
    }

    #[test]
    fn an_object_that_is_not_closed_does_not_count() {
        let mut figures = Figures::new();
        figures.open(Place::Root);
        figures.take(b"total_tokens", 3);
        assert_eq!(figures.usage(), None);
        figures.open(Place::Root);
        figures.close();
        assert_eq!(figures.usage(), None);
    }
}
