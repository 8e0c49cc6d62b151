//! Calls to the server, each of which is carried out once or not at all as far as anybody can know.
//!
//! Only this folder knows redis-rs. Of the library it takes connections without its repetitions and
//! without its timeouts: with these a call over a connection that breaks runs several times and says
//! that it went well once.

mod answer;
mod connect;
mod connection;
mod failure;
mod open_request;
mod scripts;
mod server;
mod stranger;
mod target;

use std::{sync::Arc, time::Duration};

use limiter::UnixMillis;
use redis::{Cmd, Script, Value as Answered};
use tokio::time::{Instant, timeout_at};

use super::{Batch, RawReply, Reply, script::SCRIPT, wire};

pub use answer::{Answer, Late};
pub use connect::Connect;
pub use connection::Connection;
pub use failure::Failure;
pub use open_request::OpenRequest;
pub use scripts::{Found, SmallScript};
pub use server::{Mode, Server};
pub use stranger::Stranger;
pub use target::{Credentials, Secret, Target, Trust};

/// The pause after an answer that nothing was done.
const PAUSE: Duration = Duration::from_millis(10);

/// A connection to the store, with one space of keys in it.
#[derive(Clone, Debug)]
pub struct Client {
    connection: Connection,
    /// What all keys of the space begin with. With a part in braces they are in one slot of a cluster,
    /// which one call must not leave.
    prefix: Arc<[u8]>,
    script: Arc<Scripted>,
}

/// A script, and the name by which a server knows it that has run it before.
#[derive(Debug)]
struct Scripted {
    text: String,
    name: String,
}

impl Client {
    /// Connects within a time. Nothing is done by that, and nothing is wrong with doing it again.
    pub async fn connect(
        to: &dyn Connect,
        prefix: &str,
        within: Duration,
    ) -> Result<Self, Failure> {
        Self::connect_with(to, prefix, within, SCRIPT).await
    }

    /// The same with another script, for tests of what the right one holds.
    pub async fn connect_with(
        to: &dyn Connect,
        prefix: &str,
        within: Duration,
        script: &str,
    ) -> Result<Self, Failure> {
        let connection = to.connect(prefix, within).await?;
        let name = Script::new(script).get_hash().to_owned();
        let script = Arc::new(Scripted { text: script.to_owned(), name });
        Ok(Self { connection, prefix: prefix.as_bytes().into(), script })
    }

    /// Has a batch carried out. What surely did not happen, and may here, is asked again until the deadline,
    /// and never after it.
    ///
    /// An answer that comes after the deadline is still read: it may have admitted requests that nobody
    /// waits for. `now` is for tests; without it the time is the server's.
    pub async fn call(
        &self,
        batch: &Arc<Batch>,
        now: Option<UnixMillis>,
        deadline: Instant,
    ) -> Answer {
        let (this, batch) = (self.clone(), Arc::clone(batch));
        let mut call = tokio::spawn(async move { this.carry_out(&batch, now, deadline).await });
        match timeout_at(deadline, &mut call).await {
            Ok(answered) => Answer::InTime(Failure::of_task(answered)),
            Err(_) => Answer::Late(Late(call)),
        }
    }

    /// How many replicas have all that was written over this connection, as soon as there are so many,
    /// or after a time.
    pub async fn replicas(&self, wanted: u64, within: Duration) -> Result<u64, Failure> {
        let mut connection = self.connection.clone();
        // 0 would be for ever.
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = redis::cmd("WAIT");
        command.arg(wanted).arg(within_ms);
        command.query_async(&mut connection).await.map_err(|error| Failure::of_replicas(&error))
    }

    /// Who answers.
    pub async fn server(&self) -> Result<Server, Failure> {
        let mut connection = self.connection.clone();
        let text = redis::cmd("INFO").arg("everything").query_async(&mut connection).await;
        let address = self.connection.address().to_string();
        match text.map_err(|error| Failure::of(&error))? {
            Answered::BulkString(text) => {
                Ok(Server::read(address, &String::from_utf8_lossy(&text)))
            }
            Answered::VerbatimString { text, .. } => Ok(Server::read(address, &text)),
            _ => Err(Failure::NotUnderstood("INFO")),
        }
    }

    /// The open requests of a worker, which has them under this key.
    pub async fn open_requests(&self, key: &[u8]) -> Result<Vec<OpenRequest>, Failure> {
        let all = self.hashes(&[key.into()]).await?;
        // The field without a name has the number of the worker's stream.
        let open = all.into_iter().flatten().filter(|(name, _)| !name.is_empty());
        let read = |(name, value): (Vec<u8>, Vec<u8>)| OpenRequest::read(&name, &value);
        open.map(read).collect::<Option<_>>().ok_or(Failure::NotUnderstood("an open request"))
    }

    async fn carry_out(
        &self,
        batch: &Batch,
        now: Option<UnixMillis>,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let raw = loop {
            match self.run(batch, now).await {
                Err(Failure::DidNothing(_)) if Instant::now() + PAUSE < deadline => pause().await,
                answered => break answered?,
            }
        };
        Ok(Reply::read(&raw, batch)?)
    }

    /// Runs the script once. A server that was started anew, or took over, does not know it by name.
    async fn run(&self, batch: &Batch, now: Option<UnixMillis>) -> Result<RawReply, Failure> {
        let mut connection = self.connection.clone();
        let by_name = self.command("EVALSHA", &self.script.name, batch, now);
        let answered = match by_name.query_async(&mut connection).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                let by_text = self.command("EVAL", &self.script.text, batch, now);
                by_text.query_async(&mut connection).await
            }
            answered => answered,
        };
        raw(answered.map_err(|error| Failure::of(&error))?)
    }

    fn command(&self, name: &str, script: &str, batch: &Batch, now: Option<UnixMillis>) -> Cmd {
        let mut command = redis::cmd(name);
        let keys: Vec<_> = batch.keys(&self.prefix).collect();
        command.arg(script).arg(keys.len()).arg(keys).arg(Batch::time(now)).arg(wire::body(batch));
        command
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server that is busy is asked a hundred times a second"
)]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

/// The parts of an answer.
fn raw(answered: Answered) -> Result<RawReply, Failure> {
    let not_understood = || Failure::NotUnderstood("the script's answer");
    let Answered::Array(parts) = answered else { return Err(not_understood()) };
    let parts: [Answered; 6] = parts.try_into().map_err(|_| not_understood())?;
    match parts {
        [
            Answered::Int(now),
            Answered::BulkString(verdicts),
            Answered::BulkString(before),
            Answered::BulkString(after),
            Answered::BulkString(taken),
            Answered::BulkString(news),
        ] => Ok(RawReply { now, verdicts, before, after, taken, news }),
        _ => Err(not_understood()),
    }
}
