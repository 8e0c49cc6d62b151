//! The upstream: how it answers a request, and what is known by then of what that used.

use crate::{queue::Micros, random::Random};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It may use tokens.
    Generates,
    /// It reads what is there.
    Reads,
    /// It counts tokens.
    Counts,
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Envoy's word for where it comes from.
    pub(crate) code_details: &'static str,
    /// The body, piece by piece.
    pub(crate) pieces: Vec<Piece>,
    /// Whether it comes to its end, or the upstream breaks off.
    pub(crate) is_whole: bool,
    /// Whether the body is a stream of events.
    pub(crate) is_stream: bool,
    /// How long until its headers arrive.
    pub(crate) headers_after: Micros,
}

/// A piece of a body, and what the answer has told once it has passed.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// Its bytes.
    pub(crate) bytes: String,
    /// How long after the one before it comes.
    pub(crate) after: Micros,
    /// The tokens that were told by then.
    pub(crate) told: Option<u64>,
    /// The tokens of text that were seen to pass in a stream by then.
    pub(crate) observed: u64,
    /// Whether the content has said its end.
    pub(crate) is_end: bool,
}

/// What a request really came to: what its settlement has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    /// What became of the response.
    pub(crate) outcome: Outcome,
    /// The tokens that it told.
    pub(crate) told: Option<u64>,
    /// The tokens that were seen to pass.
    pub(crate) observed: u64,
}

/// What became of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ended as the upstream ended it.
    Completed,
    /// It was cut short.
    Aborted,
    /// The upstream failed.
    Failed,
    /// The upstream refused it.
    Refused,
    /// Envoy gave up waiting.
    TimedOut,
}

impl Answer {
    /// How the upstream answers a request that uses so many tokens.
    pub(crate) fn of(tokens: u64, random: &mut Random) -> Self {
        let headers_after = random.between(1_000, 400_000);
        let mut answer = match random.below(20) {
            0 => Self::without_body(503, "upstream_reset_before_response_started"),
            1 => Self::without_body(500, "via_upstream"),
            2 => Self::without_body(429, "via_upstream"),
            3 => Self::without_body(504, "response_timeout"),
            4 => Self::without_body(200, "via_upstream"),
            5..=11 => Self::document(tokens),
            12..=13 => Self::stream(tokens, false, random),
            _ => Self::stream(tokens, true, random),
        };
        answer.headers_after = headers_after;
        answer.is_whole = !random.percent(6);
        answer
    }

    fn without_body(status: u16, code_details: &'static str) -> Self {
        let (pieces, is_whole, is_stream) = (Vec::new(), true, false);
        Self { status, code_details, pieces, is_whole, is_stream, headers_after: 0 }
    }

    fn document(tokens: u64) -> Self {
        let start = r#"{"object":"chat.completion","choices":[{"message":{"content":"hello"}}],"#;
        let end = format!(r#""usage":{{"total_tokens":{tokens}}}}}"#);
        let piece = |bytes: &str, told| {
            let bytes = bytes.to_owned();
            Piece { bytes, after: 2_000, told, observed: 0, is_end: false }
        };
        let pieces = vec![piece(start, None), piece(&end, Some(tokens))];
        Self { pieces, ..Self::without_body(200, "via_upstream") }
    }

    fn stream(tokens: u64, tells: bool, random: &mut Random) -> Self {
        let events = random.between(1, 8);
        let after = random.between(1_000, 300_000);
        let piece = |bytes: String, told, observed, is_end| Piece {
            bytes: format!("data: {bytes}\n\n"),
            after,
            told,
            observed,
            is_end,
        };
        let text = r#"{"object":"chat.completion.chunk","choices":[{"delta":{"content":"hey"}}]}"#;
        let mut pieces: Vec<_> =
            (1..=events).map(|event| piece(text.to_owned(), None, event, false)).collect();
        let told = tells.then_some(tokens);
        if tells {
            let usage = format!(
                r#"{{"object":"chat.completion.chunk","choices":[],"usage":{{"total_tokens":{tokens}}}}}"#
            );
            pieces.push(piece(usage, told, events, false));
        }
        pieces.push(piece("[DONE]".to_owned(), told, events, true));
        Self { pieces, is_stream: true, ..Self::without_body(200, "via_upstream") }
    }

    /// What a request came to of whose answer so many pieces have passed, `completed` or broken off;
    /// `None`: not even its headers.
    pub(crate) fn truth(&self, kind: Kind, passed: Option<usize>, completed: bool) -> Truth {
        let Some(passed) = passed else {
            return Truth { outcome: Outcome::Aborted, told: None, observed: 0 };
        };
        // A read tells what was charged when the answer was made.
        let last = self.pieces[..passed].last().filter(|_| kind != Kind::Reads);
        let is_end = last.is_some_and(|piece| piece.is_end);
        let outcome = match (self.status, self.code_details) {
            (504, "response_timeout") => Outcome::TimedOut,
            (500.., _) => Outcome::Failed,
            (300.., _) => Outcome::Refused,
            _ if completed || is_end => Outcome::Completed,
            _ => Outcome::Aborted,
        };
        Truth {
            outcome,
            told: last.and_then(|piece| piece.told),
            observed: last.map_or(0, |piece| piece.observed),
        }
    }
}
