//! Small scripts beside the one that decides, and what they answer.

use redis::{RedisResult, Script, Value};

use super::{Client, Failure};

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
        keys: &[&str],
        arguments: &[Vec<u8>],
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
