//! How names, fields and lists are read, in whichever section they stand.

use std::{borrow::Cow, collections::HashMap, fmt, hash::Hash};

use foldhash::fast::RandomState;

use super::{
    DocumentError, DocumentErrors, Place,
    scalar::FromScalar,
    yaml::{Node, Step, Steps, Value},
};
use crate::{
    drafts::{FieldError, FieldErrors, Fields, Given, Notation},
    excerpt::Excerpt,
};

/// A document as far as it is read, and what is wrong with that.
pub(super) struct Reader<'a> {
    pub(super) steps: Steps<'a>,
    pub(super) errors: DocumentErrors,
}

/// The name of a section, of something in it, or of a field.
pub(super) struct Key<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) place: Place,
}

/// Where the values of fields stand, and what is in their lists.
#[derive(Default)]
pub(super) struct Places(Vec<(&'static str, Option<usize>, Place)>);

/// What there is, and where each stood first: by name, also of what is wrong otherwise.
pub(super) type Firsts<N> = HashMap<N, Place, RandomState>;

impl Places {
    pub(super) fn add(&mut self, field: &'static str, item: Option<usize>, place: Place) {
        self.0.push((field, item, place));
    }

    /// Where a field, or what is in its list, stands.
    pub(super) fn of(&self, field: &str, item: Option<usize>) -> Option<Place> {
        let found = self.0.iter().find(|(name, at, _)| *name == field && *at == item);
        found.map(|(_, _, place)| *place)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn of(text: &'a str, notation: Notation) -> Self {
        Self { steps: Steps::of(text, notation), errors: DocumentErrors::default() }
    }

    /// The next name in an object; `None` at its end.
    pub(super) fn key(&mut self) -> Result<Option<Key<'a>>, DocumentError> {
        loop {
            let Some(Node { place, value }) = self.item()? else { return Ok(None) };
            if let Value::Scalar(scalar) = value {
                return Ok(Some(Key { text: scalar.text, place }));
            }
            self.errors.push(place, format_args!("a name must be a text, not {}", value.excerpt()));
            self.steps.skip(&value)?;
            let value = self.steps.node()?.value;
            self.steps.skip(&value)?;
        }
    }

    /// What comes next in a list; `None` at its end.
    pub(super) fn item(&mut self) -> Result<Option<Node<'a>>, DocumentError> {
        match self.steps.next()? {
            Step::Node(node) => Ok(Some(node)),
            Step::End | Step::Finished => Ok(None),
        }
    }

    /// Reads the value of a field that is one text, number or word.
    pub(super) fn field<T: FromScalar>(
        &mut self,
        field: &'static str,
        key: &Key<'a>,
        given: &mut Given<T>,
        places: &mut Places,
    ) -> Result<(), DocumentError> {
        let Some(Node { place, value }) = self.value(field, key, given)? else { return Ok(()) };
        *given = T::given(&value);
        places.add(field, None, place);
        self.steps.skip(&value)
    }

    /// Reads the value of a field that is a list of texts.
    pub(super) fn list(
        &mut self,
        field: &'static str,
        key: &Key<'a>,
        given: &mut Given<Vec<Given<String>>>,
        places: &mut Places,
    ) -> Result<(), DocumentError> {
        let Some(node) = self.value(field, key, given)? else { return Ok(()) };
        *given = self.texts(field, &node, places)?;
        Ok(())
    }

    /// The same of one that may be `null`.
    pub(super) fn optional_list(
        &mut self,
        field: &'static str,
        key: &Key<'a>,
        given: &mut Given<Option<Vec<Given<String>>>>,
        places: &mut Places,
    ) -> Result<(), DocumentError> {
        let Some(node) = self.value(field, key, given)? else { return Ok(()) };
        let is_null = matches!(&node.value, Value::Scalar(scalar) if Option::<String>::read(scalar) == Some(None));
        *given = match self.texts(field, &node, places)? {
            Given::Value(texts) => Given::Value(Some(texts)),
            Given::Wrong(_) if is_null => Given::Value(None),
            Given::Wrong(value) => Given::Wrong(value),
            Given::Absent => Given::Absent,
        };
        Ok(())
    }

    /// What a field's list of texts says. No more is kept than can be right.
    pub(super) fn texts(
        &mut self,
        field: &'static str,
        node: &Node<'a>,
        places: &mut Places,
    ) -> Result<Given<Vec<Given<String>>>, DocumentError> {
        places.add(field, None, node.place);
        if !matches!(node.value, Value::List) {
            self.steps.skip(&node.value)?;
            return Ok(Given::Wrong(node.value.excerpt()));
        }
        let mut texts = Vec::new();
        while let Some(Node { place, value }) = self.item()? {
            if texts.len() < ITEMS_MAX {
                places.add(field, Some(texts.len()), place);
                texts.push(String::given(&value));
            }
            self.steps.skip(&value)?;
        }
        Ok(Given::Value(texts))
    }

    /// The value of a field that is given for the first time.
    pub(super) fn value<T>(
        &mut self,
        field: &'static str,
        key: &Key<'a>,
        given: &Given<T>,
    ) -> Result<Option<Node<'a>>, DocumentError> {
        let node = self.steps.node()?;
        match given {
            Given::Absent => Ok(Some(node)),
            Given::Value(_) | Given::Wrong(_) => {
                self.errors.push(key.place, FieldError::Repeated { field });
                self.steps.skip(&node.value)?;
                Ok(None)
            }
        }
    }

    /// Tells of a field that there is not.
    pub(super) fn unknown(&mut self, of: Fields, key: &Key<'a>) -> Result<(), DocumentError> {
        let name = Excerpt::quoted(&key.text);
        self.errors.push(key.place, FieldError::Unknown { of, name });
        let value = self.steps.node()?.value;
        self.steps.skip(&value)
    }

    /// Tells all that is wrong with a draft, each error where its value stands; at `place` what is
    /// not there.
    pub(super) fn wrong(&mut self, errors: &FieldErrors, places: &Places, place: Place) {
        for error in errors.told() {
            let of = |field: &str| places.of(field, error.item());
            self.errors.push(error.field().and_then(of).unwrap_or(place), error);
        }
    }

    /// Whether nothing has this name yet; else it is told. Of one too many, right or wrong, it is told
    /// at once: what is kept of a document has a bound.
    pub(super) fn is_first<N: Hash + Eq + fmt::Display>(
        &mut self,
        firsts: &mut Firsts<N>,
        (what, max): (&str, usize),
        name: N,
        place: Place,
    ) -> Result<bool, DocumentError> {
        if let Some(first) = firsts.get(&name) {
            let name = Excerpt::quoted(&name.to_string());
            self.errors.push(
                place,
                format_args!("{what} {name} must be given once, not twice: also in {first}"),
            );
            return Ok(false);
        }
        if firsts.len() == max {
            return Err(DocumentError::too_many(what, max, place));
        }
        firsts.insert(name, place);
        Ok(true)
    }
}

/// Texts of a list that are kept: one more than any list can have.
const ITEMS_MAX: usize = crate::limits::PATTERNS_PER_MODEL_MAX + 1;
