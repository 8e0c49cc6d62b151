//! From what an operator gave to what a limit matches.

use limiter::{ClientId, InvalidClientId};

use super::{Allowed, FieldErrors, Given, judge};
use crate::limits::{Group, InvalidGroup, InvalidName, Match, ModelName, Name};

/// What a limit matches, before anybody has judged it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchDraft {
    /// One client, or `unknown`.
    pub client: Given<String>,
    /// Everybody in this group and beneath it.
    pub group: Given<String>,
    /// Everybody on this plan.
    pub plan: Given<String>,
    /// Requests for this model, or for `other`.
    pub model: Given<String>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

impl MatchDraft {
    /// What is judged of it; what is wrong with the rest is among `errors`.
    pub(super) fn judged(&self, errors: &mut FieldErrors) -> Match {
        let client = |text: &str| match ClientId::try_from(text) {
            Ok(id) if id.as_str() == ClientId::OTHER => Err(InvalidClientId),
            id => id,
        };
        let model = |text: &str| match text {
            ClientId::OTHER => Ok(ModelName::Other),
            name => Name::try_from(name).map(ModelName::Named),
        };
        let clients = Allowed::Client(InvalidClientId);
        let (groups, plans) = (InvalidGroup.into(), InvalidName.into());
        let matches = Match {
            client: errors
                .keep(judge::optional("match.client", &self.client, clients, client))
                .flatten(),
            group: errors
                .keep(judge::optional("match.group", &self.group, groups, |text| {
                    Group::try_from(text)
                }))
                .flatten(),
            plan: errors
                .keep(judge::optional("match.plan", &self.plan, plans, |text| Name::try_from(text)))
                .flatten(),
            model: errors
                .keep(judge::optional("match.model", &self.model, Allowed::Model, model))
                .flatten(),
        };
        errors.append(&self.errors);
        matches
    }
}
