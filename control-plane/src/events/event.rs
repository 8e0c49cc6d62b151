//! An event, and what events are about.

use std::fmt;

use super::{About, Filter};

/// What events are about. Who listens chooses among these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// The figures of clients.
    Clients,
    /// The figures of limits beside clients' own.
    Limits,
    /// What is configured.
    Config,
    /// Requests that were refused.
    Refusals,
    /// Workers of Envoys that come and go.
    Workers,
    /// Control planes that share the store, which come and go.
    Replicas,
    /// Times in which requests could meet a failure mode.
    Failures,
}

/// A text that names no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicName;

impl Topic {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Clients,
        Self::Limits,
        Self::Config,
        Self::Refusals,
        Self::Workers,
        Self::Replicas,
        Self::Failures,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Limits => "limits",
            Self::Config => "config",
            Self::Refusals => "refusals",
            Self::Workers => "workers",
            Self::Replicas => "replicas",
            Self::Failures => "failures",
        }
    }

    /// Whether it is known only from looking again and again, which nobody does while nobody listens.
    pub(super) fn is_sampled(self) -> bool {
        match self {
            Self::Clients | Self::Limits | Self::Refusals | Self::Replicas | Self::Failures => true,
            Self::Config | Self::Workers => false,
        }
    }
}

impl TryFrom<&str> for Topic {
    type Error = TopicName;

    fn try_from(text: &str) -> Result<Self, TopicName> {
        Self::ALL.into_iter().find(|topic| topic.word() == text).ok_or(TopicName)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One event, as its ring has it.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) number: u64,
    body: Body,
}

/// What it says.
#[derive(Debug)]
pub(super) enum Body {
    /// One thing, about one client or about none.
    One {
        /// Which client it is about.
        about: Option<About>,
        /// A JSON object.
        json: Box<str>,
    },
    /// Figures of several clients, of which a reader gets those that it asks for.
    Several {
        /// A JSON object up to where its list begins.
        head: Box<str>,
        /// What the list has.
        figures: Vec<Figure>,
    },
}

/// What is told of one client.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) about: About,
    /// A JSON object.
    pub(super) json: Box<str>,
}

/// What an event takes beside its text, about.
const OVERHEAD_BYTES: usize = 128;

impl Event {
    pub(super) fn new(number: u64, body: Body) -> Self {
        Self { number, body }
    }

    /// Its text for somebody who asks for what passes `filter`; `None`: there is nothing for them.
    pub(super) fn text_for(&self, filter: &Filter) -> Option<String> {
        match &self.body {
            Body::One { about: Some(about), .. } if !filter.passes(about) => None,
            Body::One { json, .. } => Some(json.to_string()),
            Body::Several { head, figures } => {
                let mut text = String::new();
                for figure in figures.iter().filter(|figure| filter.passes(&figure.about)) {
                    text.push_str(if text.is_empty() { head } else { "," });
                    text.push_str(&figure.json);
                }
                if text.is_empty() {
                    return None;
                }
                text.push_str("]}");
                Some(text)
            }
        }
    }
}

impl Body {
    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        OVERHEAD_BYTES
            + match self {
                Self::One { json, .. } => json.len(),
                Self::Several { head, figures } => {
                    let figures = figures.iter().map(|of| of.json.len() + OVERHEAD_BYTES);
                    head.len() + figures.sum::<usize>()
                }
            }
    }
}
