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

impl<'a> Reader<'a> {
    pub(super) fn limits(&mut self) -> Result<(), DocumentError> {
        while let Some(Node { place, value }) = self.item()? {
            if matches!(value, Value::Object) {
                self.limit(place)?;
            } else {
                let told = value.excerpt();
                self.errors.push(place, format_args!("a limit must be an object, not {told}"));
                self.steps.skip(&value)?;
            }
        }
        Ok(())
    }

    fn limit(&mut self, place: Place) -> Result<(), DocumentError> {
        let mut draft = LimitDraft::default();
        let mut places = Places::default();
        while let Some(key) = self.key()? {
            let places = &mut places;
            match &*key.text {
                "name" => self.field("name", &key, &mut draft.name, places)?,
                "match" => self.matches(&key, &mut draft.matches, places)?,
                "each" => self.list("each", &key, &mut draft.each, places)?,
                "requests" => self.field("requests", &key, &mut draft.requests, places)?,
                "tokens" => self.field("tokens", &key, &mut draft.tokens, places)?,
                "concurrent" => self.field("concurrent", &key, &mut draft.concurrent, places)?,
                "per" => self.field("per", &key, &mut draft.per, places)?,
                "burst" => self.field("burst", &key, &mut draft.burst, places)?,
                "mode" => self.field("mode", &key, &mut draft.mode, places)?,
                "trial" => self.field("trial", &key, &mut draft.trial, places)?,
                _ => self.unknown(Fields::Limit, &key)?,
            }
        }
        let place = places.of("name", None).unwrap_or(place);
        match draft.validate() {
            Ok(limit) => self.keep_limit(limit, place, places.of("match.model", None)),
            Err(errors) => {
                self.wrong(&errors, &places, place);
                if let Given::Value(name) = &draft.name
                    && let Ok(name) = LimitName::try_from(&**name)
                {
                    self.is_first_limit(name, place);
                }
                Ok(())
            }
        }
    }

    fn matches(
        &mut self,
        key: &Key<'a>,
        given: &mut Given<MatchDraft>,
        places: &mut Places,
    ) -> Result<(), DocumentError> {
        let Some(Node { place, value }) = self.value("match", key, given)? else { return Ok(()) };
        places.add("match", None, place);
        if !matches!(value, Value::Object) {
            *given = Given::Wrong(value.excerpt());
            return self.steps.skip(&value);
        }
        let mut matches = MatchDraft::default();
        while let Some(key) = self.key()? {
            match &*key.text {
                "client" => self.field("match.client", &key, &mut matches.client, places)?,
                "group" => self.field("match.group", &key, &mut matches.group, places)?,
                "plan" => self.field("match.plan", &key, &mut matches.plan, places)?,
                "model" => self.field("match.model", &key, &mut matches.model, places)?,
                _ => self.unknown(Fields::Match, &key)?,
            }
        }
        *given = Given::Value(matches);
        Ok(())
    }

    fn keep_limit(
        &mut self,
        limit: Limit,
        place: Place,
        model: Option<Place>,
    ) -> Result<(), DocumentError> {
        if !self.is_first_limit(limit.name.clone(), place) {
            return Ok(());
        }
        if self.limits.all.len() == LIMITS_MAX {
            let text = format!("this is one limit too many: there can be {LIMITS_MAX}");
            return Err(DocumentError { place, text });
        }
        self.limits.all.push(limit);
        self.limits.models.push(model);
        Ok(())
    }

    fn is_first_limit(&mut self, name: LimitName, place: Place) -> bool {
        Self::is_first(&mut self.limits.places, &mut self.errors, "limit", name, place)
    }
}
