//! What control planes counted of a client or a limit: in one hash, by the name of each, a sum that only it
//! replaces. So a sum that is told twice counts once.
//!
//! A process has a new name, and names would only become more. What those told who are gone is added up,
//! under one name of its own, in one step that sees whether it is still what they told: whoever reads
//! before it or after it finds the same sum, and of two who add up at once one does nothing. One that was
//! forgotten and is there all the same is refused, and goes on from 0 under another name.

use std::sync::Arc;

use super::{
    client::{Client, Failure, Found, SmallScript},
    keys::PRESENCE_KEY,
    presence::There,
};

/// Under which name it stands what those told who are gone.
pub const GONE: &[u8] = b"gone";

/// Who told it, and what.
pub(super) type Told = (Vec<u8>, Vec<u8>);

/// How this is read and written.
#[derive(Debug)]
pub(super) struct Counted {
    tell: SmallScript,
    add_up: SmallScript,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            tell: SmallScript::new(include_str!("tell.lua")),
            add_up: SmallScript::new(include_str!("add_up.lua")),
        }
    }
}

impl Counted {
    /// Tells these sums; whether they were told: a name that the store has forgotten is replaced by another
    /// one.
    pub(super) async fn tell(
        &self,
        client: &Client,
        there: &mut There,
        told: Vec<(Arc<[u8]>, Vec<u8>)>,
    ) -> Result<bool, Failure> {
        let known = if there.is_known { b"1".to_vec() } else { Vec::new() };
        let mut keys = vec![Arc::from(PRESENCE_KEY.as_bytes())];
        let mut arguments = vec![there.name().name.to_vec(), known];
        for (key, value) in told {
            keys.push(key);
            arguments.push(value);
        }
        let was_told = is_done(client.run_script(&self.tell, &keys, &arguments).await?)?;
        if was_told {
            there.is_known = true;
        } else {
            there.take_another_name();
        }
        Ok(was_told)
    }

    /// Puts `sum` in place of what these told; whether it did: it does nothing where one of them is there, or
    /// where something else is told by now.
    pub(super) async fn add_up(
        &self,
        client: &Client,
        hash: &[u8],
        told: &[Told],
        sum: &[u8],
    ) -> Result<bool, Failure> {
        let keys = [PRESENCE_KEY.as_bytes(), hash];
        let mut arguments = vec![GONE.to_vec(), sum.to_vec()];
        for (name, told) in told {
            arguments.extend([name.clone(), told.clone()]);
        }
        is_done(client.run_script(&self.add_up, &keys, &arguments).await?)
    }
}

fn is_done(found: Found) -> Result<bool, Failure> {
    let done = found.into_integer().ok_or(Failure::NotUnderstood("what was counted"))?;
    Ok(done == 1)
}
