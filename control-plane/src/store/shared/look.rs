//! How buckets and places stand in the store: read at one moment of the store's time, with nothing written.

use std::sync::Arc;

use limiter::{Bucket, UnixMillis};

use super::{
    Told, Value,
    client::{Client, Failure, Found, SmallScript},
};

/// What was seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The store's time.
    pub now: UnixMillis,
    /// The buckets, in the order in which they were asked for.
    pub buckets: Vec<Bucket>,
    /// How many places are taken of each, likewise.
    pub taken: Vec<u64>,
}

/// Looks.
#[derive(Debug)]
pub(super) struct Look(SmallScript);

impl Default for Look {
    fn default() -> Self {
        Self(SmallScript::new(include_str!("look.lua")))
    }
}

impl Look {
    /// Looks at these buckets, each with what is known of its limit, and at these places. `untold` is what
    /// was seen of a bucket and may be lost there.
    pub(super) async fn at(
        &self,
        client: &Client,
        buckets: &[(Arc<[u8]>, Told)],
        places: &[Arc<[u8]>],
        untold: impl Fn(&[u8]) -> Option<Value>,
    ) -> Result<Looked, Failure> {
        let not_understood = || Failure::NotUnderstood("how limits stand");
        let keys: Vec<_> = buckets.iter().map(|(key, _)| key).chain(places).collect();
        let count = buckets.len().to_string().into_bytes();
        let answer = client.run_script(&self.0, &keys, &[count]).await?;
        let (now, values, taken) = parts(answer).ok_or_else(not_understood)?;
        if (values.len(), taken.len()) != (buckets.len(), places.len()) {
            return Err(not_understood());
        }
        let read = buckets.iter().zip(values).map(|((key, told), value)| {
            let found = match &*value {
                [] => None,
                bytes => Some(Value::try_from(bytes).map_err(|_| not_understood())?),
            };
            Ok::<_, Failure>(Value::going_on((found, untold(key)), told, now).bucket)
        });
        Ok(Looked { now, buckets: read.collect::<Result<_, _>>()?, taken })
    }
}

fn parts(answer: Found) -> Option<(UnixMillis, Vec<Vec<u8>>, Vec<u64>)> {
    let [now, buckets, taken] = <[Found; 3]>::try_from(answer.into_list()?).ok()?;
    let now = UnixMillis(u64::try_from(now.into_integer()?).ok()?);
    let buckets = buckets.into_list()?.into_iter().map(Found::into_bytes);
    Some((now, buckets.collect::<Option<_>>()?, taken.into_numbers()?))
}
