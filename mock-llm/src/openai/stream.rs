//! What the streams of chats and of completions have in common: events of one choice each, usage
//! in one of its own when asked for, and `[DONE]`.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::behaviour::{Behaviour, Usage};
use super::super::reply::Event;
use super::{SERVER_ERROR, fails_in_stream};

/// Which events of a stream have a usage object.
#[derive(Clone, Copy)]
enum UsageEvents {
    Nowhere,
    /// In an event of its own; it is null in the others.
    AtTheEnd,
    /// In every event, as vLLM does with `continuous_usage_stats`, and at the end.
    Everywhere,
}

impl UsageEvents {
    fn of(request: &Value, behaviour: &Behaviour) -> Self {
        let options = &request["stream_options"];
        let asked = options["include_usage"] == json!(true);
        let continuous = options["continuous_usage_stats"] == json!(true);
        match behaviour.usage {
            Usage::Continuous => Self::Everywhere,
            Usage::AsVendor if asked && continuous => Self::Everywhere,
            Usage::AsVendor | Usage::Null if asked => Self::AtTheEnd,
            Usage::AsVendor | Usage::Null | Usage::Missing => Self::Nowhere,
        }
    }
}

/// The events: `choices` are those of the text, then the one that says why it ends. `envelope` is
/// what all of them share.
pub(super) fn events(
    envelope: &Value,
    choices: Vec<Value>,
    answer: &Answer,
    request: &Value,
    behaviour: &Behaviour,
) -> Vec<Event> {
    let usage_events = UsageEvents::of(request, behaviour);
    let event = |choices: Value, usage: Option<Value>| {
        let mut event = envelope.clone();
        event["choices"] = choices;
        if let Some(usage) = usage {
            event["usage"] = usage;
        }
        Event::data(event)
    };
    let fails = fails_in_stream(behaviour);
    let shown = if fails { choices.len().saturating_sub(1) } else { choices.len() };
    let mut events: Vec<Event> = choices
        .into_iter()
        .take(shown)
        .enumerate()
        .map(|(index, choice)| {
            let usage = match usage_events {
                UsageEvents::Nowhere => None,
                UsageEvents::AtTheEnd => Some(Value::Null),
                UsageEvents::Everywhere => Some(super::usage(&answer.tokens_after(index + 1))),
            };
            let tokens = answer.pieces.get(index).map_or(0, |piece| piece.tokens);
            event(json!([choice]), usage).with_output(tokens)
        })
        .collect();
    if fails {
        events.push(Event::data(super::error(SERVER_ERROR, "failed as requested")));
        return events;
    }
    if !matches!(usage_events, UsageEvents::Nowhere) {
        let usage = match behaviour.usage {
            Usage::Null => Value::Null,
            _ => super::usage(&answer.tokens),
        };
        events.push(event(json!([]), Some(usage)));
    }
    events.push(Event::done());
    events
}
