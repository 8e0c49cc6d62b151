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

impl<'a> Reader<'a> {
    pub(super) fn clients(&mut self) -> Result<(), DocumentError> {
        while let Some(id) = self.key()? {
            let node = self.steps.node()?;
            if matches!(node.value, Value::Object) {
                self.client(&id)?;
            } else {
                let (id, told) = (Excerpt::quoted(&id.text), node.value.excerpt());
                self.errors.push(
                    node.place,
                    format_args!("client {id} must be an object with its limits, not {told}"),
                );
                self.steps.skip(&node.value)?;
            }
        }
        Ok(())
    }

    fn client(&mut self, id: &Key<'a>) -> Result<(), DocumentError> {
        let mut draft = Draft { addressed_to: Some(id.text.clone().into()), ..Draft::default() };
        let mut places = Places::default();
        while let Some(key) = self.key()? {
            let places = &mut places;
            match &*key.text {
                "client_id" => self.field("client_id", &key, &mut draft.client_id, places)?,
                "rpm" => self.field("rpm", &key, &mut draft.rpm, places)?,
                "tpm" => self.field("tpm", &key, &mut draft.tpm, places)?,
                "enabled" => self.field("enabled", &key, &mut draft.enabled, places)?,
                "min_estimate" => {
                    self.field("min_estimate", &key, &mut draft.min_estimate, places)?;
                }
                "group" => self.field("group", &key, &mut draft.group, places)?,
                "plan" => self.field("plan", &key, &mut draft.plan, places)?,
                _ => self.unknown(Fields::Client, &key)?,
            }
        }
        match draft.validate() {
            Ok(config) => self.keep_client(config, id.place),
            Err(errors) => {
                self.wrong(&errors, &places, id.place);
                if let Ok(id_of_it) = ClientId::try_from(&*id.text) {
                    self.is_first_client(id_of_it, id.place);
                }
                Ok(())
            }
        }
    }

    fn keep_client(&mut self, config: ClientConfig, place: Place) -> Result<(), DocumentError> {
        if !self.is_first_client(config.id.clone(), place) {
            return Ok(());
        }
        if self.clients.all.len() == CLIENTS_MAX {
            let text = format!("this is one client too many: there can be {CLIENTS_MAX}");
            return Err(DocumentError { place, text });
        }
        self.clients.all.push(config);
        Ok(())
    }

    fn is_first_client(&mut self, id: ClientId, place: Place) -> bool {
        Self::is_first(&mut self.clients.places, &mut self.errors, "client", id, place)
    }
}
