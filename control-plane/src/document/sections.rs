//! The sections of a document.

use super::{
    DocumentError, Place,
    reader::Reader,
    yaml::{Node, Step, Value},
};
use crate::excerpt::Excerpt;

/// A section.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Clients,
    Models,
    Limits,
}

/// Where each section stands that was read.
#[derive(Default)]
struct Sections {
    read: Vec<(Section, Place)>,
    unknown: usize,
}

impl Section {
    const ALL: [Self; 3] = [Self::Clients, Self::Models, Self::Limits];

    const fn word(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Models => "models",
            Self::Limits => "limits",
        }
    }
}

const NAMES: &str = "clients, models and limits are";

impl<'a> Reader<'a> {
    /// Reads all of it, in whichever order its sections stand.
    pub(super) fn document(&mut self) -> Result<(), DocumentError> {
        let (place, sections) = match self.steps.next()? {
            Step::Node(Node { place, value: Value::Object }) => (place, self.sections()?),
            Step::Node(Node { place, value: Value::Nothing }) => (place, 0),
            Step::Node(Node { place, value }) => {
                let told = value.excerpt();
                let text = format!(
                    "this must be an object with sections, clients, models or limits, not {told}"
                );
                return Err(DocumentError { place, text });
            }
            Step::End | Step::Finished => (Place { line: 1, column: 1 }, 0),
        };
        if sections == 0 {
            self.errors.push(place, format_args!("there is no section: {NAMES}"));
        }
        // What follows the document is an error.
        self.steps.next().map(|_| ())
    }

    /// Tells how many there are.
    fn sections(&mut self) -> Result<usize, DocumentError> {
        let mut sections = Sections::default();
        while let Some(key) = self.key()? {
            let node = self.steps.node()?;
            let section = Section::ALL.into_iter().find(|section| section.word() == key.text);
            let first = sections.read.iter().find(|(read, _)| Some(*read) == section);
            match (section, first) {
                (Some(section), None) => {
                    sections.read.push((section, key.place));
                    self.section(section, &node)?;
                    continue;
                }
                (Some(section), Some((_, first))) => {
                    let word = section.word();
                    let text =
                        format_args!("{word} must be given once, not twice: also in {first}");
                    self.errors.push(key.place, text);
                }
                (None, _) => {
                    sections.unknown += 1;
                    let told = Excerpt::quoted(&key.text);
                    self.errors.push(key.place, format_args!("{told} is not a section: {NAMES}"));
                }
            }
            self.steps.skip(&node.value)?;
        }
        Ok(sections.read.len() + sections.unknown)
    }

    fn section(&mut self, section: Section, node: &Node<'a>) -> Result<(), DocumentError> {
        let what = match (section, &node.value) {
            (Section::Clients, Value::Object) => return self.clients(),
            (Section::Models, Value::Object) => return self.models(),
            (Section::Limits, Value::List) => return self.limits(),
            (Section::Clients, _) => "an object of clients by their ids",
            (Section::Models, _) => "an object of lists of patterns by their models' names",
            (Section::Limits, _) => "a list of limits",
        };
        let (word, told) = (section.word(), node.value.excerpt());
        self.errors.push(node.place, format_args!("{word} must be {what}, not {told}"));
        self.steps.skip(&node.value)
    }
}
