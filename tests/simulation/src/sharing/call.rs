//! A call of the script that decides, read once more by what its comments say.

use std::vec;

use rmpv::{Value, decode::read_value};

use crate::redis::{Call, Reply};

/// What is known of a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) epoch: u64,
    pub(super) revision: u64,
    pub(super) since: u64,
    pub(super) amount: i128,
    pub(super) burst: i128,
    pub(super) window: i128,
}

/// How a bucket stands, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) epoch: u64,
    pub(super) revision: u64,
    pub(super) at: u64,
    pub(super) amount: i128,
    pub(super) burst: i128,
    pub(super) window: i128,
    /// In parts of a token, of which it has as many as its window has milliseconds.
    pub(super) parts: i128,
}

/// A bucket that a call touches.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    pub(super) key: Vec<u8>,
    pub(super) told: Told,
    pub(super) seen: Option<Stored>,
    /// How it was found, and how it is then; `None`: it was not there.
    pub(super) before: Option<Stored>,
    pub(super) after: Stored,
}

/// How many places a worker says that it holds.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) place: usize,
    pub(super) worker: Vec<u8>,
    pub(super) number: u64,
    pub(super) held: u64,
    pub(super) is_news: bool,
}

/// Places, of so many.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) key: Vec<u8>,
    pub(super) max: u64,
    /// How many were taken before the operations.
    pub(super) taken: u64,
}

/// What a request asks of one limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// The bucket, or the word that is about places.
    pub(super) of: Of,
    pub(super) cost: i128,
    pub(super) is_watched: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Bucket(usize),
    Word(usize),
}

/// What becomes of one charge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Correction {
    pub(super) is_further: bool,
    pub(super) bucket: usize,
    pub(super) tokens: i128,
    pub(super) epoch: u64,
    pub(super) revision: u64,
    pub(super) burst: i128,
}

/// What is done.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// On which of its worker's streams.
    Decide {
        request: Request,
        stream: u64,
        demands: Vec<Demand>,
    },
    End {
        request: Request,
        corrections: Vec<Correction>,
    },
    Charge {
        bucket: usize,
        tokens: i128,
    },
}

/// A request, by its worker and its number.
pub(super) type Request = (u128, u32);

/// Whether an operation took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) effect: u8,
    /// Which demands were charged, a bit each.
    pub(super) charged: u16,
}

pub(super) const REFUSED: u8 = 0;
pub(super) const DONE: u8 = 1;
pub(super) const DONE_BEFORE: u8 = 2;
pub(super) const GONE: u8 = 3;

/// All of a call.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) now: u64,
    pub(super) buckets: Vec<Touched>,
    pub(super) places: Vec<Place>,
    pub(super) words: Vec<Word>,
    pub(super) operations: Vec<(Operation, Verdict)>,
}

const VALUE_LEN: usize = 65;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().expect("two bytes"))
    }

    #[expect(clippy::cast_possible_truncation, reason = "what crosses is whole")]
    fn number(&mut self) -> i128 {
        let number = f64::from_le_bytes(self.take(8).try_into().expect("eight bytes"));
        assert!(number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0, "{number}");
        number as i128
    }

    fn u64(&mut self) -> u64 {
        u64::try_from(self.number()).expect("not below 0")
    }

    fn stored(&mut self) -> Option<Stored> {
        if self.u8() == 0 {
            self.take(VALUE_LEN - 1);
            return None;
        }
        let (epoch, revision, at) = (self.u64(), self.u64(), self.u64());
        let (amount, burst, window) = (self.number(), self.number(), self.number());
        let (whole, rest) = (self.number(), self.number());
        assert!((0..window).contains(&rest), "a rest is below a token");
        let parts = whole * window + rest;
        Some(Stored { epoch, revision, at, amount, burst, window, parts })
    }
}

/// What the script is told: one list.
struct Body(vec::IntoIter<Value>);

impl Body {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        match read_value(&mut bytes).ok()? {
            Value::Array(list) => Some(Self(list.into_iter())),
            _ => None,
        }
    }

    fn next(&mut self) -> Value {
        self.0.next().expect("a list that goes on")
    }

    fn u64(&mut self) -> u64 {
        let number = self.next().as_u64().expect("a number that is not below 0");
        assert!(number < 1 << 53, "{number}");
        number
    }

    fn number(&mut self) -> i128 {
        self.u64().into()
    }

    fn len(&mut self) -> usize {
        usize::try_from(self.u64()).expect("a length")
    }

    /// Lists are counted from 1.
    fn index(&mut self) -> usize {
        self.len().checked_sub(1).expect("an index")
    }

    fn bytes(&mut self) -> Vec<u8> {
        let Value::String(text) = self.next() else { panic!("a text") };
        text.into_bytes()
    }

    fn seen(&mut self) -> Option<Stored> {
        match self.next() {
            Value::String(text) => Reader(text.as_bytes()).stored(),
            _ => None,
        }
    }
}

/// A worker whose requests begin or end.
struct Worker {
    stream: u64,
    requests: Vec<Request>,
}

impl Decided {
    /// Reads a call of that script; `None`: it is another's, or was refused.
    pub(super) fn read(call: &Call) -> Option<Self> {
        let [_, body] = call.arguments.as_slice() else { return None };
        let Reply::List(parts) = &call.reply else { return None };
        let [
            Reply::Integer(now),
            Reply::Bulk(verdicts),
            Reply::Bulk(before),
            Reply::Bulk(after),
            Reply::Bulk(taken),
            Reply::Bulk(news),
        ] = parts.as_slice()
        else {
            return None;
        };
        let mut body = Body::read(body)?;
        let counts: [usize; 5] = std::array::from_fn(|_| body.len());
        let [buckets, places, workers, words, operations] = counts;
        let (mut before, mut after) = (Reader(before), Reader(after));
        let mut keys = call.keys.iter();
        let buckets: Vec<_> = (0..buckets)
            .map(|_| {
                let (epoch, revision, since) = (body.u64(), body.u64(), body.u64());
                let (amount, burst, window) = (body.number(), body.number(), body.number());
                let told = Told { epoch, revision, since, amount, burst, window };
                let seen = body.seen();
                let (before, after) = (before.stored(), after.stored());
                let after = after.expect("each bucket is there after a call");
                let key = keys.next().expect("each has a key").clone();
                Touched { key, told, seen, before, after }
            })
            .collect();
        let mut taken = Reader(taken);
        let places: Vec<_> = (0..places)
            .map(|_| {
                let key = keys.next().expect("each has a key").clone();
                Place { key, max: body.u64(), taken: taken.u64() }
            })
            .collect();
        let words = (0..words)
            .map(|index| {
                let place = body.index();
                let (number, held) = (body.u64(), body.u64());
                let worker = body.bytes();
                Word { place, worker, number, held, is_news: news[index] == 1 }
            })
            .collect();
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                let of = worker_of(keys.next().expect("each has a key"));
                let (stream, count) = (body.u64(), body.len());
                let requests = (0..count).map(|_| {
                    let id = String::from_utf8(body.bytes()).ok().and_then(|id| id.parse().ok());
                    (of, id.expect("a number"))
                });
                Worker { stream, requests: requests.collect() }
            })
            .collect();
        let mut verdicts = Reader(verdicts);
        let operations = (0..operations)
            .map(|_| {
                let operation = operation(&mut body, &workers);
                let (effect, charged) = (verdicts.u8(), verdicts.u16());
                (operation, Verdict { effect, charged })
            })
            .collect();
        let now = u64::try_from(*now).ok()?;
        Some(Self { now, buckets, places, words, operations })
    }
}

/// The worker of open requests; 0: those of a probe.
pub(super) fn worker_of(key: &[u8]) -> u128 {
    let name = key.split_at_checked(key.len().saturating_sub(16));
    let name = name.filter(|(before, _)| before.ends_with(b"w:"));
    name.map_or(0, |(_, name)| u128::from_be_bytes(name.try_into().expect("sixteen bytes")))
}

fn operation(body: &mut Body, workers: &[Worker]) -> Operation {
    match body.u64() {
        1 => {
            let count = body.len();
            let demands = (0..count).map(|_| {
                let (kind, index) = (body.u64(), body.index());
                let of = if kind < 2 { Of::Bucket(index) } else { Of::Word(index) };
                Demand { of, cost: body.number(), is_watched: kind % 2 == 1 }
            });
            let demands = demands.collect();
            let worker = &workers[body.index()];
            let request = worker.requests[body.index()];
            // What is remembered of it.
            body.bytes();
            Operation::Decide { request, stream: worker.stream, demands }
        }
        2 => {
            let worker = &workers[body.index()];
            let request = worker.requests[body.index()];
            let count = body.len();
            let corrections = (0..count).map(|_| Correction {
                is_further: body.u64() == 1,
                bucket: body.index(),
                tokens: body.number(),
                epoch: body.u64(),
                revision: body.u64(),
                burst: body.number(),
            });
            let corrections = corrections.collect();
            Operation::End { request, corrections }
        }
        _ => {
            let (bucket, tokens) = (body.index(), body.number());
            Operation::Charge { bucket, tokens }
        }
    }
}
