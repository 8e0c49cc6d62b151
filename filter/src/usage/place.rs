//! The map of a response's JSON: where usage stands in each API, and where the model's words do.

/// What a text of JSON is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A whole response.
    Document,
    /// One event of a streamed response: usage can stand in more places, and its content is of
    /// interest.
    Event,
}

/// Where a value stands, by the names that lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A list of documents, which is Gemini's stream without events.
    Roots,
    /// A document, or the data of an event. Ollama's figures stand in it.
    Root,
    /// Figures by `OpenAI`'s, Anthropic's and Bedrock's names.
    Usage,
    /// The same in `response`: `OpenAI`'s responses.
    ResponseUsage,
    /// The same in `message`: Anthropic's `message_start`.
    MessageUsage,
    /// The same in `result`: Workers AI.
    ResultUsage,
    /// Gemini's `usageMetadata`.
    Metadata,
    /// What Bedrock adds to the last event of a model whose stream it hands on.
    InvocationMetrics,
    /// One of Converse's events in an object of its name, as gateways write Amazon's frames.
    ConverseEvent,
    /// The last of these, which has usage.
    ConverseMetadata,
    /// Figures in it, by Bedrock's names.
    ConverseUsage,
    /// Cohere's count of the tokens themselves.
    Tokens,
    /// Cohere's count of what it bills.
    BilledUnits,
    /// `response`: an object that has usage, or text of the model.
    Response,
    /// `message`: Anthropic's has usage, Ollama's the model's text.
    Message,
    /// An object around usage: Groq's extension of `OpenAI`'s events, Gemini's interactions.
    Carrier,
    /// The result in the envelope of Cloudflare's API.
    Result,
    /// Cohere's `meta`.
    Meta,
    Choices,
    Choice,
    /// An event's `delta`: content, but for the usage in it, which is Cohere's.
    Delta,
    /// A string that says what kind of event it is.
    Kind,
    /// Ollama's mark of the last event.
    Done,
    /// What the model generated: every string in it, but for marks of the protocol's.
    Content,
    /// A call's arguments: every string in them, by whatever names the caller gave its parameters.
    Arguments,
    /// Nothing that is known; content can stand in it.
    Elsewhere,
    /// Nothing in it is of interest.
    Nowhere,
}

impl Place {
    /// The place of a member of an object in this place.
    pub(super) fn member(self, name: &[u8], scope: Scope) -> Self {
        let place = match self {
            Self::Root => match name {
                b"usage" => Self::Usage,
                b"usageMetadata" => Self::Metadata,
                b"amazon-bedrock-invocationMetrics" => Self::InvocationMetrics,
                b"response" => Self::Response,
                b"message" => Self::Message,
                b"x_groq" | b"interaction" => Self::Carrier,
                b"result" => Self::Result,
                b"meta" => Self::Meta,
                b"choices" => Self::Choices,
                b"delta" => Self::Delta,
                // Beside Gemini's: llama.cpp's, Anthropic's first API's, text-generation-inference's.
                b"parts" | b"content" | b"completion" | b"token" => Self::Content,
                b"type" | b"event_type" => Self::Kind,
                b"done" => Self::Done,
                b"metadata" => Self::ConverseMetadata,
                name if is_of_converse(name) => Self::ConverseEvent,
                _ => Self::Elsewhere,
            },
            Self::Response => match name {
                b"usage" => Self::ResponseUsage,
                b"usageMetadata" => Self::Metadata,
                b"meta" => Self::Meta,
                name => Self::of_any_member(name),
            },
            Self::Message => match name {
                b"usage" => Self::MessageUsage,
                b"content" | b"thinking" | b"tool_calls" => Self::Content,
                name => Self::of_any_member(name),
            },
            Self::Choice => match name {
                b"usage" => Self::Usage,
                b"text" => Self::Content,
                name => Self::of_any_member(name),
            },
            Self::Carrier | Self::Delta if name == b"usage" => Self::Usage,
            Self::Result if name == b"usage" => Self::ResultUsage,
            Self::ConverseMetadata if name == b"usage" => Self::ConverseUsage,
            Self::Usage | Self::Meta if name == b"tokens" => Self::Tokens,
            Self::Usage | Self::Meta if name == b"billed_units" => Self::BilledUnits,
            Self::Arguments => Self::Arguments,
            Self::Delta | Self::Content if matches!(name, b"arguments" | b"args") => {
                Self::Arguments
            }
            Self::Delta | Self::Content if is_content(name) => Self::Content,
            Self::Delta | Self::Content => Self::Nowhere,
            place if place.has_figures() => Self::Nowhere,
            _ => Self::of_any_member(name),
        };
        place.in_scope(scope)
    }

    /// The place of a member of an object of which nothing is known.
    fn of_any_member(name: &[u8]) -> Self {
        if matches!(name, b"delta" | b"parts") { Self::Content } else { Self::Elsewhere }
    }

    /// The place of an element of a list in this place.
    pub(super) fn element(self, scope: Scope) -> Self {
        let place = match self {
            Self::Roots => Self::Root,
            Self::Choices => Self::Choice,
            Self::Content => Self::Content,
            Self::Arguments => Self::Arguments,
            Self::Nowhere => Self::Nowhere,
            _ => Self::Elsewhere,
        };
        place.in_scope(scope)
    }

    /// What an object in this place is, which can be meant for a list.
    pub(super) fn of_object(self, scope: Scope) -> Self {
        match self {
            Self::Roots | Self::Choices | Self::Kind | Self::Done => {
                Self::Elsewhere.in_scope(scope)
            }
            place => place,
        }
    }

    /// What a list in this place is, which can be meant for an object.
    pub(super) fn of_list(self, scope: Scope) -> Self {
        match self {
            Self::Roots
            | Self::Choices
            | Self::Content
            | Self::Arguments
            | Self::Elsewhere
            | Self::Nowhere => self,
            Self::Delta => Self::Content,
            _ => Self::Elsewhere.in_scope(scope),
        }
    }

    /// Whether a string in this place is the model's.
    pub(super) fn is_text(self, scope: Scope) -> bool {
        scope == Scope::Event
            && matches!(self, Self::Content | Self::Arguments | Self::Delta | Self::Response)
    }

    /// Whether an object in this place has figures, which count once it is closed.
    pub(super) fn has_figures(self) -> bool {
        matches!(
            self,
            Self::Root
                | Self::Usage
                | Self::ResponseUsage
                | Self::MessageUsage
                | Self::ResultUsage
                | Self::Metadata
                | Self::InvocationMetrics
                | Self::ConverseUsage
                | Self::Tokens
                | Self::BilledUnits
        )
    }

    /// What is only in events is nowhere in a document.
    fn in_scope(self, scope: Scope) -> Self {
        let only_in_events = matches!(
            self,
            Self::ResponseUsage
                | Self::MessageUsage
                | Self::ConverseEvent
                | Self::ConverseMetadata
                | Self::ConverseUsage
                | Self::Message
                | Self::Choices
                | Self::Choice
                | Self::Delta
                | Self::Kind
                | Self::Done
                | Self::Content
                | Self::Arguments
                | Self::Elsewhere
        );
        if scope == Scope::Document && only_in_events { Self::Nowhere } else { self }
    }
}

/// Whether a member of content is content too, and not a mark of the protocol's, a copy of the
/// input or data that costs other tokens than its letters would.
fn is_content(name: &[u8]) -> bool {
    !matches!(
        name,
        b"type"
            | b"id"
            | b"item_id"
            | b"call_id"
            | b"tool_call_id"
            | b"role"
            | b"name"
            | b"signature"
            | b"thoughtSignature"
            | b"encrypted_content"
            | b"obfuscation"
            | b"logprobs"
            | b"annotations"
            | b"citations"
            | b"data"
            | b"usage"
    )
}

/// Whether an event that has this member at its root is an API's. A model whose bare text is
/// streamed can write an object with usage; it has no reason to write all that is around it.
pub(super) fn is_of_envelope(name: &[u8]) -> bool {
    matches!(
        name,
        b"choices"
            | b"candidates"
            | b"object"
            | b"type"
            | b"event_type"
            | b"model"
            | b"modelVersion"
            | b"message"
            | b"delta"
            | b"response"
            | b"result"
            | b"output"
            | b"x_groq"
            | b"done"
    ) || is_of_converse(name)
}

/// Whether this is the name of an event of Converse's that is not its last.
fn is_of_converse(name: &[u8]) -> bool {
    matches!(
        name,
        b"messageStart"
            | b"contentBlockStart"
            | b"contentBlockDelta"
            | b"contentBlockStop"
            | b"messageStop"
    )
}

/// Whether an event of this kind is the last one, and says that the content is complete.
pub(super) fn is_end(kind: &[u8]) -> bool {
    matches!(
        kind,
        b"message_stop"
            | b"response.completed"
            | b"response.incomplete"
            | b"response.failed"
            | b"response.done"
            | b"interaction.complete"
            | b"message-end"
            | b"stream-end"
    )
}
