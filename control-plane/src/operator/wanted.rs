//! Everything that is to be configured, at once.

use std::{collections::BTreeMap, fmt};

use crate::{
    clients::ClientConfig,
    credentials::{ClientKey, PublicPart, Token},
    document::{Document, DocumentErrors},
    drafts::Notation,
    limits::{Limit, Name, Patterns},
};

/// All clients, limits and models that there are to be, and keys and tokens where these are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The clients, each once.
    pub clients: Vec<ClientConfig>,
    /// The limits, each name once.
    pub limits: Vec<Limit>,
    /// The models.
    pub models: BTreeMap<Name, Patterns>,
    /// The keys; `None`: those that there are.
    pub keys: Option<BTreeMap<PublicPart, ClientKey>>,
    /// The tokens; `None`: those that there are.
    pub tokens: Option<BTreeMap<PublicPart, Token>>,
}

impl Wanted {
    /// Reads a document in YAML, of which JSON is a part.
    pub fn read(document: &[u8]) -> Result<Self, WrongDocument> {
        Self::read_as(document, Notation::Yaml)
    }

    /// Reads a document that is written so.
    pub fn read_as(document: &[u8], notation: Notation) -> Result<Self, WrongDocument> {
        Document::parse_as(document, notation).map(Self::from).map_err(WrongDocument)
    }
}

impl From<Document> for Wanted {
    fn from(document: Document) -> Self {
        let Document { clients, models, limits, keys, tokens } = document;
        Self { clients, limits, models: models.to_map(), keys, tokens }
    }
}

/// A document that is not put in force. Shown in one line, with the place of each error.
#[derive(Debug)]
pub struct WrongDocument(DocumentErrors);

impl std::error::Error for WrongDocument {}

impl fmt::Display for WrongDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.told().iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        match self.0.untold() {
            0 => Ok(()),
            untold => write!(f, "; and {untold} more"),
        }
    }
}
