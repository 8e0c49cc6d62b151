//! A space is filled with what was exported elsewhere: in a few calls for each thousand clients, behind a
//! mark that keeps control planes away until all of it is there.

use std::{mem, slice, sync::Arc};

use limiter::UnixMillis;
use rand::random;

use super::error::SpaceError;
use crate::{
    clients::Revision,
    store::{
        ConfigStore as _, Edit,
        shared::{
            Link, SharedConfiguration,
            client::{Client, Failure, Found, SmallScript},
            keys::{
                CONFIGURATION_KEYS, IMPORT_KEY, PRESENCE_KEY, REVISION_KEY, ROWS_KEY, TALLIES_KEY,
                TURN_KEY,
            },
        },
    },
};

/// How many things are configured in one write, during which the store answers nobody else.
const EDITS_AT_A_TIME: usize = 1_000;

/// How many buckets or tallies are written in one call.
const VALUES_AT_A_TIME: usize = 500;

/// How many rows are looked at in one call.
const ROWS_AT_A_TIME: u32 = 1_000;

/// Under which name it stands what was counted elsewhere, beside what each control plane counts.
const COUNTED_BY: &[u8] = b"imported";

/// A key and its value.
type Pair = (Arc<[u8]>, Vec<u8>);

/// An import that is under way.
#[derive(Debug)]
pub struct Import {
    link: Arc<Link>,
    token: Vec<u8>,
    now: UnixMillis,
    configuration: SharedConfiguration,
    known: Revision,
    stored: Vec<Edit>,
    buckets: Vec<Pair>,
    counted: Vec<Pair>,
}

impl Import {
    /// Begins one into the space of these two links, which nobody uses. What an import before left of
    /// itself is removed.
    pub async fn begin(link: Arc<Link>, of_configuration: Link) -> Result<Self, SpaceError> {
        let token = random::<u128>().to_be_bytes().to_vec();
        let script = SmallScript::new(include_str!("begin.lua"));
        let keys = [IMPORT_KEY, REVISION_KEY, ROWS_KEY, PRESENCE_KEY, TURN_KEY];
        let arguments = slice::from_ref(&token);
        let begin = async |client: Client| client.run_script(&script, &keys, arguments).await;
        let found = link.ask(begin).await?;
        let not_understood = Failure::NotUnderstood("the begin of an import");
        let (now, is_again) = match *found.into_numbers().ok_or(not_understood.clone())? {
            [] => return Err(SpaceError::Used { prefix: link.prefix().to_owned() }),
            [now, before] => (UnixMillis(now), before > 0),
            _ => return Err(not_understood.into()),
        };
        let import = Self {
            configuration: SharedConfiguration::of_import(of_configuration, token.clone()),
            link,
            token,
            now,
            known: Revision::NONE,
            stored: Vec::new(),
            buckets: Vec::new(),
            counted: Vec::new(),
        };
        if is_again {
            import.remove_remains().await?;
        }
        Ok(import)
    }

    /// What time it was in the store when it began.
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// What is configured so far.
    pub fn configuration(&self) -> &SharedConfiguration {
        &self.configuration
    }

    /// Configures one thing, by all of `edits` in one write.
    pub async fn configure(
        &mut self,
        edits: impl IntoIterator<Item = Edit>,
    ) -> Result<(), SpaceError> {
        self.stored.extend(edits);
        if self.stored.len() >= EDITS_AT_A_TIME {
            self.write_edits(&[]).await?;
        }
        Ok(())
    }

    /// All is configured but this, which stands in settings.
    pub async fn declare(&mut self, last: Option<Edit>) -> Result<(), SpaceError> {
        self.write_edits(last.as_slice()).await
    }

    async fn write_edits(&mut self, declared: &[Edit]) -> Result<(), SpaceError> {
        let stored = mem::take(&mut self.stored);
        let configuration = &self.configuration;
        configuration.begin_turn(self.known).await?;
        let write = async {
            if !stored.is_empty() {
                self.known = configuration.write(Arc::new(stored)).await?;
            }
            if !declared.is_empty() {
                self.known = configuration.declare(declared).await?;
            }
            Ok(())
        };
        let written = write.await;
        configuration.end_turn().await;
        written
    }

    /// Puts what is left of limits, and what was counted.
    pub async fn put(
        &mut self,
        buckets: Vec<Pair>,
        counted: Option<Pair>,
    ) -> Result<(), SpaceError> {
        self.buckets.extend(buckets);
        self.counted.extend(counted);
        if self.buckets.len() + self.counted.len() >= VALUES_AT_A_TIME {
            self.write_values().await?;
        }
        Ok(())
    }

    async fn write_values(&mut self) -> Result<(), SpaceError> {
        let (buckets, counted) = (mem::take(&mut self.buckets), mem::take(&mut self.counted));
        let mut keys = vec![Arc::from(IMPORT_KEY.as_bytes())];
        let mut arguments =
            vec![self.token.clone(), buckets.len().to_string().into_bytes(), COUNTED_BY.to_vec()];
        for (key, value) in buckets.into_iter().chain(counted) {
            keys.push(key);
            arguments.push(value);
        }
        let script = SmallScript::new(include_str!("write.lua"));
        self.go_on(&script, &keys, &arguments).await
    }

    /// All of it is there: control planes may start.
    pub async fn finish(mut self) -> Result<(), SpaceError> {
        self.write_values().await?;
        let script = SmallScript::new(include_str!("end.lua"));
        let token = slice::from_ref(&self.token);
        self.go_on(&script, &[Arc::from(IMPORT_KEY.as_bytes())], token).await
    }

    /// What was counted of the clients of an import that was not finished, and then what it configured. Its
    /// buckets are of another epoch than any that come now, and as good as none.
    async fn remove_remains(&self) -> Result<(), SpaceError> {
        let script = SmallScript::new(include_str!("remove.lua"));
        let token = slice::from_ref(&self.token);
        let mark: Arc<[u8]> = Arc::from(IMPORT_KEY.as_bytes());
        let mut cursor = 0;
        loop {
            let scan =
                async |client: Client| client.scan_hash(ROWS_KEY, cursor, ROWS_AT_A_TIME).await;
            let (next, rows) = self.link.ask(scan).await?;
            for rows in rows.chunks(VALUES_AT_A_TIME) {
                let clients = rows.iter().filter_map(|(name, _)| name.strip_prefix(b"c"));
                let tallies = clients.map(|client| [TALLIES_KEY, client].concat().into());
                let keys: Vec<Arc<[u8]>> = [Arc::clone(&mark)].into_iter().chain(tallies).collect();
                self.go_on(&script, &keys, token).await?;
            }
            if next == 0 {
                break;
            }
            cursor = next;
        }
        let of_configuration = CONFIGURATION_KEYS.map(|key| Arc::from(key.as_bytes()));
        let keys: Vec<Arc<[u8]>> = [mark].into_iter().chain(of_configuration).collect();
        self.go_on(&script, &keys, token).await
    }

    async fn go_on(
        &self,
        script: &SmallScript,
        keys: &[Arc<[u8]>],
        arguments: &[Vec<u8>],
    ) -> Result<(), SpaceError> {
        let run = async |client: Client| client.run_script(script, keys, arguments).await;
        match self.link.ask(run).await? {
            Found::Integer(1) => Ok(()),
            _ => Err(SpaceError::Overtaken),
        }
    }
}
