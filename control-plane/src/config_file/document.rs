//! From a file's text to configurations, or to everything that is wrong with it.

use std::{borrow::Cow, collections::HashMap};

use foldhash::fast::RandomState;
use limiter::ClientId;

use super::{
    DocumentError, DocumentErrors, Place,
    scalar::FromScalar,
    yaml::{Node, Step, Steps, Value},
};
use crate::{
    clients::ClientConfig,
    excerpt::Excerpt,
    operator::{CLIENTS_MAX, Draft, FieldError, Fields, Given},
};

/// The section that there is.
const CLIENTS: &str = "clients";

/// What a file says, all of which is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The clients, in the file's order and each once.
    pub clients: Vec<ClientConfig>,
}

impl Document {
    /// Reads a document in YAML or JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentErrors> {
        let text = str::from_utf8(bytes).map_err(|error| no_text(bytes, error.valid_up_to()))?;
        let mut reader = Reader::of(text);
        // Behind an error of the notation nothing can be read, but what was read is told.
        if let Err(error) = reader.document() {
            reader.errors.add(error);
        }
        if reader.errors.is_empty() {
            return Ok(Self { clients: reader.clients });
        }
        reader.errors.sort();
        Err(reader.errors)
    }
}

fn no_text(bytes: &[u8], valid: usize) -> DocumentErrors {
    let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    DocumentError { place: Place { line, column }, text: "this is not UTF-8".to_owned() }.into()
}

struct Reader<'a> {
    steps: Steps<'a>,
    clients: Vec<ClientConfig>,
    /// Where each client stands.
    places: HashMap<ClientId, Place, RandomState>,
    errors: DocumentErrors,
}

/// The name of a section, a client or a field.
struct Name<'a> {
    text: Cow<'a, str>,
    place: Place,
}

/// Where the values of a client's fields stand.
type FieldPlaces = Vec<(&'static str, Place)>;

impl<'a> Reader<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            steps: Steps::of(text),
            clients: Vec::new(),
            places: HashMap::default(),
            errors: DocumentErrors::default(),
        }
    }

    fn document(&mut self) -> Result<(), DocumentError> {
        let (place, sections) = match self.steps.next()? {
            Step::Node(Node { place, value: Value::Object }) => (place, self.sections()?),
            Step::Node(Node { place, value: Value::Nothing }) => (place, 0),
            Step::Node(Node { place, value }) => {
                let told = value.excerpt();
                let text = format!("this must be an object with the section {CLIENTS}, not {told}");
                return Err(DocumentError { place, text });
            }
            Step::End | Step::Finished => (Place { line: 1, column: 1 }, 0),
        };
        if sections == 0 {
            self.errors.push(place, format_args!("there is no section: {CLIENTS} is one"));
        }
        // What follows the document is an error.
        self.steps.next().map(|_| ())
    }

    /// Tells how many there are.
    fn sections(&mut self) -> Result<usize, DocumentError> {
        let mut sections = 0;
        let mut clients = None;
        while let Some(name) = self.name()? {
            sections += 1;
            let section = self.steps.node()?;
            if name.text == CLIENTS && clients.is_none() {
                clients = Some(name.place);
                self.clients(&section)?;
                continue;
            }
            if let (Some(first), CLIENTS) = (clients, &*name.text) {
                let text = format_args!("{CLIENTS} must be given once, not twice: also in {first}");
                self.errors.push(name.place, text);
            } else {
                let told = Excerpt::quoted(&name.text);
                let text = format_args!("{told} is not a section: {CLIENTS} is one");
                self.errors.push(name.place, text);
            }
            self.steps.skip(&section.value)?;
        }
        Ok(sections)
    }

    fn clients(&mut self, section: &Node<'a>) -> Result<(), DocumentError> {
        if !matches!(section.value, Value::Object) {
            let told = section.value.excerpt();
            self.errors.push(
                section.place,
                format_args!("{CLIENTS} must be an object of clients by their ids, not {told}"),
            );
            return self.steps.skip(&section.value);
        }
        while let Some(id) = self.name()? {
            let client = self.steps.node()?;
            if matches!(client.value, Value::Object) {
                self.client(&id)?;
            } else {
                let (id, told) = (Excerpt::quoted(&id.text), client.value.excerpt());
                self.errors.push(
                    client.place,
                    format_args!("client {id} must be an object with its limits, not {told}"),
                );
                self.steps.skip(&client.value)?;
            }
        }
        Ok(())
    }

    fn client(&mut self, id: &Name<'a>) -> Result<(), DocumentError> {
        let mut draft = Draft { addressed_to: Some(id.text.clone().into()), ..Draft::default() };
        let mut places = FieldPlaces::new();
        while let Some(field) = self.name()? {
            match &*field.text {
                "client_id" => {
                    self.field("client_id", &field, &mut draft.client_id, &mut places)?;
                }
                "rpm" => self.field("rpm", &field, &mut draft.rpm, &mut places)?,
                "tpm" => self.field("tpm", &field, &mut draft.tpm, &mut places)?,
                "enabled" => self.field("enabled", &field, &mut draft.enabled, &mut places)?,
                "min_estimate" => {
                    self.field("min_estimate", &field, &mut draft.min_estimate, &mut places)?;
                }
                "group" => self.field("group", &field, &mut draft.group, &mut places)?,
                "plan" => self.field("plan", &field, &mut draft.plan, &mut places)?,
                other => {
                    let (of, name) = (Fields::Client, Excerpt::quoted(other));
                    self.errors.push(field.place, FieldError::Unknown { of, name });
                    let value = self.steps.node()?.value;
                    self.steps.skip(&value)?;
                }
            }
        }
        match draft.validate() {
            Ok(config) => self.keep(config, id.place)?,
            Err(errors) => {
                for error in errors.told() {
                    let field = |field| places.iter().find(|(name, _)| *name == field);
                    let place = error.field().and_then(field).map_or(id.place, |(_, place)| *place);
                    self.errors.push(place, error);
                }
            }
        }
        Ok(())
    }

    fn field<T: FromScalar>(
        &mut self,
        field: &'static str,
        name: &Name<'a>,
        given: &mut Given<T>,
        places: &mut FieldPlaces,
    ) -> Result<(), DocumentError> {
        let Node { place, value } = self.steps.node()?;
        match given {
            Given::Absent => {
                *given = T::given(&value);
                places.push((field, place));
            }
            Given::Value(_) | Given::Wrong(_) => {
                self.errors.push(name.place, FieldError::Repeated { field });
            }
        }
        self.steps.skip(&value)
    }

    fn keep(&mut self, config: ClientConfig, place: Place) -> Result<(), DocumentError> {
        if let Some(first) = self.places.get(&config.id) {
            let id = Excerpt::quoted(config.id.as_str());
            self.errors.push(
                place,
                format_args!("client {id} must be given once, not twice: also in {first}"),
            );
            return Ok(());
        }
        if self.clients.len() == CLIENTS_MAX {
            let text = format!("this is one client too many: there can be {CLIENTS_MAX}");
            return Err(DocumentError { place, text });
        }
        self.places.insert(config.id.clone(), place);
        self.clients.push(config);
        Ok(())
    }

    /// The next name in an object; `None` at its end.
    fn name(&mut self) -> Result<Option<Name<'a>>, DocumentError> {
        loop {
            let Node { place, value } = match self.steps.next()? {
                Step::Node(node) => node,
                Step::End | Step::Finished => return Ok(None),
            };
            if let Value::Scalar(scalar) = value {
                return Ok(Some(Name { text: scalar.text, place }));
            }
            self.errors.push(place, format_args!("a name must be a text, not {}", value.excerpt()));
            self.steps.skip(&value)?;
            let value = self.steps.node()?.value;
            self.steps.skip(&value)?;
        }
    }
}
