//! The section of models.

use std::collections::BTreeMap;

use super::{
    DocumentError, Place,
    reader::{Firsts, Key, Places, Reader},
    yaml::Node,
};
use crate::{
    drafts::{FieldError, ModelDraft},
    excerpt::Excerpt,
    limits::{MODELS_MAX, Name, PATTERNS_MAX, Patterns},
};

/// The models that were read.
#[derive(Default)]
pub(super) struct ModelsRead {
    /// Those with which nothing is wrong.
    pub(super) all: BTreeMap<Name, Patterns>,
    /// Where each model stands, also one that is wrong.
    pub(super) places: Firsts<Name>,
    /// Where their patterns stand.
    pub(super) patterns: BTreeMap<Name, Places>,
    /// How many patterns they have.
    count: usize,
}

/// What a model's list is called where its drafts are judged.
pub(super) const PATTERNS: &str = "patterns";

impl ModelsRead {
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DocumentError> {
        while let Some(name) = reader.key()? {
            let node = reader.steps.node()?;
            self.model(reader, &name, &node)?;
        }
        Ok(())
    }

    fn model<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        key: &Key<'a>,
        node: &Node<'a>,
    ) -> Result<(), DocumentError> {
        let mut places = Places::default();
        let patterns = reader.texts(PATTERNS, node, &mut places)?;
        let addressed_to = Some(key.text.clone().into());
        let draft = ModelDraft { addressed_to, patterns, ..ModelDraft::default() };
        match draft.validate() {
            Ok((name, patterns)) => self.keep(reader, name, patterns, places, key.place),
            Err(errors) => {
                for error in errors.told() {
                    match error {
                        // There is no field of this name here.
                        FieldError::Value { field: PATTERNS, allowed, value } => {
                            let model = Excerpt::quoted(&key.text);
                            let text = format_args!("model {model} {allowed}, not {value}");
                            reader.errors.push(node.place, text);
                        }
                        FieldError::Item { field: PATTERNS, item, allowed, value } => {
                            let place = places.of(PATTERNS, Some(*item)).unwrap_or(node.place);
                            let text = format_args!("a pattern {allowed}, not {value}");
                            reader.errors.push(place, text);
                        }
                        error => {
                            let of = |field| places.of(field, error.item());
                            let place = error.field().and_then(of).unwrap_or(key.place);
                            reader.errors.push(place, error);
                        }
                    }
                }
                if let Ok(name) = Name::try_from(&*key.text) {
                    self.is_first(reader, name, key.place)?;
                }
                Ok(())
            }
        }
    }

    fn keep(
        &mut self,
        reader: &mut Reader<'_>,
        name: Name,
        patterns: Patterns,
        places: Places,
        place: Place,
    ) -> Result<(), DocumentError> {
        if !self.is_first(reader, name.clone(), place)? {
            return Ok(());
        }
        self.count += patterns.as_slice().len();
        if self.count > PATTERNS_MAX {
            return Err(DocumentError::too_many("pattern", PATTERNS_MAX, place));
        }
        self.patterns.insert(name.clone(), places);
        self.all.insert(name, patterns);
        Ok(())
    }

    fn is_first(
        &mut self,
        reader: &mut Reader<'_>,
        name: Name,
        place: Place,
    ) -> Result<bool, DocumentError> {
        reader.is_first(&mut self.places, ("model", MODELS_MAX), name, place)
    }
}
