//! What is configured, as bytes.
//!
//! Everything has a key, which is its name (of a client's key its public part and the client), and a
//! value: a byte that says the format, a byte of
//! flags, eight bytes of the revision, and what the flags say that is there. Numbers have their
//! lowest byte first, texts their length before them in two. What is in no format is refused, so that
//! nothing is ever read half.

mod client;
mod credential;
mod key;
mod limit;
mod model;
mod row;
mod token;
mod value_reader;
mod value_writer;

pub(super) use row::{Kind, Row};

pub(super) use client::decode as client;
pub(super) use key::{decode as key, name as key_name, of_name as of_key_name};
pub(super) use limit::decode as limit;
pub(super) use model::decode as model;
pub(super) use token::decode as token;
use value_reader::ValueReader;
use value_writer::ValueWriter;

/// The format that is written. In the first there were clients alone, without group and plan; in the
/// second neither identities of clients nor keys and tokens.
pub(super) const FORMAT: u8 = 3;
