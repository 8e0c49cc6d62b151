//! All keys of a space are looked at in turn, a few at a time, and those are removed that can matter no
//! more: buckets that are full again, whatever became of their client, limit or model, and what was
//! counted of clients and limits that are no more.
//!
//! A look and not an expiry: it costs nothing where decisions are made, and what a control plane writes
//! that has not heard of a deletion is found in the next round.

use std::{sync::Arc, time::Duration};

use super::{
    client::{Client, Failure, Found, SmallScript},
    keys::{LIMIT_TALLIES_KEY, ROWS_KEY, SWEEP_CURSOR_KEY, SWEEP_TURN_KEY, TALLIES_KEY},
};

/// How often all control planes together make a step.
pub const STEP_INTERVAL: Duration = Duration::from_secs(1);

/// About how many keys are looked at in one, which takes the store less than a millisecond.
const KEYS_AT_A_TIME: u32 = 100;

/// For how long a bucket stays that is full: whoever has heard of no write for so long decides nothing.
const FULL_STAYS: Duration = Duration::from_hours(1);

/// What the key of a bucket begins with.
const BUCKET_KEY: &[u8] = b"b:";

/// The client of all that are not configured, who is in no row where they have no limits.
const UNKNOWN: &[u8] = b"t:unknown";

/// Looks through the keys.
#[derive(Debug)]
pub(super) struct Sweep {
    begin: SmallScript,
    end: SmallScript,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            begin: SmallScript::new(include_str!("begin.lua")),
            end: SmallScript::new(include_str!("end.lua")),
        }
    }
}

impl Sweep {
    /// Makes one step, unless another control plane has just made one. Handed out is where something stands
    /// that was counted.
    pub(super) async fn step(&self, client: &Client) -> Result<Vec<Arc<[u8]>>, Failure> {
        // Timers of several processes are never in step.
        let pause = (STEP_INTERVAL.as_millis() * 9 / 10).to_string().into_bytes();
        let keys = [SWEEP_TURN_KEY, SWEEP_CURSOR_KEY];
        let cursor = match client.run_script(&self.begin, &keys, &[pause]).await? {
            Found::Nothing => return Ok(Vec::new()),
            found => found.into_bytes().and_then(|cursor| String::from_utf8(cursor).ok()),
        };
        let cursor = cursor.and_then(|cursor| cursor.parse().ok());
        let cursor = cursor.ok_or(Failure::NotUnderstood("how far a sweep came"))?;
        let (next, found) = client.scan("[btl]:*", cursor, KEYS_AT_A_TIME).await?;
        let (buckets, mut counted): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|key| key.starts_with(BUCKET_KEY));
        counted.retain(|key| &**key != UNKNOWN);
        let mut keys: Vec<Arc<[u8]>> =
            [SWEEP_CURSOR_KEY, ROWS_KEY].map(|key| Arc::from(key.as_bytes())).to_vec();
        let numbers = [u128::from(next), FULL_STAYS.as_millis(), buckets.len() as u128];
        let mut arguments = numbers.map(|number| number.to_string().into_bytes()).to_vec();
        arguments.extend(counted.iter().map(|key| row_of(key)));
        keys.extend(buckets);
        keys.extend(counted.iter().cloned());
        client.run_script(&self.end, &keys, &arguments).await?;
        Ok(counted)
    }
}

/// In which row it is configured what was counted of.
fn row_of(key: &[u8]) -> Vec<u8> {
    let of_client = key.strip_prefix(TALLIES_KEY).map(|client| [b"c", client].concat());
    let of_limit = || key.strip_prefix(LIMIT_TALLIES_KEY).map(|limit| [b"l", limit].concat());
    of_client.or_else(of_limit).unwrap_or_default()
}
