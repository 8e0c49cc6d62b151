//! Scripts, in the Lua 5.1 that Redis has, with what it gives them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use mlua::{Function, Lua, MultiValue, Result, Table, Value};
use parking_lot::Mutex;

use super::{
    commands,
    data::Data,
    messages,
    reply::Reply,
    structs::{pack, unpack},
};

/// What runs scripts.
#[derive(Debug)]
pub(super) struct Scripting {
    lua: Lua,
    /// Those that were run before, whether the server still knows them by name or not.
    compiled: HashMap<String, Function>,
    known: BTreeSet<String>,
    /// What stands in a script in place of something else.
    mutant: Option<(&'static str, &'static str)>,
}

impl Scripting {
    pub(super) fn new(data: &Arc<Mutex<Data>>) -> Result<Self> {
        let lua = Lua::new();
        let redis = lua.create_table()?;
        let of = Arc::clone(data);
        redis.set(
            "call",
            lua.create_function(move |lua, command| match run(&of, lua, command)? {
                Reply::Error(text) => Err(mlua::Error::RuntimeError(text)),
                reply => to_lua(lua, reply),
            })?,
        )?;
        let of = Arc::clone(data);
        redis.set(
            "pcall",
            lua.create_function(move |lua, command| to_lua(lua, run(&of, lua, command)?))?,
        )?;
        redis.set(
            "error_reply",
            lua.create_function(|lua, text: mlua::LuaString| {
                let error = lua.create_table()?;
                error.set("err", text)?;
                Ok(error)
            })?,
        )?;
        let globals = lua.globals();
        globals.set("redis", redis)?;
        let structs = lua.create_table()?;
        structs.set("pack", lua.create_function(pack)?)?;
        structs.set("unpack", lua.create_function(unpack)?)?;
        globals.set("struct", structs)?;
        let cmsgpack = lua.create_table()?;
        cmsgpack.set("unpack", lua.create_function(messages::unpack)?)?;
        globals.set("cmsgpack", cmsgpack)?;
        // As Redis does it: what is not declared is an error.
        lua.load(
            "setmetatable(_G, {
               __newindex = function(_, name) error('a script made a global: ' .. name) end,
               __index = function(_, name) error('a script asked for a global: ' .. name) end,
             })",
        )
        .exec()?;
        Ok(Self { lua, compiled: HashMap::new(), known: BTreeSet::new(), mutant: None })
    }

    pub(super) fn mutate(&mut self, mutant: (&'static str, &'static str)) {
        self.mutant = Some(mutant);
    }

    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Runs a script by its text.
    pub(super) fn eval(&mut self, text: &[u8], keys: &[Vec<u8>], arguments: &[Vec<u8>]) -> Reply {
        let name = sha1_smol::Sha1::from(text).digest().to_string();
        if !self.compiled.contains_key(&name) {
            let mut script = String::from_utf8_lossy(text).into_owned();
            if let Some((from, to)) = self.mutant {
                script = script.replace(from, to);
            }
            match self.lua.load(script).into_function() {
                Ok(function) => self.compiled.insert(name.clone(), function),
                Err(error) => return Reply::Error(format!("ERR {error}")),
            };
        }
        self.known.insert(name.clone());
        self.eval_by_name(name.as_bytes(), keys, arguments)
    }

    /// Runs a script by its name.
    pub(super) fn eval_by_name(
        &self,
        name: &[u8],
        keys: &[Vec<u8>],
        arguments: &[Vec<u8>],
    ) -> Reply {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let Some(function) = self.compiled.get(&name).filter(|_| self.known.contains(&name)) else {
            return Reply::Error("NOSCRIPT No matching script. Please use EVAL.".to_owned());
        };
        let answered = self.run(function, keys, arguments);
        answered.unwrap_or_else(|error| Reply::Error(format!("ERR {error}").replace('\n', " ")))
    }

    fn run(&self, function: &Function, keys: &[Vec<u8>], arguments: &[Vec<u8>]) -> Result<Reply> {
        let globals = self.lua.globals();
        globals.raw_set("KEYS", texts(&self.lua, keys)?)?;
        globals.raw_set("ARGV", texts(&self.lua, arguments)?)?;
        of_lua(function.call::<Value>(())?)
    }
}

fn texts(lua: &Lua, texts: &[Vec<u8>]) -> Result<Table> {
    lua.create_sequence_from(
        texts.iter().map(|text| lua.create_string(text)).collect::<Result<Vec<_>>>()?,
    )
}

fn run(data: &Mutex<Data>, lua: &Lua, command: MultiValue) -> Result<Reply> {
    let mut words = Vec::with_capacity(command.len());
    for word in command {
        words.push(match word {
            Value::Integer(number) => number.to_string().into_bytes(),
            Value::Number(number) => number.to_string().into_bytes(),
            word => {
                let text = lua.coerce_string(word)?;
                let text = text.ok_or_else(|| {
                    let text = "a command has texts and numbers alone";
                    mlua::Error::RuntimeError(text.to_owned())
                })?;
                text.as_bytes().to_vec()
            }
        });
    }
    Ok(commands::carry_out(&mut data.lock(), &words))
}

#[expect(clippy::cast_precision_loss, reason = "as Redis does it")]
fn to_lua(lua: &Lua, reply: Reply) -> Result<Value> {
    Ok(match reply {
        Reply::Nil => Value::Boolean(false),
        Reply::Integer(number) => Value::Number(number as f64),
        Reply::Bulk(bytes) => Value::String(lua.create_string(bytes)?),
        Reply::Status(word) => {
            let status = lua.create_table()?;
            status.set("ok", word)?;
            Value::Table(status)
        }
        Reply::Error(text) => {
            let error = lua.create_table()?;
            error.set("err", text)?;
            Value::Table(error)
        }
        Reply::List(list) => {
            let list = list.into_iter().map(|reply| to_lua(lua, reply));
            Value::Table(lua.create_sequence_from(list.collect::<Result<Vec<_>>>()?)?)
        }
    })
}

#[expect(clippy::cast_possible_truncation, reason = "as Redis does it: towards 0")]
fn of_lua(value: Value) -> Result<Reply> {
    Ok(match value {
        Value::String(text) => Reply::Bulk(text.as_bytes().to_vec()),
        Value::Number(number) => Reply::Integer(number as i64),
        Value::Integer(number) => Reply::Integer(number),
        Value::Boolean(true) => Reply::Integer(1),
        Value::Table(table) => {
            if let Value::String(text) = table.raw_get("err")? {
                return Ok(Reply::Error(text.to_string_lossy()));
            }
            if let Value::String(word) = table.raw_get("ok")? {
                return Ok(Reply::Status(word.to_string_lossy()));
            }
            let mut list = Vec::new();
            for index in 1.. {
                match table.raw_get(index)? {
                    Value::Nil => break,
                    value => list.push(of_lua(value)?),
                }
            }
            Reply::List(list)
        }
        _ => Reply::Nil,
    })
}
