//! What the script answers.

use limiter::UnixMillis;
use thiserror::Error;

use super::{Batch, Exact, UnreadableValue, VALUE_LEN, Value, WordIndex, batch::find};

/// The parts of an answer, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawReply {
    /// The time, in milliseconds.
    pub now: i64,
    /// What became of each operation: a byte, and the demands that were charged as two bytes.
    pub verdicts: Vec<u8>,
    /// The buckets as they were found, zeros for one that was not there.
    pub before: Vec<u8>,
    /// The buckets as they are now.
    pub after: Vec<u8>,
    /// How many places were taken before the operations: a double for each bucket of them.
    pub taken: Vec<u8>,
    /// A byte for each word: whether it was later than all that was heard of its worker.
    pub news: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The store's time, at which all of it happened.
    pub now: UnixMillis,
    /// What became of each operation.
    pub verdicts: Vec<Verdict>,
    /// The buckets as they were found.
    pub before: Vec<Option<Value>>,
    /// The buckets as they are now.
    pub after: Vec<Value>,
    /// How many places were taken in each bucket of them, before the operations.
    pub taken: Vec<u64>,
    /// For each word whether it was later than all that was heard of its worker.
    pub news: Vec<bool>,
}

/// What became of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request was refused, and nothing was charged.
    Refused,
    /// It took effect.
    Done {
        /// Which demands of the request were charged: a bit for each, the first one's the least.
        charged: u16,
    },
    /// It had taken effect before, so that nothing happened: the request is open already, or it is
    /// not open any more.
    DoneBefore,
    /// Its worker has come back on a later stream, on which it asks again: nothing happened.
    Gone,
}

/// An answer that is none to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// The server's clock is before 1970, or tells no time at all.
    #[error("the store's time is {0} ms")]
    Time(i64),
    /// Some part is longer or shorter than what was asked.
    #[error("{what} of {len} bytes, where {expected} were expected")]
    Length {
        /// The part.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The length that fits what was asked.
        expected: usize,
    },
    /// A byte that says nothing.
    #[error("a verdict must be 0 to 3, and is {0}")]
    Verdict(u8),
    /// A number of places that is none.
    #[error("a number of places is none")]
    Taken,
    /// A bucket that is none.
    #[error(transparent)]
    Value(#[from] UnreadableValue),
}

impl Reply {
    /// Reads an answer to `batch`, which may be any bytes.
    pub fn read(raw: &RawReply, batch: &Batch) -> Result<Self, ReplyError> {
        let time = u64::try_from(raw.now).ok().filter(|now| Exact::try_from(*now).is_ok());
        let now = UnixMillis(time.ok_or(ReplyError::Time(raw.now))?);
        let verdicts = parts::<3>("verdicts", &raw.verdicts, batch.operations.len())?;
        let before = parts::<VALUE_LEN>("buckets before", &raw.before, batch.buckets.len())?;
        let after = parts::<VALUE_LEN>("buckets after", &raw.after, batch.buckets.len())?;
        let taken = parts::<8>("places", &raw.taken, batch.places.len())?;
        let news = parts::<1>("words", &raw.news, batch.words.len())?;
        Ok(Self {
            now,
            verdicts: verdicts.iter().copied().map(Verdict::read).collect::<Result<_, _>>()?,
            before: before.iter().map(read_before).collect::<Result<_, _>>()?,
            after: after
                .iter()
                .map(|value| value.as_slice().try_into())
                .collect::<Result<_, _>>()?,
            taken: taken.iter().copied().map(read_taken).collect::<Result<_, _>>()?,
            news: news.iter().map(|[is_news]| *is_news != 0).collect(),
        })
    }
}

impl Reply {
    /// Whether a word was later than all that was heard of its worker.
    pub(super) fn is_news(&self, word: WordIndex) -> bool {
        find(&self.news, word.0).is_some_and(|is_news| *is_news)
    }
}

impl Verdict {
    fn read([verdict, charged @ ..]: [u8; 3]) -> Result<Self, ReplyError> {
        match verdict {
            0 => Ok(Self::Refused),
            1 => Ok(Self::Done { charged: u16::from_le_bytes(charged) }),
            2 => Ok(Self::DoneBefore),
            3 => Ok(Self::Gone),
            other => Err(ReplyError::Verdict(other)),
        }
    }
}

fn read_before(value: &[u8; VALUE_LEN]) -> Result<Option<Value>, ReplyError> {
    if *value == [0; VALUE_LEN] { Ok(None) } else { Ok(Some(value.as_slice().try_into()?)) }
}

fn read_taken(taken: [u8; 8]) -> Result<u64, ReplyError> {
    let taken = Exact::of_double(f64::from_le_bytes(taken)).map_err(|_| ReplyError::Taken)?;
    Ok(taken.get())
}

/// Cuts a part of an answer into as many pieces as were asked for.
fn parts<'a, const N: usize>(
    what: &'static str,
    bytes: &'a [u8],
    count: usize,
) -> Result<&'a [[u8; N]], ReplyError> {
    match bytes.as_chunks::<N>() {
        (parts, []) if parts.len() == count => Ok(parts),
        _ => Err(ReplyError::Length { what, len: bytes.len(), expected: count * N }),
    }
}
