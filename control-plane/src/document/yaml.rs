//! YAML, of which JSON is a part, a step at a time. Nothing is kept of what was read, so that a
//! document takes no more memory than what is made of it, whatever is in it.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};

use super::{DocumentError, Place};
use crate::{drafts::Notation, excerpt::Excerpt};

/// How deep lists and objects may stand in each other. A configuration needs three levels; a step
/// into another one costs memory.
const DEPTH_MAX: usize = 8;

/// The steps of one document.
pub(super) struct Steps<'a> {
    parser: Parser<'a, StrInput<'a>>,
    documents: usize,
    depth: usize,
    notation: Notation,
    /// Where the last step was.
    place: Place,
}

/// A step.
pub(super) enum Step<'a> {
    /// Into a value, or over it where it is neither a list nor an object.
    Node(Node<'a>),
    /// Out of a list or an object.
    End,
    /// There is nothing more.
    Finished,
}

/// A value and where it stands.
pub(super) struct Node<'a> {
    pub(super) place: Place,
    pub(super) value: Value<'a>,
}

/// A value. What is in a list or an object are the next steps.
pub(super) enum Value<'a> {
    /// A text, a number or a word.
    Scalar(Scalar<'a>),
    /// Nothing, where a value could stand.
    Nothing,
    List,
    Object,
    /// A reference to an anchor. None is followed: a few of them can stand for a billion values.
    Alias,
}

/// A text, a number or a word, which are told apart by how they are written.
pub(super) struct Scalar<'a> {
    pub(super) text: Cow<'a, str>,
    /// Without quotation marks: it may be a number or a word.
    pub(super) plain: bool,
    /// Whether it may be a text.
    pub(super) is_text: bool,
}

impl<'a> Steps<'a> {
    pub(super) fn of(text: &'a str, notation: Notation) -> Self {
        let options = options! { emit_comments: false, flow_nesting_limit: DEPTH_MAX };
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            documents: 0,
            depth: 0,
            notation,
            place: Place { line: 1, column: 1 },
        }
    }

    /// The next step, or an error after which there are none.
    pub(super) fn next(&mut self) -> Result<Step<'a>, DocumentError> {
        loop {
            let Some(event) = self.parser.next_event() else { return Ok(Step::Finished) };
            let (event, span) = event.map_err(|error| DocumentError {
                place: place(error.marker()),
                text: format!("this is neither YAML nor JSON: {}", error.info()),
            })?;
            self.place = place(&span.start);
            if event.tag().is_some() {
                self.place = place(&span.tag_start().unwrap_or(span.start));
                return Err(self.error("a tag (!) can't stand here: leave it out"));
            }
            let value = match event {
                Event::Scalar(_, ScalarStyle::Plain, ..) if is_empty(&span) => Value::Nothing,
                Event::Scalar(text, style, ..) => {
                    let plain = style == ScalarStyle::Plain;
                    let is_text = !plain || self.notation == Notation::Yaml;
                    Value::Scalar(Scalar { text, plain, is_text })
                }
                Event::SequenceStart(..) => {
                    self.go_into()?;
                    Value::List
                }
                Event::MappingStart(..) => {
                    self.go_into()?;
                    Value::Object
                }
                Event::Alias(_) => Value::Alias,
                Event::SequenceEnd | Event::MappingEnd => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Step::End);
                }
                Event::DocumentStart(..) if self.documents > 0 => {
                    return Err(self.error("this is a second document: a file has one"));
                }
                Event::DocumentStart(..) => {
                    self.documents += 1;
                    continue;
                }
                Event::StreamEnd => return Ok(Step::Finished),
                _ => continue,
            };
            return Ok(Step::Node(Node { place: self.place, value }));
        }
    }

    /// The next value, which the grammar says is there.
    pub(super) fn node(&mut self) -> Result<Node<'a>, DocumentError> {
        match self.next()? {
            Step::Node(node) => Ok(node),
            Step::End | Step::Finished => Err(self.error("a value is missing here")),
        }
    }

    /// Steps over what is in a value.
    pub(super) fn skip(&mut self, value: &Value<'_>) -> Result<(), DocumentError> {
        let mut open = usize::from(value.has_inside());
        while open > 0 {
            match self.next()? {
                Step::Node(node) => open += usize::from(node.value.has_inside()),
                Step::End => open -= 1,
                Step::Finished => return Ok(()),
            }
        }
        Ok(())
    }

    fn go_into(&mut self) -> Result<(), DocumentError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("lists and objects can't stand this deep in each other"));
        }
        Ok(())
    }

    fn error(&self, text: &str) -> DocumentError {
        DocumentError { place: self.place, text: text.to_owned() }
    }
}

fn place(marker: &granit_parser::Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

/// A value that is not there is told as one of no length.
fn is_empty(span: &Span) -> bool {
    span.start.index() == span.end.index()
}

impl Value<'_> {
    fn has_inside(&self) -> bool {
        matches!(self, Self::List | Self::Object)
    }

    /// The value as it may stand in a message.
    pub(super) fn excerpt(&self) -> Excerpt {
        match self {
            Self::Scalar(scalar) if scalar.plain => Excerpt::new(&scalar.text),
            Self::Scalar(scalar) => Excerpt::quoted(&scalar.text),
            Self::Nothing => Excerpt::new("nothing"),
            Self::List => Excerpt::new("a list"),
            Self::Object => Excerpt::new("an object"),
            Self::Alias => Excerpt::new("an alias (*)"),
        }
    }
}
