//! The section of limits.

use super::{
    DocumentError, Place,
    reader::{Firsts, Key, Places, Reader},
    yaml::{Node, Value},
};
use crate::{
    drafts::{Fields, Given, LimitDraft, MatchDraft},
    limits::{LIMITS_MAX, Limit, LimitName},
};

/// The limits that were read.
#[derive(Default)]
pub(super) struct LimitsRead {
    /// Those with which nothing is wrong.
    pub(super) all: Vec<Limit>,
    /// Where each limit stands.
    pub(super) places: Firsts<LimitName>,
    /// Where each of `all` says which model it is for.
    pub(super) models: Vec<Option<Place>>,
}

impl LimitsRead {
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DocumentError> {
        while let Some(Node { place, value }) = reader.item()? {
            if matches!(value, Value::Object) {
                self.limit(reader, place)?;
            } else {
                let told = value.excerpt();
                reader.errors.push(place, format_args!("a limit must be an object, not {told}"));
                reader.steps.skip(&value)?;
            }
        }
        Ok(())
    }

    fn limit(&mut self, reader: &mut Reader<'_>, place: Place) -> Result<(), DocumentError> {
        let mut draft = LimitDraft::default();
        let mut places = Places::default();
        while let Some(key) = reader.key()? {
            let places = &mut places;
            match &*key.text {
                "name" => reader.field("name", &key, &mut draft.name, places)?,
                "match" => matches(reader, &key, &mut draft.matches, places)?,
                "each" => reader.list("each", &key, &mut draft.each, places)?,
                "requests" => reader.field("requests", &key, &mut draft.requests, places)?,
                "tokens" => reader.field("tokens", &key, &mut draft.tokens, places)?,
                "concurrent" => reader.field("concurrent", &key, &mut draft.concurrent, places)?,
                "per" => reader.field("per", &key, &mut draft.per, places)?,
                "burst" => reader.field("burst", &key, &mut draft.burst, places)?,
                "mode" => reader.field("mode", &key, &mut draft.mode, places)?,
                "trial" => reader.field("trial", &key, &mut draft.trial, places)?,
                _ => reader.unknown(Fields::Limit, &key)?,
            }
        }
        let place = places.of("name", None).unwrap_or(place);
        match draft.validate() {
            Ok(limit) => {
                let model = places.of("match.model", None);
                self.keep(reader, limit, place, model)
            }
            Err(errors) => {
                reader.wrong(&errors, &places, place);
                if let Given::Value(name) = &draft.name
                    && let Ok(name) = LimitName::try_from(&**name)
                {
                    self.is_first(reader, name, place)?;
                }
                Ok(())
            }
        }
    }

    fn keep(
        &mut self,
        reader: &mut Reader<'_>,
        limit: Limit,
        place: Place,
        model: Option<Place>,
    ) -> Result<(), DocumentError> {
        if self.is_first(reader, limit.name.clone(), place)? {
            self.all.push(limit);
            self.models.push(model);
        }
        Ok(())
    }

    fn is_first(
        &mut self,
        reader: &mut Reader<'_>,
        name: LimitName,
        place: Place,
    ) -> Result<bool, DocumentError> {
        reader.is_first(&mut self.places, ("limit", LIMITS_MAX), name, place)
    }
}

fn matches<'a>(
    reader: &mut Reader<'a>,
    key: &Key<'a>,
    given: &mut Given<MatchDraft>,
    places: &mut Places,
) -> Result<(), DocumentError> {
    let Some(Node { place, value }) = reader.value("match", key, given)? else { return Ok(()) };
    places.add("match", None, place);
    if !matches!(value, Value::Object) {
        *given = Given::Wrong(value.excerpt());
        return reader.steps.skip(&value);
    }
    let mut matches = MatchDraft::default();
    while let Some(key) = reader.key()? {
        match &*key.text {
            "client" => reader.field("match.client", &key, &mut matches.client, places)?,
            "group" => reader.field("match.group", &key, &mut matches.group, places)?,
            "plan" => reader.field("match.plan", &key, &mut matches.plan, places)?,
            "model" => reader.field("match.model", &key, &mut matches.model, places)?,
            _ => reader.unknown(Fields::Match, &key)?,
        }
    }
    *given = Given::Value(matches);
    Ok(())
}
