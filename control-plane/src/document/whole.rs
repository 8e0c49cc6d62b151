//! What is wrong with a document as a whole, though each part of it is right.

use std::collections::{BTreeMap, HashMap, btree_map::Entry};

use foldhash::fast::RandomState;
use limiter::{ClientId, Dimension};

use super::{Document, DocumentErrors, Place, models::PATTERNS, sections::Sections};
use crate::{
    clients::Identity,
    counted::counted,
    credentials::KEYS_A_CLIENT_MAX,
    excerpt::Excerpt,
    limits::{BucketCount, InvalidModels, ModelName, Models, Subject, TiedPattern, TooManyBuckets},
};

/// Clients that have too many buckets of the same limits.
struct Alike {
    first: TooManyBuckets,
    place: Place,
    others: usize,
}

/// By which such clients are alike: the model's name and those of the limits.
type Why = (ModelName, Vec<String>);

impl Sections {
    /// The document, or all that is wrong with it, by place, with the `errors` that were found before.
    pub(super) fn judge(mut self, mut errors: DocumentErrors) -> Result<Document, DocumentErrors> {
        self.check_references(&mut errors);
        self.check_identities(&mut errors);
        self.check_keys(&mut errors);
        self.check_buckets(&mut errors);
        let models = self.compile_models(&mut errors);
        if errors.is_empty() {
            let (clients, limits) = (self.clients.all, self.limits.all);
            let (keys, tokens) = (self.keys.all, self.tokens.all);
            return Ok(Document { clients, models, limits, keys, tokens });
        }
        errors.sort();
        Err(errors)
    }

    /// What a limit names is there. A model that is there and wrong is told of as that.
    fn check_references(&self, errors: &mut DocumentErrors) {
        for (limit, place) in self.limits.all.iter().zip(&self.limits.models) {
            let (Some(ModelName::Named(name)), Some(place)) = (&limit.matches.model, place) else {
                continue;
            };
            if !self.models.places.contains_key(name) {
                let name = Excerpt::quoted(name.as_str());
                let text = format_args!("match.model must be in the section models, not {name}");
                errors.push(*place, text);
            }
        }
    }

    /// An identity is one client's.
    fn check_identities(&self, errors: &mut DocumentErrors) {
        let mut owners: HashMap<&Identity, &ClientId, RandomState> = HashMap::default();
        for client in &self.clients.all {
            for identity in client.identities.as_slice() {
                let Some(owner) = owners.insert(identity, &client.id) else { continue };
                let place = self.clients.places.get(&client.id).copied();
                let place = place.unwrap_or(Place { line: 1, column: 1 });
                let told = Excerpt::quoted(identity.as_str());
                errors.push(place, format_args!("the identity {told} is client {owner}'s as well"));
            }
        }
    }

    /// A client has no more keys than it can have.
    fn check_keys(&self, errors: &mut DocumentErrors) {
        let mut counts: HashMap<&ClientId, usize, RandomState> = HashMap::default();
        for key in self.keys.all.iter().flat_map(BTreeMap::values) {
            let count = counts.entry(&key.client).or_default();
            *count += 1;
            if *count == KEYS_A_CLIENT_MAX + 1 {
                let place = self.keys.places.get(&key.public).copied();
                let place = place.unwrap_or(Place { line: 1, column: 1 });
                let client = &key.client;
                let text =
                    format_args!("client {client} can have {KEYS_A_CLIENT_MAX} keys, and no more");
                errors.push(place, text);
            }
        }
    }

    /// Counts for each client, and for those that are not configured, which may have two limits of
    /// their own as well.
    fn check_buckets(&self, errors: &mut DocumentErrors) {
        let mut count = BucketCount::of(&self.limits.all);
        let mut alike: BTreeMap<Why, Alike> = BTreeMap::new();
        let mut note = |refused: Result<(), TooManyBuckets>, place: Place| {
            let Err(first) = refused else { return };
            let names = first.limits.iter().map(|limit| limit.as_str().to_owned()).collect();
            match alike.entry((first.model.clone(), names)) {
                Entry::Vacant(entry) => {
                    entry.insert(Alike { first, place, others: 0 });
                }
                Entry::Occupied(mut entry) => entry.get_mut().others += 1,
            }
        };
        for client in &self.clients.all {
            let place = self.clients.places.get(&client.id).copied();
            let place = place.unwrap_or(Place { line: 1, column: 1 });
            note(count.check(&client.subject(), client.own_limits()), place);
        }
        let unknown = ClientId::unknown();
        let subject = Subject { client: &unknown, group: None, plan: None };
        let last = self.limits.all.last().and_then(|last| self.limits.places.get(&last.name));
        if let Some(last) = last {
            note(count.check(&subject, &[Dimension::Rpm, Dimension::Tpm]), *last);
        }
        for Alike { first, place, others } in alike.into_values() {
            match others {
                0 => errors.push(place, first),
                others => {
                    let others = counted(others, "client");
                    errors.push(place, format_args!("{first}; so would {others} more"));
                }
            }
        }
    }

    fn compile_models(&mut self, errors: &mut DocumentErrors) -> Models {
        match Models::new(std::mem::take(&mut self.models.all)) {
            Ok(models) => models,
            Err(InvalidModels::Ties(ties)) => {
                for tie in ties {
                    errors.push(self.place_of(&tie.second), &tie);
                }
                Models::default()
            }
            // Both were counted as they were read.
            Err(
                error @ (InvalidModels::TooMany { .. } | InvalidModels::TooManyPatterns { .. }),
            ) => {
                errors.push(Place { line: 1, column: 1 }, error);
                Models::default()
            }
        }
    }

    fn place_of(&self, tied: &TiedPattern) -> Place {
        let places = self.models.patterns.get(&tied.model);
        let place = places.and_then(|places| places.of(PATTERNS, Some(tied.item)));
        place.unwrap_or(Place { line: 1, column: 1 })
    }
}
