//! The section of clients.

use limiter::ClientId;

use super::{
    DocumentError, Place,
    reader::{Firsts, Key, Places, Reader},
    yaml::Value,
};
use crate::{
    clients::{CLIENTS_MAX, ClientConfig},
    drafts::{Draft, Fields},
    excerpt::Excerpt,
};

/// The clients that were read.
#[derive(Default)]
pub(super) struct ClientsRead {
    /// Those with which nothing is wrong.
    pub(super) all: Vec<ClientConfig>,
    /// Where each client stands.
    pub(super) places: Firsts<ClientId>,
}

impl ClientsRead {
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DocumentError> {
        while let Some(id) = reader.key()? {
            let node = reader.steps.node()?;
            if matches!(node.value, Value::Object) {
                self.client(reader, &id)?;
            } else {
                let (id, told) = (Excerpt::quoted(&id.text), node.value.excerpt());
                reader.errors.push(
                    node.place,
                    format_args!("client {id} must be an object with its limits, not {told}"),
                );
                reader.steps.skip(&node.value)?;
            }
        }
        Ok(())
    }

    fn client(&mut self, reader: &mut Reader<'_>, id: &Key<'_>) -> Result<(), DocumentError> {
        let mut draft = Draft { addressed_to: Some(id.text.clone().into()), ..Draft::default() };
        let mut places = Places::default();
        while let Some(key) = reader.key()? {
            let places = &mut places;
            match &*key.text {
                "client_id" => reader.field("client_id", &key, &mut draft.client_id, places)?,
                "rpm" => reader.field("rpm", &key, &mut draft.rpm, places)?,
                "tpm" => reader.field("tpm", &key, &mut draft.tpm, places)?,
                "enabled" => reader.field("enabled", &key, &mut draft.enabled, places)?,
                "min_estimate" => {
                    reader.field("min_estimate", &key, &mut draft.min_estimate, places)?;
                }
                "group" => reader.field("group", &key, &mut draft.group, places)?,
                "plan" => reader.field("plan", &key, &mut draft.plan, places)?,
                "identities" => {
                    reader.optional_list("identities", &key, &mut draft.identities, places)?;
                }
                _ => reader.unknown(Fields::Client, &key)?,
            }
        }
        match draft.validate() {
            Ok(config) => self.keep(reader, config, id.place),
            Err(errors) => {
                reader.wrong(&errors, &places, id.place);
                if let Ok(id_of_it) = ClientId::try_from(&*id.text) {
                    self.is_first(reader, id_of_it, id.place)?;
                }
                Ok(())
            }
        }
    }

    fn keep(
        &mut self,
        reader: &mut Reader<'_>,
        config: ClientConfig,
        place: Place,
    ) -> Result<(), DocumentError> {
        if self.is_first(reader, config.id.clone(), place)? {
            self.all.push(config);
        }
        Ok(())
    }

    fn is_first(
        &mut self,
        reader: &mut Reader<'_>,
        id: ClientId,
        place: Place,
    ) -> Result<bool, DocumentError> {
        reader.is_first(&mut self.places, ("client", CLIENTS_MAX), id, place)
    }
}
