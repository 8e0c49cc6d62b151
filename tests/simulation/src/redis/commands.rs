//! The commands that control planes and their scripts give, and no others.

use super::{
    data::{Data, WrongType},
    reply::Reply,
};

/// Why a command is not carried out.
enum Refused {
    Type,
    Syntax,
    Unknown(String),
}

impl From<WrongType> for Refused {
    fn from(WrongType: WrongType) -> Self {
        Self::Type
    }
}

/// Carries out a command on data alone.
pub(super) fn carry_out(data: &mut Data, command: &[Vec<u8>]) -> Reply {
    let Some((name, arguments)) = command.split_first() else {
        return Reply::Error("ERR no command".to_owned());
    };
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
    match run(data, &name, &arguments) {
        Ok(reply) => reply,
        Err(Refused::Type) => Reply::Error(
            "WRONGTYPE Operation against a key holding the wrong kind of value".to_owned(),
        ),
        Err(Refused::Syntax) => Reply::Error("ERR syntax error".to_owned()),
        Err(Refused::Unknown(name)) => Reply::Error(format!("ERR unknown command '{name}'")),
    }
}

fn run(data: &mut Data, name: &str, arguments: &[&[u8]]) -> Result<Reply, Refused> {
    match (name, arguments) {
        ("TIME", []) => {
            let (secs, micros) = (data.clock_us / 1_000_000, data.clock_us % 1_000_000);
            Ok(Reply::List(vec![text(&secs), text(&micros)]))
        }
        ("PEXPIRE", [key, ms]) => Ok(Reply::Integer(data.end_after(key, integer(ms)?).into())),
        ("PTTL", [key]) if !data.is_there(key) => Ok(Reply::Integer(-2)),
        ("PTTL", [key]) => Ok(Reply::Integer(
            data.left_ms(key).map_or(-1, |ms| i64::try_from(ms).unwrap_or(i64::MAX)),
        )),
        ("DEL", keys) => Ok(Reply::count(keys.iter().filter(|key| data.remove(key)).count())),
        ("FLUSHALL", []) => {
            data.clear();
            Ok(Reply::ok())
        }
        ("GET" | "SET" | "MGET" | "MSET", _) => texts(data, name, arguments),
        _ if name.starts_with('H') => hashes(data, name, arguments),
        _ if name.starts_with('Z') => sorted(data, name, arguments),
        _ => Err(Refused::Unknown(name.to_owned())),
    }
}

fn texts(data: &mut Data, name: &str, arguments: &[&[u8]]) -> Result<Reply, Refused> {
    match (name, arguments) {
        ("GET", [key]) => Ok(Reply::value(data.text(key)?)),
        // Where something else stands it has no text either.
        ("MGET", keys) => Ok(Reply::List(
            keys.iter().map(|key| Reply::value(data.text(key).unwrap_or(None))).collect(),
        )),
        ("MSET", pairs) => {
            for pair in pairs.chunks(2) {
                let [key, value] = pair else { return Err(Refused::Syntax) };
                data.put(key, value.to_vec(), None);
            }
            Ok(Reply::ok())
        }
        ("SET", [key, value, options @ ..]) => {
            let (mut only_new, mut for_ms, mut options) = (false, None, options.iter());
            while let Some(option) = options.next() {
                match option.to_ascii_uppercase().as_slice() {
                    b"NX" => only_new = true,
                    b"PX" => for_ms = Some(integer(options.next().ok_or(Refused::Syntax)?)?),
                    _ => return Err(Refused::Syntax),
                }
            }
            if only_new && data.is_there(key) {
                return Ok(Reply::Nil);
            }
            data.put(key, value.to_vec(), for_ms);
            Ok(Reply::ok())
        }
        _ => Err(Refused::Syntax),
    }
}

fn hashes(data: &mut Data, name: &str, arguments: &[&[u8]]) -> Result<Reply, Refused> {
    match (name, arguments) {
        ("HGET", [key, field]) => {
            Ok(Reply::value(data.hash(key)?.and_then(|hash| hash.get(*field)).cloned()))
        }
        ("HMGET", [key, fields @ ..]) => {
            let hash = data.hash(key)?;
            let values = fields
                .iter()
                .map(|field| Reply::value(hash.and_then(|hash| hash.get(*field)).cloned()));
            Ok(Reply::List(values.collect()))
        }
        ("HLEN", [key]) => {
            Ok(Reply::count(data.hash(key)?.map_or(0, std::collections::BTreeMap::len)))
        }
        ("HGETALL", [key]) => Ok(Reply::List(all_of(data, key)?)),
        // All at once, as of a hash that is small.
        ("HSCAN", [key, ..]) => Ok(Reply::List(vec![text(&0), Reply::List(all_of(data, key)?)])),
        ("HSET", [key, pairs @ ..]) => {
            let hash = data.hash_mut(key)?;
            let mut added = 0;
            for pair in pairs.chunks(2) {
                let [field, value] = pair else { return Err(Refused::Syntax) };
                added += usize::from(hash.insert(field.to_vec(), value.to_vec()).is_none());
            }
            Ok(Reply::count(added))
        }
        ("HDEL", [key, fields @ ..]) => {
            let hash = data.hash_mut(key)?;
            let removed = fields.iter().filter(|field| hash.remove(**field).is_some()).count();
            data.drop_if_empty(key);
            Ok(Reply::count(removed))
        }
        ("HINCRBY", [key, field, by]) => {
            let by: i64 = signed(by)?;
            let hash = data.hash_mut(key)?;
            let before = hash.get(*field).map_or(Ok(0), |value| signed(value))?;
            let Some(sum) = before.checked_add(by) else {
                let text = "ERR increment or decrement would overflow";
                return Ok(Reply::Error(text.to_owned()));
            };
            hash.insert(field.to_vec(), sum.to_string().into_bytes());
            Ok(Reply::Integer(sum))
        }
        _ => Err(Refused::Unknown(name.to_owned())),
    }
}

fn all_of(data: &Data, key: &[u8]) -> Result<Vec<Reply>, Refused> {
    let all = data.hash(key)?.into_iter().flatten();
    let all = all.flat_map(|(field, value)| [field.clone(), value.clone()]);
    Ok(all.map(Reply::Bulk).collect())
}

fn sorted(data: &mut Data, name: &str, arguments: &[&[u8]]) -> Result<Reply, Refused> {
    match (name, arguments) {
        ("ZADD", [key, score, member]) => {
            let score = number(score)?;
            let added = data.sorted_mut(key)?.insert(member.to_vec(), score).is_none();
            Ok(Reply::Integer(added.into()))
        }
        ("ZREM", [key, members @ ..]) => {
            let sorted = data.sorted_mut(key)?;
            let removed = members.iter().filter(|member| sorted.remove(**member).is_some()).count();
            data.drop_if_empty(key);
            Ok(Reply::count(removed))
        }
        ("ZSCORE", [key, member]) => {
            let sorted = data.sorted(key)?;
            let found = sorted.iter().find(|(name, _)| name == member);
            Ok(found.map_or(Reply::Nil, |(_, score)| text(score)))
        }
        ("ZCARD", [key]) => Ok(Reply::count(data.sorted(key)?.len())),
        ("ZCOUNT", [key, from, to]) => Ok(Reply::count(within(data, key, from, to)?.len())),
        ("ZRANGEBYSCORE", [key, from, to, options @ ..]) => {
            Ok(told(within(data, key, from, to)?, !options.is_empty()))
        }
        ("ZREVRANGEBYSCORE", [key, to, from, options @ ..]) => {
            let mut members = within(data, key, from, to)?;
            members.reverse();
            let (with_scores, limit) = match options {
                [b"WITHSCORES", limit @ ..] => (true, limit),
                limit => (false, limit),
            };
            let (skipped, count) = match limit {
                [] => (0, usize::MAX),
                [b"LIMIT", skipped, count] => (integer(skipped)?, integer(count)?),
                _ => return Err(Refused::Syntax),
            };
            let members = members.into_iter().skip(skipped).take(count).collect();
            Ok(told(members, with_scores))
        }
        ("ZRANGE", [key, from, to, options @ ..]) => {
            Ok(told(between(data, key, from, to)?, !options.is_empty()))
        }
        ("ZREMRANGEBYSCORE", [key, from, to]) => {
            let gone = within(data, key, from, to)?;
            Ok(remove_all(data, key, &gone)?)
        }
        ("ZREMRANGEBYRANK", [key, from, to]) => {
            let gone = between(data, key, from, to)?;
            Ok(remove_all(data, key, &gone)?)
        }
        _ => Err(Refused::Unknown(name.to_owned())),
    }
}

fn remove_all(data: &mut Data, key: &[u8], gone: &[(Vec<u8>, f64)]) -> Result<Reply, Refused> {
    let sorted = data.sorted_mut(key)?;
    for (name, _) in gone {
        sorted.remove(name);
    }
    data.drop_if_empty(key);
    Ok(Reply::count(gone.len()))
}

fn told(members: Vec<(Vec<u8>, f64)>, with_scores: bool) -> Reply {
    let told = members.into_iter().flat_map(|(name, score)| {
        let score = with_scores.then(|| text(&score));
        [Some(Reply::Bulk(name)), score].into_iter().flatten()
    });
    Reply::List(told.collect())
}

/// Of these scores; after `(` without the bound itself.
fn within(data: &Data, key: &[u8], from: &[u8], to: &[u8]) -> Result<Vec<(Vec<u8>, f64)>, Refused> {
    let (above, from) = bound(from)?;
    let (below, to) = bound(to)?;
    let mut members = data.sorted(key)?;
    members.retain(|(_, score)| {
        (if above { *score > from } else { *score >= from })
            && (if below { *score < to } else { *score <= to })
    });
    Ok(members)
}

fn between(
    data: &Data,
    key: &[u8],
    from: &[u8],
    to: &[u8],
) -> Result<Vec<(Vec<u8>, f64)>, Refused> {
    let members = data.sorted(key)?;
    let (from, to): (usize, usize) = (integer(from)?, integer(to)?);
    Ok(members.into_iter().skip(from).take((to + 1).saturating_sub(from)).collect())
}

fn bound(text: &[u8]) -> Result<(bool, f64), Refused> {
    match text.split_first() {
        Some((b'(', rest)) => Ok((true, number(rest)?)),
        _ => Ok((false, number(text)?)),
    }
}

fn number(text: &[u8]) -> Result<f64, Refused> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Refused::Syntax)
}

fn integer<T: std::str::FromStr>(text: &[u8]) -> Result<T, Refused> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Refused::Syntax)
}

fn signed(text: &[u8]) -> Result<i64, Refused> {
    integer(text)
}

fn text(of: &impl ToString) -> Reply {
    Reply::Bulk(of.to_string().into_bytes())
}
