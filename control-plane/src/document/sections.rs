//! The sections of a document.

use super::{
    DocumentError, Place,
    clients::ClientsRead,
    credentials::CredentialsRead,
    limits::LimitsRead,
    models::ModelsRead,
    reader::Reader,
    yaml::{Node, Step, Value},
};
use crate::{
    credentials::{ClientKey, Token},
    excerpt::Excerpt,
};

/// What was read of a document, section by section.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) clients: ClientsRead,
    pub(super) models: ModelsRead,
    pub(super) limits: LimitsRead,
    pub(super) keys: CredentialsRead<ClientKey>,
    pub(super) tokens: CredentialsRead<Token>,
}

/// A section.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Clients,
    Models,
    Limits,
    Keys,
    Tokens,
}

/// Which sections a document has, and where.
#[derive(Default)]
struct Found {
    known: Vec<(Section, Place)>,
    unknown: usize,
}

impl Section {
    const ALL: [Self; 5] = [Self::Clients, Self::Models, Self::Limits, Self::Keys, Self::Tokens];

    const fn word(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Models => "models",
            Self::Limits => "limits",
            Self::Keys => "keys",
            Self::Tokens => "tokens",
        }
    }
}

const NAMES: &str = "clients, models, limits, keys and tokens are";

impl Sections {
    /// Reads all of them, in whichever order they stand.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DocumentError> {
        let (place, sections) = match reader.steps.next()? {
            Step::Node(Node { place, value: Value::Object }) => (place, self.read_each(reader)?),
            Step::Node(Node { place, value: Value::Nothing }) => (place, 0),
            Step::Node(Node { place, value }) => {
                let told = value.excerpt();
                let text = format!(
                    "this must be an object with sections, clients, models, limits, keys or tokens, not \
                     {told}"
                );
                return Err(DocumentError { place, text });
            }
            Step::End | Step::Finished => (Place { line: 1, column: 1 }, 0),
        };
        if sections == 0 {
            reader.errors.push(place, format_args!("there is no section: {NAMES}"));
        }
        // What follows the document is an error.
        reader.steps.next().map(|_| ())
    }

    /// Tells how many there are.
    fn read_each(&mut self, reader: &mut Reader<'_>) -> Result<usize, DocumentError> {
        let mut found = Found::default();
        while let Some(key) = reader.key()? {
            let node = reader.steps.node()?;
            let section = Section::ALL.into_iter().find(|section| section.word() == key.text);
            let first = found.known.iter().find(|(known, _)| Some(*known) == section);
            match (section, first) {
                (Some(section), None) => {
                    found.known.push((section, key.place));
                    self.section(reader, section, &node)?;
                    continue;
                }
                (Some(section), Some((_, first))) => {
                    let word = section.word();
                    let text =
                        format_args!("{word} must be given once, not twice: also in {first}");
                    reader.errors.push(key.place, text);
                }
                (None, _) => {
                    found.unknown += 1;
                    let told = Excerpt::quoted(&key.text);
                    reader.errors.push(key.place, format_args!("{told} is not a section: {NAMES}"));
                }
            }
            reader.steps.skip(&node.value)?;
        }
        Ok(found.known.len() + found.unknown)
    }

    fn section<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        section: Section,
        node: &Node<'a>,
    ) -> Result<(), DocumentError> {
        let what = match (section, &node.value) {
            (Section::Clients, Value::Object) => return self.clients.read(reader),
            (Section::Models, Value::Object) => return self.models.read(reader),
            (Section::Limits, Value::List) => return self.limits.read(reader),
            (Section::Keys, Value::Object) => return self.keys.read(reader),
            (Section::Tokens, Value::Object) => return self.tokens.read(reader),
            (Section::Clients, _) => "an object of clients by their ids",
            (Section::Models, _) => "an object of lists of patterns by their models' names",
            (Section::Limits, _) => "a list of limits",
            (Section::Keys, _) => "an object of keys by their public parts",
            (Section::Tokens, _) => "an object of tokens by their public parts",
        };
        let (word, told) = (section.word(), node.value.excerpt());
        reader.errors.push(node.place, format_args!("{word} must be {what}, not {told}"));
        reader.steps.skip(&node.value)
    }
}
