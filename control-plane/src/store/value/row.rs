//! One row of a table: what an edit comes down to.

use super::{client, key, limit, model, token};
use crate::{
    clients::{ClientConfig, Revision},
    credentials::{ClientKey, Token},
    limits::{Limit, Name, Patterns},
    store::Edit,
};

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Client,
    Limit,
    Model,
    Key,
    Token,
}

/// A row as it is to be.
#[derive(Debug)]
pub(in crate::store) struct Row {
    pub(in crate::store) kind: Kind,
    pub(in crate::store) key: Vec<u8>,
    /// `None`: there is to be none.
    pub(in crate::store) value: Option<Vec<u8>>,
}

impl Row {
    /// The row that `edit` is about, in the write of this revision.
    pub(in crate::store) fn of(edit: &Edit, revision: Revision) -> Self {
        match edit {
            Edit::PutClient(config) => Self::of_client(config, revision),
            Edit::RemoveClient(id) => Self::none(Kind::Client, id.as_str()),
            Edit::PutLimit(limit) => Self::of_limit(limit, revision),
            Edit::RemoveLimit(name) => Self::none(Kind::Limit, name.as_str()),
            Edit::PutModel(name, patterns) => Self::of_model(name, patterns, revision),
            Edit::RemoveModel(name) => Self::none(Kind::Model, name.as_str()),
            Edit::PutKey(key) => Self::of_key(key, revision),
            Edit::RemoveKey { client, public } => {
                Self { kind: Kind::Key, key: key::name(client, *public), value: None }
            }
            Edit::PutToken(token) => Self::of_token(token, revision),
            Edit::RemoveToken(public) => Self::none(Kind::Token, public.as_str()),
        }
    }

    pub(in crate::store) fn of_client(config: &ClientConfig, revision: Revision) -> Self {
        let value = client::encode(config, revision);
        Self { value: Some(value), ..Self::none(Kind::Client, config.id.as_str()) }
    }

    pub(in crate::store) fn of_limit(limit: &Limit, revision: Revision) -> Self {
        let value = limit::encode(limit, revision);
        Self { value: Some(value), ..Self::none(Kind::Limit, limit.name.as_str()) }
    }

    pub(in crate::store) fn of_model(name: &Name, patterns: &Patterns, revision: Revision) -> Self {
        let value = model::encode(patterns, revision);
        Self { value: Some(value), ..Self::none(Kind::Model, name.as_str()) }
    }

    pub(in crate::store) fn of_key(of: &ClientKey, revision: Revision) -> Self {
        let value = Some(key::encode(of, revision));
        Self { kind: Kind::Key, key: key::name(&of.client, of.public), value }
    }

    pub(in crate::store) fn of_token(token: &Token, revision: Revision) -> Self {
        let value = token::encode(token, revision);
        Self { value: Some(value), ..Self::none(Kind::Token, token.public.as_str()) }
    }

    fn none(kind: Kind, name: &str) -> Self {
        Self { kind, key: name.as_bytes().to_vec(), value: None }
    }
}
