//! What a line can say.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    counted::counted,
    store::state::{BucketRecord, LearnedRecord, LimitTalliesRecord, TalliesRecord},
};

/// The format that is written. In the first there were neither limits nor models, nor a client's group
/// and plan, and in the second neither keys nor tokens, nor a client's identities; both are read as well.
pub const FORMAT: u32 = 3;

/// A line. Its records are those of the files, without those of requests under way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line<'a> {
    /// The first one.
    Flowguard(Header),
    /// A client's configuration, as the REST API writes it; it is judged by whoever reads it.
    Client(#[serde(borrow)] &'a RawValue),
    /// A limit, as the REST API writes it.
    Limit(#[serde(borrow)] &'a RawValue),
    /// A model: its name and its patterns.
    Model(#[serde(borrow)] &'a RawValue),
    /// What is kept of a token.
    Token(#[serde(borrow)] &'a RawValue),
    /// What is kept of a client's key.
    Key(#[serde(borrow)] &'a RawValue),
    /// What is left of a limit.
    Bucket(#[serde(borrow)] BucketRecord<'a>),
    /// What a client's requests came to.
    Tallies(#[serde(borrow)] TalliesRecord<'a>),
    /// What a client's requests usually use.
    Learned(#[serde(borrow)] LearnedRecord<'a>),
    /// How often limits beside its own two refused a client.
    LimitTallies(#[serde(borrow)] LimitTalliesRecord<'a>),
    /// The last one.
    End(Counts),
}

/// What the document is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The format of the lines that follow.
    pub format: u32,
    /// The version that wrote it.
    pub version: String,
    /// When it was begun, in milliseconds since 1970; of a folder, when its last word was written.
    pub at: u64,
}

/// How much there is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Lines with a client.
    pub clients: u64,
    /// Lines with a record.
    pub records: u64,
    /// Lines with a limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub limits: u64,
    /// Lines with a model.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub models: u64,
    /// Lines with a key.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keys: u64,
    /// Lines with a token.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, records, limits, models, keys, tokens } = *self;
        write!(f, "{}, {}", counted(clients, "client"), counted(records, "record"))?;
        for (count, noun) in
            [(limits, "limit"), (models, "model"), (keys, "key"), (tokens, "token")]
        {
            if count > 0 {
                write!(f, ", {}", counted(count, noun))?;
            }
        }
        Ok(())
    }
}

/// The first line of any format, of which no more is known than that.
#[derive(Debug, Deserialize)]
pub struct FirstLine {
    flowguard: AnyHeader,
}

#[derive(Debug, Deserialize)]
struct AnyHeader {
    format: u64,
}

impl FirstLine {
    /// The format of the document; `None`: this is no first line.
    pub fn format(line: &[u8]) -> Option<u64> {
        serde_json::from_slice(line).ok().map(|first: Self| first.flowguard.format)
    }
}
