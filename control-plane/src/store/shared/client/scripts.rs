//! Small scripts beside the one that decides, and what they answer.

use std::{sync::Arc, time::Duration};

use redis::{Script, Value};

use super::{ANSWER_TIMEOUT, Client, Failure, in_time};
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
    /// Runs a script once, on keys of the space. Its answer is waited for so long.
    pub async fn run_script(
        &self,
        script: &SmallScript,
        keys: &[&str],
        arguments: &[Vec<u8>],
        within: Duration,
    ) -> Result<Found, Failure> {
        let mut connection = self.connection.clone();
        let command = |name: &str, script: &str| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(keys.len());
            for key in keys {
                command.arg([&self.prefix, key.as_bytes()].concat());
            }
            command.arg(arguments);
            command
        };
        let by_name = command("EVALSHA", &script.name);
        let run = async {
            match by_name.query_async(&mut connection).await {
                Err(error) if error.code() == Some("NOSCRIPT") => {
                    command("EVAL", script.text).query_async(&mut connection).await
                }
                answered => answered,
            }
        };
        found(in_time(within, run).await?)
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
        in_time(ANSWER_TIMEOUT, command.query_async(&mut connection)).await
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
        in_time(ANSWER_TIMEOUT, command.query_async(&mut connection)).await
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

    /// Sets a value that is there for so long, and tells the one before.
    pub async fn replace(
        &self,
        key: &[u8],
        value: &[u8],
        for_ms: u64,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let key = self.key(key);
        let mut all = redis::pipe();
        all.cmd("GET").arg(&key);
        all.cmd("SET").arg(&key).arg(value).arg("PX").arg(for_ms).ignore();
        let before: Vec<Option<Vec<u8>>> = self.query(&all, 2).await?;
        Ok(before.into_iter().next().flatten())
    }

    /// Sets one field of some hashes.
    pub async fn set_fields(
        &self,
        field: &[u8],
        values: &[(Arc<[u8]>, Vec<u8>)],
    ) -> Result<(), Failure> {
        let mut all = redis::pipe();
        for (key, value) in values {
            all.cmd("HSET").arg(self.key(key)).arg(field).arg(value).ignore();
        }
        self.query::<()>(&all, values.len()).await
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
        in_time(ANSWER_TIMEOUT, pipeline.query_async(&mut connection)).await
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
