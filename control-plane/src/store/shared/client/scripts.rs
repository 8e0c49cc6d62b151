//! Small scripts beside the one that decides, and what they answer.

use std::{collections::HashSet, sync::Arc};

use redis::{RedisResult, Script, Value};

use super::{Client, Failure};
use crate::store::shared::Exact;

/// A script, and the name by which a server knows it that has run it before.
#[derive(Debug)]
pub struct SmallScript {
    text: &'static str,
    name: String,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A number.
    Integer(i64),
    /// A text, of any bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Found>),
}

impl SmallScript {
    /// The script of this text.
    pub fn new(text: &'static str) -> Self {
        Self { text, name: Script::new(text).get_hash().to_owned() }
    }
}

impl Client {
    /// Runs a script once, on keys of the space.
    pub async fn run_script(
        &self,
        script: &SmallScript,
        keys: &[impl AsRef<[u8]>],
        arguments: &[Vec<u8>],
    ) -> Result<Found, Failure> {
        let mut connection = self.connection.clone();
        let command = |name: &str, script: &str| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(keys.len());
            for key in keys {
                command.arg(self.key(key.as_ref()));
            }
            command.arg(arguments);
            command
        };
        let by_name = command("EVALSHA", &script.name);
        let answered: RedisResult<Value> = match by_name.query_async(&mut connection).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                command("EVAL", script.text).query_async(&mut connection).await
            }
            answered => answered,
        };
        found(answered.map_err(|error| Failure::of(&error))?)
    }

    /// Some fields of a hash with their values, and where to go on; at the end that is 0 again.
    pub async fn scan_hash(
        &self,
        key: &str,
        cursor: u64,
        about: u32,
    ) -> Result<(u64, Vec<(Vec<u8>, Vec<u8>)>), Failure> {
        let mut connection = self.connection.clone();
        let key = [&self.prefix, key.as_bytes()].concat();
        let mut command = redis::cmd("HSCAN");
        command.arg(key).arg(cursor).arg("COUNT").arg(about);
        command.query_async(&mut connection).await.map_err(|error| Failure::of(&error))
    }
}

impl Client {
    /// The values of some keys.
    pub async fn values(&self, keys: &[Arc<[u8]>]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.connection.clone();
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(self.key(key));
        }
        command.query_async(&mut connection).await.map_err(|error| Failure::of(&error))
    }

    /// The fields and values of some hashes.
    pub async fn hashes(
        &self,
        keys: &[Arc<[u8]>],
    ) -> Result<Vec<Vec<(Vec<u8>, Vec<u8>)>>, Failure> {
        let mut all = redis::pipe();
        for key in keys {
            all.cmd("HGETALL").arg(self.key(key));
        }
        self.query(&all, keys.len()).await
    }

    /// How many places are taken, of some buckets of them.
    pub async fn places_taken(&self, keys: &[Arc<[u8]>]) -> Result<Vec<u64>, Failure> {
        let mut all = redis::pipe();
        for key in keys {
            all.cmd("HGET").arg(self.key(key)).arg("");
        }
        let sums: Vec<Option<Vec<u8>>> = self.query(&all, keys.len()).await?;
        let taken = sums.into_iter().map(|sum| {
            let Some(sum) = sum else { return Ok(0) };
            let taken = sum.first_chunk().map(|bytes| f64::from_le_bytes(*bytes));
            let taken = taken.and_then(|taken| Exact::of_double(taken).ok());
            taken.map(Exact::get).ok_or(Failure::NotUnderstood("a number of places"))
        });
        taken.collect()
    }

    /// Who is in a set that has an order.
    pub async fn members(&self, key: &str) -> Result<HashSet<Vec<u8>>, Failure> {
        let mut connection = self.connection.clone();
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.key(key.as_bytes())).arg(0).arg(-1);
        command.query_async(&mut connection).await.map_err(|error| Failure::of(&error))
    }

    /// At most `max` of those in such a set up to a bound in Redis' notation, such as `(7` for below 7, each
    /// with its score: the highest first.
    pub async fn highest_members(
        &self,
        key: &str,
        bound: &str,
        max: usize,
    ) -> Result<Vec<(Vec<u8>, f64)>, Failure> {
        let mut connection = self.connection.clone();
        let mut command = redis::cmd("ZREVRANGEBYSCORE");
        command.arg(self.key(key.as_bytes())).arg(bound).arg("-inf").arg("WITHSCORES");
        command.arg("LIMIT").arg(0).arg(max);
        command.query_async(&mut connection).await.map_err(|error| Failure::of(&error))
    }

    /// Takes somebody out of such a set.
    pub async fn remove_member(&self, key: &str, member: &[u8]) -> Result<(), Failure> {
        let mut connection = self.connection.clone();
        let mut command = redis::cmd("ZREM");
        command.arg(self.key(key.as_bytes())).arg(member);
        command.query_async(&mut connection).await.map_err(|error| Failure::of(&error))
    }

    /// Some keys of the space that are of this pattern behind its prefix, and where to go on; at the end that
    /// is 0 again.
    pub async fn scan(
        &self,
        pattern: &str,
        cursor: u64,
        about: u32,
    ) -> Result<(u64, Vec<Arc<[u8]>>), Failure> {
        let mut connection = self.connection.clone();
        let mut all = Vec::with_capacity(self.prefix.len() + pattern.len());
        for byte in &*self.prefix {
            // What has a meaning in a pattern stands for itself in the prefix.
            if b"*?[]\\^".contains(byte) {
                all.push(b'\\');
            }
            all.push(*byte);
        }
        all.extend(pattern.as_bytes());
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(all).arg("COUNT").arg(about);
        let found: (u64, Vec<Vec<u8>>) =
            command.query_async(&mut connection).await.map_err(|error| Failure::of(&error))?;
        let (next, keys) = found;
        let keys = keys.iter().filter_map(|key| key.strip_prefix(&*self.prefix));
        Ok((next, keys.map(Arc::from).collect()))
    }

    /// A cluster takes no pipeline over several slots, but all keys of a space are in one.
    async fn query<T: redis::FromRedisValue + Default>(
        &self,
        pipeline: &redis::Pipeline,
        commands: usize,
    ) -> Result<T, Failure> {
        if commands == 0 {
            return Ok(T::default());
        }
        let mut connection = self.connection.clone();
        pipeline.query_async(&mut connection).await.map_err(|error| Failure::of(&error))
    }

    fn key(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }
}

fn found(value: Value) -> Result<Found, Failure> {
    Ok(match value {
        Value::Nil => Found::Nothing,
        Value::Int(number) => Found::Integer(number),
        Value::BulkString(bytes) => Found::Bytes(bytes),
        Value::SimpleString(text) => Found::Bytes(text.into_bytes()),
        Value::Array(list) => Found::List(list.into_iter().map(found).collect::<Result<_, _>>()?),
        _ => return Err(Failure::NotUnderstood("an answer")),
    })
}

impl Found {
    /// The number, where it is one.
    pub fn into_integer(self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The numbers, where it is a list of numbers that are not negative.
    pub fn into_numbers(self) -> Option<Vec<u64>> {
        let numbers = self.into_list()?.into_iter();
        numbers.map(|number| u64::try_from(number.into_integer()?).ok()).collect()
    }

    /// The bytes, where it is a text.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The list, where it is one.
    pub fn into_list(self) -> Option<Vec<Found>> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }
}
