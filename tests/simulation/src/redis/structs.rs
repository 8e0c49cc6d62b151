//! `struct.pack` and `struct.unpack`, as Redis' library of that name has them, for the formats that the
//! scripts use: `<`, `B`, `I2`, `d` and `c0`.

use mlua::{Error, Lua, MultiValue, Result, Value};

fn failed(text: &str) -> Error {
    Error::RuntimeError(text.to_owned())
}

#[derive(Clone, Copy)]
enum Field {
    Byte,
    Short,
    Double,
    /// All of a text; read, as long as the number before it says.
    Text,
}

fn fields(format: &[u8]) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    let mut rest = format.strip_prefix(b"<").ok_or_else(|| failed("not little-endian"))?;
    while let Some((letter, after)) = rest.split_first() {
        let (field, after) = match (letter, after.split_first()) {
            (b'B', _) => (Field::Byte, after),
            (b'd', _) => (Field::Double, after),
            (b'I', Some((b'2', after))) => (Field::Short, after),
            (b'c', Some((b'0', after))) => (Field::Text, after),
            _ => return Err(failed("a format that is not emulated")),
        };
        fields.push(field);
        rest = after;
    }
    Ok(fields)
}

#[expect(clippy::cast_possible_truncation, reason = "as C does it, where it is defined")]
#[expect(clippy::cast_sign_loss, reason = "as C does it, where it is defined")]
pub(super) fn pack(lua: &Lua, mut arguments: MultiValue) -> Result<mlua::LuaString> {
    let format = arguments.pop_front().unwrap_or(Value::Nil);
    let format = lua.coerce_string(format)?.ok_or_else(|| failed("no format"))?;
    let mut bytes = Vec::new();
    for field in fields(&format.as_bytes())? {
        let value = arguments.pop_front().unwrap_or(Value::Nil);
        if let Field::Text = field {
            let text = lua.coerce_string(value)?.ok_or_else(|| failed("no text"))?;
            bytes.extend_from_slice(&text.as_bytes());
            continue;
        }
        let number = lua.coerce_number(value)?.ok_or_else(|| failed("no number"))?;
        match field {
            Field::Byte => bytes.push(number as i64 as u8),
            Field::Short => bytes.extend((number as i64 as u16).to_le_bytes()),
            Field::Double | Field::Text => bytes.extend(number.to_le_bytes()),
        }
    }
    lua.create_string(bytes)
}

#[expect(clippy::cast_possible_truncation, reason = "lengths are small whole numbers")]
#[expect(clippy::cast_sign_loss, reason = "lengths are not below 0")]
#[expect(clippy::cast_precision_loss, reason = "positions are small")]
pub(super) fn unpack(
    lua: &Lua,
    (format, data, from): (mlua::LuaString, mlua::LuaString, Option<f64>),
) -> Result<MultiValue> {
    let data = data.as_bytes();
    let mut at = from.map_or(0, |from| from as usize - 1);
    let mut read = Vec::new();
    let mut take = |len: usize| {
        let taken = data.get(at..at + len).ok_or_else(|| failed("data string too short"));
        at += len;
        taken
    };
    for field in fields(&format.as_bytes())? {
        let value = match field {
            Field::Byte => Value::Number(take(1)?[0].into()),
            Field::Short => {
                let bytes: [u8; 2] = take(2)?.try_into().unwrap_or_default();
                Value::Number(u16::from_le_bytes(bytes).into())
            }
            Field::Double => {
                let bytes: [u8; 8] = take(8)?.try_into().unwrap_or_default();
                Value::Number(f64::from_le_bytes(bytes))
            }
            Field::Text => {
                let Some(Value::Number(len)) = read.pop() else {
                    return Err(failed("no length before a text"));
                };
                Value::String(lua.create_string(take(len as usize)?)?)
            }
        };
        read.push(value);
    }
    read.push(Value::Number((at + 1) as f64));
    Ok(MultiValue::from_vec(read))
}
