//! `cmsgpack.unpack`, as Redis' library of that name has it, for what the scripts read: lists, numbers, texts
//! and `false`.

use mlua::{Error, Lua, LuaString, Result, Value};

#[expect(clippy::cast_precision_loss, reason = "as Redis does it: Lua has nothing but doubles")]
fn to_lua(lua: &Lua, value: &rmpv::ValueRef<'_>) -> Result<Value> {
    use rmpv::ValueRef;
    Ok(match value {
        ValueRef::Boolean(whether) => Value::Boolean(*whether),
        ValueRef::Integer(number) => {
            let number = number.as_u64().ok_or_else(|| failed("a number below 0"))?;
            Value::Number(number as f64)
        }
        ValueRef::String(text) => Value::String(lua.create_string(text.as_bytes())?),
        ValueRef::Array(list) => {
            let list = list.iter().map(|value| to_lua(lua, value));
            Value::Table(lua.create_sequence_from(list.collect::<Result<Vec<_>>>()?)?)
        }
        _ => return Err(failed("a type that is not emulated")),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "a function of Lua is given its arguments")]
pub(super) fn unpack(lua: &Lua, data: LuaString) -> Result<Value> {
    let data = data.as_bytes();
    let value = rmpv::decode::read_value_ref(&mut &*data).map_err(Error::external)?;
    to_lua(lua, &value)
}

fn failed(text: &str) -> Error {
    Error::RuntimeError(text.to_owned())
}
