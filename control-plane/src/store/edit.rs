//! What a write changes.

use limiter::ClientId;

use crate::{
    clients::ClientConfig,
    credentials::{ClientKey, PublicPart, Token},
    limits::{Limit, LimitName, Name, Patterns},
};

/// One object that is stored, new or not, or forgotten, which need not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// This client has this configuration.
    PutClient(ClientConfig),
    /// There is no such client.
    RemoveClient(ClientId),
    /// There is this limit.
    PutLimit(Limit),
    /// There is no such limit.
    RemoveLimit(LimitName),
    /// There is this model, of which these names are.
    PutModel(Name, Patterns),
    /// There is no such model.
    RemoveModel(Name),
    /// A client has this key.
    PutKey(ClientKey),
    /// A client has no such key.
    RemoveKey {
        /// Whose it would be.
        client: ClientId,
        /// What names it.
        public: PublicPart,
    },
    /// There is this token.
    PutToken(Token),
    /// There is no such token.
    RemoveToken(PublicPart),
}
