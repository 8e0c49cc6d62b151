//! A whole configuration as somebody sent it: a text in one of two notations.

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// YAML, of which JSON is a part. A text needs no quotation marks, whatever it looks like.
    Yaml,
    /// JSON, in which a number or a word is no text.
    Json,
}

/// A document that nobody has read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentDocument {
    /// Its bytes.
    pub text: Vec<u8>,
    /// As what they are to be read.
    pub notation: Notation,
}
