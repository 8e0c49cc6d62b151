//! What is in a space, and who uses it.

use limiter::UnixMillis;
use tokio::time::{Duration, Instant, sleep};

use super::error::SpaceError;
use crate::{
    clients::Revision,
    store::shared::{
        Link,
        client::{Client, Failure, SmallScript},
        keys::{IMPORT_KEY, PRESENCE_KEY, PRESENCE_MS, REVISION_KEY},
    },
};

/// How often it is looked whether the last control plane has gone.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// For how long it is waited until one that says nothing more counts no more.
const GONE_WITHIN: Duration = Duration::from_millis(PRESENCE_MS as u64 + 2_000);

/// What is in a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What time it is there.
    pub now: UnixMillis,
    /// Whether an import into it was not finished.
    pub is_unfinished: bool,
    /// The last write of the configuration.
    pub revision: Revision,
    /// How many control planes use it.
    pub control_planes: u64,
    last_word: u64,
}

impl Standing {
    /// Looks at the space of a link.
    pub async fn of(link: &Link) -> Result<Self, SpaceError> {
        let script = SmallScript::new(include_str!("standing.lua"));
        let keys = [IMPORT_KEY, REVISION_KEY, PRESENCE_KEY];
        let arguments = [PRESENCE_MS.to_string().into_bytes()];
        let found = link
            .ask(async |client: Client| client.run_script(&script, &keys, &arguments).await)
            .await?;
        let not_understood = Failure::NotUnderstood("what is in a space");
        let found = found.into_numbers().and_then(|numbers| <[u64; 5]>::try_from(numbers).ok());
        let [now, mark, revision, control_planes, last_word] = found.ok_or(not_understood)?;
        Ok(Self {
            now: UnixMillis(now),
            is_unfinished: mark > 0,
            revision: Revision::new(revision),
            control_planes,
            last_word,
        })
    }

    /// Refuses a space into which an import was not finished.
    pub fn refuse_unfinished(&self, link: &Link) -> Result<(), SpaceError> {
        if self.is_unfinished {
            return Err(SpaceError::Unfinished { prefix: link.prefix().to_owned() });
        }
        Ok(())
    }

    /// Looks at a space that no control plane uses. One that was stopped counts for some seconds more,
    /// which are waited for; one that says again that it is there is not.
    pub async fn of_unused(link: &Link) -> Result<Self, SpaceError> {
        let until = Instant::now() + GONE_WITHIN;
        let first = Self::of(link).await?;
        let mut standing = first;
        while standing.control_planes > 0 {
            if standing.last_word > first.last_word || Instant::now() >= until {
                let control_planes = standing.control_planes;
                return Err(SpaceError::InUse { control_planes });
            }
            #[expect(clippy::disallowed_methods, reason = "nobody announces that he is gone")]
            sleep(LOOK_EVERY).await;
            standing = Self::of(link).await?;
        }
        standing.refuse_unfinished(link)?;
        Ok(standing)
    }
}
