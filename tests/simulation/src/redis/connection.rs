//! Connections of control planes: bytes that take their time, arrive, are lost, or are answered to
//! nobody.

use std::{future::pending, time::Duration};

use async_trait::async_trait;
use flowguard::store::shared::client::{Connect, Connection, Failure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    Call, Next, Redis,
    reply::{Command, Reply, take_command},
};
use crate::queue::Micros;

/// More than anybody has under way.
const BUFFER: usize = 1 << 20;

/// How one control plane reaches a server.
#[derive(Clone, Debug)]
pub struct Access {
    redis: Redis,
    plane: u64,
}

impl Redis {
    /// The way in of a control plane.
    pub fn access(&self, plane: u64) -> Access {
        self.reach(plane, |_| {});
        Access { redis: self.clone(), plane }
    }
}

#[async_trait]
impl Connect for Access {
    async fn connect(&self, _prefix: &str, within: Duration) -> Result<Connection, Failure> {
        let (client, server) = duplex(BUFFER);
        let connections = {
            let state = self.redis.0.state.lock();
            let is_open = state.reach.get(&self.plane).is_some_and(|reach| reach.is_open);
            if !state.is_up || !is_open {
                return Err(Failure::NotConnected("nobody listens".to_owned()));
            }
            state.connections.clone()
        };
        tokio::spawn(self.clone().serve(server, connections));
        Connection::over(client, within).await
    }
}

/// A connection breaks.
struct Broken;

impl Access {
    async fn serve(self, mut stream: DuplexStream, connections: CancellationToken) {
        let number = self.redis.0.state.lock().random.u64(..);
        tokio::select! {
            biased;
            () = connections.cancelled() => {}
            _ = self.serve_all(&mut stream, number) => {}
        }
    }

    /// One command after the other, also those of somebody who is gone.
    async fn serve_all(&self, stream: &mut DuplexStream, connection: u64) -> Result<(), Broken> {
        let mut arrived = Vec::new();
        loop {
            if stream.read_buf(&mut arrived).await.unwrap_or(0) == 0 {
                return Ok(());
            }
            let mut answers = Vec::new();
            let mut calls = Vec::new();
            let mut last = Next::Done;
            let sent_at = self.redis.at();
            self.travel().await;
            while let Some(command) = take_command(&mut arrived) {
                self.wakes().await;
                last = self.take_next(&command);
                match last {
                    Next::Lost => return Err(Broken),
                    Next::Silent => pending().await,
                    Next::Done | Next::Unanswered | Next::Late(_) => {}
                }
                let reply = self.answer(&command).await;
                calls.extend(self.note(&command, &reply, (connection, sent_at)));
                answers.extend(reply.to_bytes());
                if last != Next::Done {
                    break;
                }
            }
            match last {
                Next::Unanswered => return Err(Broken),
                Next::Late(by) => pass(Duration::from_micros(by)).await,
                Next::Done | Next::Lost | Next::Silent => {}
            }
            self.travel().await;
            stream.write_all(&answers).await.map_err(|_| Broken)?;
            let mut state = self.redis.0.state.lock();
            let at = Some(self.redis.at());
            for call in calls {
                if let Some(call) = state.calls.get_mut(call) {
                    call.answered_at = at;
                }
            }
        }
    }

    /// Greetings are spared: what is cut are calls.
    fn take_next(&self, command: &Command) -> Next {
        if command.first().is_some_and(|name| name == b"CLIENT") {
            return Next::Done;
        }
        let mut state = self.redis.0.state.lock();
        state
            .reach
            .get_mut(&self.plane)
            .map(|reach| std::mem::take(&mut reach.next))
            .unwrap_or_default()
    }

    /// The way in one direction.
    async fn travel(&self) {
        let (after, held_until) = {
            let state = &mut *self.redis.0.state.lock();
            let reach = state.reach.get(&self.plane).copied().unwrap_or_default();
            (state.random.u64(0..=reach.delay_max), reach.held_until)
        };
        let after = after.max(held_until.saturating_sub(self.redis.at()));
        pass(Duration::from_micros(after)).await;
    }

    async fn wakes(&self) {
        loop {
            let woke = self.redis.0.woke.notified();
            if !self.redis.0.state.lock().is_paused {
                return;
            }
            woke.await;
        }
    }

    async fn answer(&self, command: &Command) -> Reply {
        if command.first().is_some_and(|name| name == b"WAIT") {
            return self.wait_for_replica(command).await;
        }
        self.redis.carry_out(command)
    }

    /// The replica has everything as soon as it is not behind.
    async fn wait_for_replica(&self, command: &Command) -> Reply {
        let within = command.get(2).and_then(|ms| std::str::from_utf8(ms).ok()?.parse().ok());
        let within = Duration::from_millis(within.unwrap_or(0));
        let lag = self.redis.0.state.lock().lag;
        pass(lag.min(within)).await;
        Reply::Integer((lag <= within).into())
    }

    /// Keeps a run of a script in mind; which one it is.
    fn note(
        &self,
        command: &Command,
        reply: &Reply,
        (connection, sent_at): (u64, Micros),
    ) -> Option<usize> {
        let [name, _, count, rest @ ..] = command.as_slice() else { return None };
        let is_unknown = matches!(reply, Reply::Error(text) if text.starts_with("NOSCRIPT"));
        if !name.starts_with(b"EVAL") || is_unknown {
            return None;
        }
        let count = std::str::from_utf8(count).ok()?.parse().ok()?;
        let (keys, arguments) = rest.split_at_checked(count)?;
        let (at, now_ms) = (self.redis.at(), self.redis.now_ms());
        let mut state = self.redis.0.state.lock();
        let generation = state.generation;
        state.calls.push(Call {
            at,
            now_ms,
            generation,
            plane: self.plane,
            connection,
            keys: keys.to_vec(),
            arguments: arguments.to_vec(),
            reply: reply.clone(),
            sent_at,
            answered_at: None,
        });
        Some(state.calls.len() - 1)
    }
}

/// Some of the run's time.
async fn pass(time: Duration) {
    if !time.is_zero() {
        #[expect(clippy::disallowed_methods, reason = "simulated time passes at once")]
        sleep(time).await;
    }
}
