//! The law as it is written, without anything that makes it fast: each request looks at every limit.

mod applies;
mod requests;
mod standing;
mod stock;
mod writes;

use std::collections::BTreeMap;

use super::{
    bucket::{Bucket, Paid},
    spec::{Kind, Spec, Who},
};
use stock::Stock;

/// All there is.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) clients: BTreeMap<String, Who>,
    /// Those of deleted clients too, whose counters go on.
    accounts: BTreeMap<String, Account>,
    /// By name.
    pub(crate) limits: BTreeMap<String, Rule>,
    /// What limits counted that are no more, by name: a counter does not go down.
    counted: BTreeMap<String, [u64; 3]>,
    stocks: BTreeMap<Key, [Option<Stock>; 2]>,
    /// The models that are on, and which one of its name each is.
    pub(crate) models: BTreeMap<&'static str, u32>,
    open: BTreeMap<(u128, u32), Open>,
    made: u32,
}

/// A limit, and how often it refused.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) spec: Spec,
    /// Of those of its name that count another thing, or share it otherwise, which one.
    number: u32,
    pub(crate) refused: u64,
    pub(crate) in_shadow: u64,
    pub(crate) on_trial: u64,
}

/// Where a bucket is: its limit, and the value of each thing of which the limit has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    limit: u32,
    client: Option<String>,
    group: Option<&'static str>,
    plan: Option<&'static str>,
    model: Option<(String, u32)>,
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    own: [Option<Bucket>; 2],
    epoch: u32,
    by_limit: BTreeMap<u32, (u64, u64)>,
    admitted: u64,
    overcounted: u64,
    pub(crate) dropped: [u64; 3],
    pub(crate) in_shadow: [u64; 3],
    pub(crate) tokens_used: u64,
}

#[derive(Debug)]
struct Open {
    client: String,
    epoch: u32,
    reserved: u64,
    makes_tokens: bool,
    own: Vec<(usize, Paid)>,
    others: Vec<(Key, usize, Option<Paid>)>,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) id: (u128, u32),
    pub(crate) client: &'a str,
    pub(crate) estimate: Option<u64>,
    pub(crate) makes_tokens: bool,
    pub(crate) model: Option<&'a str>,
    pub(crate) in_shadow: bool,
}

/// A limit, and what is left of it: whole tokens, and what is beyond them.
pub(crate) type Least = (String, (i64, u32));

/// What it is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) reserved: u64,
    pub(crate) refusal: Option<Refused>,
    /// Of requests and of tokens: which limit is the tightest, and what is left of it.
    pub(crate) tightest: [Option<Least>; 2],
    /// Nothing is told of it where the request is refused.
    pub(crate) is_short: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) limit: String,
    pub(crate) kind: Kind,
    /// `None`: it never passes.
    pub(crate) wait_ms: Option<u64>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// It is over, and cost so many tokens.
    Cost(u64),
    Nothing,
    Unknown,
}

/// What a client is told of a limit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) name: String,
    pub(crate) remaining: u64,
    pub(crate) would_refuse: u64,
    pub(crate) refused: u64,
}

const OWN: [&str; 2] = ["rpm", "tpm"];

impl Account {
    pub(crate) fn all_admitted(&self) -> u64 {
        self.admitted
    }

    /// One that went away is not counted twice, and not taken off.
    fn admitted(&mut self) {
        if self.overcounted > 0 {
            self.overcounted -= 1;
        } else {
            self.admitted += 1;
        }
    }
}
