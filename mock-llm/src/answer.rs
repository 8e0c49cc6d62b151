//! What every generating API tells in a shape of its own: who answers, what it says and what that
//! costs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::behaviour::{Behaviour, Figures};
use super::content::{self, Piece};

/// About what OpenAI's tokenizer needs for English text.
const BYTES_PER_TOKEN: u64 = 4;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The answer to one request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) number: u64,
    pub(super) created: u64,
    pub(super) model: Value,
    pub(super) pieces: Vec<Piece>,
    pub(super) tokens: Tokens,
}

impl Answer {
    /// The answer of `model` to `prompt`, which is counted when nobody says what it costs.
    pub(super) fn new(model: Value, prompt: &Value, behaviour: &Behaviour) -> Self {
        let pieces = content::pieces(behaviour);
        let output = pieces.iter().map(|piece| piece.tokens).sum();
        let tokens = Tokens::count(prompt, output, &behaviour.figures);
        Self {
            number: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            created: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| elapsed.as_secs()),
            model,
            pieces,
            tokens,
        }
    }

    /// What has been used when the first event is sent: the completion is only begun.
    pub(super) fn tokens_at_start(&self) -> Tokens {
        Tokens { completion: self.tokens.completion.min(1), ..self.tokens }
    }

    /// All of the text.
    pub(super) fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// What has been used when `pieces` of the text are sent: all of it with the last.
    pub(super) fn tokens_after(&self, pieces: usize) -> Tokens {
        let share = self.tokens.completion / self.pieces.len().max(1) as u64;
        let completion = match pieces {
            sent if sent >= self.pieces.len() => self.tokens.completion,
            sent => share.saturating_mul(sent as u64),
        };
        let total = self.tokens.total.filter(|_| pieces >= self.pieces.len());
        Tokens { completion, total, ..self.tokens }
    }
}

/// What an answer costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    pub(super) prompt: u64,
    pub(super) completion: u64,
    /// Part of the prompt.
    pub(super) cached: u64,
    /// Part of the completion.
    pub(super) reasoning: u64,
    /// Beside the prompt, with Anthropic.
    pub(super) cache_creation: u64,
    /// Beside the prompt, with Anthropic.
    pub(super) cache_read: u64,
    /// Beside the completion, with Gemini.
    pub(super) thoughts: u64,
    total: Option<u64>,
}

impl Tokens {
    pub(super) fn count(prompt: &Value, completion: u64, figures: &Figures) -> Self {
        let prompt_bytes = prompt.to_string().len() as u64;
        Self {
            prompt: figures.prompt.unwrap_or(prompt_bytes.div_ceil(BYTES_PER_TOKEN)),
            completion: figures.completion.unwrap_or(completion),
            cached: figures.cached,
            reasoning: figures.reasoning,
            cache_creation: figures.cache_creation,
            cache_read: figures.cache_read,
            thoughts: figures.thoughts,
            total: figures.total,
        }
    }

    /// Prompt and completion, unless the request says otherwise.
    pub(super) fn total(&self) -> u64 {
        self.total.unwrap_or(self.prompt.saturating_add(self.completion))
    }

    /// The same with Gemini, which counts the thoughts apart.
    pub(super) fn total_with_thoughts(&self) -> u64 {
        self.total.unwrap_or(self.total().saturating_add(self.thoughts))
    }
}
