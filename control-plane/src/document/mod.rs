//! A whole configuration as one document, in YAML or JSON: from its text to configurations, or to
//! everything that is wrong with it, by line and column. It is judged by itself.

mod clients;
mod credentials;
mod error;
mod limits;
mod models;
mod reader;
mod scalar;
mod sections;
mod whole;
mod yaml;

use std::collections::BTreeMap;

use crate::{
    clients::ClientConfig,
    credentials::{ClientKey, PublicPart, Token},
    drafts::Notation,
    limits::{Limit, Models},
};
pub use error::{DocumentError, DocumentErrors, Place};
use reader::Reader;
use sections::Sections;

/// How much of a document is read: a million clients with two limits each take two thirds of it.
pub const BYTES_MAX: u32 = 64 << 20;

/// What a document says, all of which is allowed, also together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The clients, in the document's order and each once.
    pub clients: Vec<ClientConfig>,
    /// The models.
    pub models: Models,
    /// The limits, in the document's order and each once.
    pub limits: Vec<Limit>,
    /// The keys; `None`: it says nothing of them.
    pub keys: Option<BTreeMap<PublicPart, ClientKey>>,
    /// The tokens; `None`: it says nothing of them.
    pub tokens: Option<BTreeMap<PublicPart, Token>>,
}

impl Document {
    /// Reads a document in YAML, of which JSON is a part.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentErrors> {
        Self::parse_as(bytes, Notation::Yaml)
    }

    /// Reads a document that is written so. Whether it is JSON beyond that is not looked at.
    pub fn parse_as(bytes: &[u8], notation: Notation) -> Result<Self, DocumentErrors> {
        let text = str::from_utf8(bytes).map_err(|error| no_text(bytes, error.valid_up_to()))?;
        let mut reader = Reader::of(text, notation);
        let mut sections = Sections::default();
        // Behind an error of the notation nothing can be read, but what was read is told.
        if let Err(error) = sections.read(&mut reader) {
            reader.errors.add(error);
        }
        sections.judge(reader.errors)
    }
}

fn no_text(bytes: &[u8], valid: usize) -> DocumentErrors {
    let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    DocumentError { place: Place { line, column }, text: "this is not UTF-8".to_owned() }.into()
}
