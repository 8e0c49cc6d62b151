//! A Redis in memory, as far as control planes use one: real scripts in a real Lua, real bytes on its
//! connections, and every fault that it can have.

mod commands;
mod connection;
mod data;
mod messages;
mod reply;
mod scripting;
mod structs;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use self::{data::Data, scripting::Scripting};
use crate::queue::Micros;

pub use connection::Access;
pub use reply::Reply;

/// Whoever calls waits at least so long for an answer.
const HEARD_WITHIN: Micros = 4_000_000;

/// The wall clock of a server at the start of a run.
pub const WALL_US: u64 = 1_700_000_000_000_000;

/// A server; a clone is the same one.
#[derive(Clone, Debug)]
pub struct Redis(Arc<Server>);

#[derive(Debug)]
struct Server {
    data: Arc<Mutex<Data>>,
    scripting: Mutex<Scripting>,
    state: Mutex<State>,
    /// It went on; whoever waited longest hears it first, in every run of a seed.
    woke: Notify,
    began: Instant,
}

#[derive(Debug)]
struct State {
    is_up: bool,
    /// It is up, and does nothing.
    is_paused: bool,
    /// Counts processes and promotions: each is another server to whoever asks.
    generation: u64,
    /// By what another generation is told from the one before.
    identity: (u64, u64),
    /// How far its clock is from what it was.
    jump_us: i64,
    /// How far its replica is behind.
    lag: Duration,
    connections: CancellationToken,
    reach: BTreeMap<u64, Reach>,
    random: fastrand::Rng,
    calls: Vec<Call>,
    calls_taken: usize,
}

/// How one control plane reaches it.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Whether connections can be made.
    pub is_open: bool,
    /// How long a command or an answer is on its way at most.
    pub delay_max: Micros,
    /// Until then nothing arrives.
    pub held_until: Micros,
    /// What becomes of the next command.
    pub next: Next,
}

impl Default for Reach {
    fn default() -> Self {
        Self { is_open: true, delay_max: 1_500, held_until: 0, next: Next::Done }
    }
}

/// What becomes of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// It is carried out and answered.
    #[default]
    Done,
    /// The connection breaks before it arrives.
    Lost,
    /// It is carried out, and the connection breaks before its answer arrives.
    Unanswered,
    /// Its answer takes so much longer.
    Late(Micros),
    /// It arrives nowhere, and nobody says so: the machine is gone, or the way to it.
    Silent,
}

/// What becomes of what was written last, when a server is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The process was started anew.
    Restart,
    /// Its replica took over.
    Promotion,
}

/// One run of a script, in the order in which there were any.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it was run.
    pub at: Micros,
    /// The server's clock then, in milliseconds.
    pub now_ms: u64,
    /// Which server it was.
    pub generation: u64,
    /// Who asked.
    pub plane: u64,
    /// Over which connection, of all that there were.
    pub connection: u64,
    /// Its keys.
    pub keys: Vec<Vec<u8>>,
    /// Its arguments.
    pub arguments: Vec<Vec<u8>>,
    /// What it answered.
    pub reply: Reply,
    /// When it was sent.
    pub sent_at: Micros,
    /// When its answer was on the connection.
    pub answered_at: Option<Micros>,
}

impl Redis {
    /// A server with nothing in it. What is random of it is made by a seed.
    pub fn new(seed: u64) -> Self {
        let data = Arc::new(Mutex::new(Data::default()));
        let scripting = Scripting::new(&data).expect("what a Lua has for scripts fits in it");
        let state = State {
            is_up: true,
            is_paused: false,
            generation: 0,
            identity: (0, 0),
            jump_us: 0,
            lag: Duration::ZERO,
            connections: CancellationToken::new(),
            reach: BTreeMap::new(),
            random: fastrand::Rng::with_seed(seed),
            calls: Vec::new(),
            calls_taken: 0,
        };
        Self(Arc::new(Server {
            data,
            scripting: Mutex::new(scripting),
            state: Mutex::new(state),
            woke: Notify::new(),
            began: Instant::now(),
        }))
    }

    /// Has another text run where a script has this one.
    pub fn mutate(&self, from: &'static str, to: &'static str) {
        self.0.scripting.lock().mutate((from, to));
    }

    /// The time of the run.
    pub fn at(&self) -> Micros {
        u64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Its clock, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        let jump_us = self.0.state.lock().jump_us;
        (WALL_US + self.at()).saturating_add_signed(jump_us) / 1_000
    }

    /// How a control plane reaches it, to be changed.
    pub fn reach(&self, plane: u64, change: impl FnOnce(&mut Reach)) {
        change(self.0.state.lock().reach.entry(plane).or_default());
    }

    /// Everybody reaches it as ever.
    pub fn reach_all(&self) {
        for reach in self.0.state.lock().reach.values_mut() {
            let is_open = reach.is_open;
            *reach = Reach { is_open, delay_max: reach.delay_max, ..Reach::default() };
        }
    }

    /// Stops it in whatever it does, and lets it go on.
    pub fn pause(&self, is_paused: bool) {
        self.0.state.lock().is_paused = is_paused;
        if !is_paused {
            self.0.woke.notify_waiters();
        }
    }

    /// Its process is no more.
    pub fn kill(&self) {
        let mut state = self.0.state.lock();
        state.is_up = false;
        std::mem::take(&mut state.connections).cancel();
    }

    /// Another process, or another server, answers from now on. What was written in the last of the time
    /// is lost.
    pub fn comes_back(&self, change: Change, lost: Micros) -> Micros {
        let then = self.at().saturating_sub(lost);
        self.0.data.lock().go_back_to(then);
        self.0.scripting.lock().forget();
        let mut state = self.0.state.lock();
        std::mem::take(&mut state.connections).cancel();
        state.is_up = true;
        state.generation += 1;
        // A process that starts anew draws another run id; a replica that takes over has its own, and
        // another replication id.
        state.identity.0 += 1;
        state.identity.1 += u64::from(change == Change::Promotion);
        then
    }

    /// Its scripts are forgotten.
    pub fn flush_scripts(&self) {
        self.0.scripting.lock().forget();
    }

    /// Its clock is set.
    pub fn jump(&self, by_us: i64) {
        self.0.state.lock().jump_us += by_us;
    }

    /// Its replica is so far behind from now on, until that is said anew.
    pub fn lag(&self, lag: Duration) {
        self.0.state.lock().lag = lag;
    }

    /// Whether it is up and awake.
    pub fn answers(&self) -> bool {
        let state = self.0.state.lock();
        state.is_up && !state.is_paused
    }

    /// The calls of scripts since this was last asked.
    pub fn take_calls(&self) -> Vec<Call> {
        let mut state = self.0.state.lock();
        let calls = state.calls[state.calls_taken..].to_vec();
        state.calls_taken = state.calls.len();
        calls
    }

    /// All calls of scripts that there were.
    pub fn all_calls(&self) -> Vec<Call> {
        self.0.state.lock().calls.clone()
    }

    /// Whether whoever made a call surely heard its answer, and in time.
    pub fn is_heard(&self, call: usize) -> bool {
        let state = self.0.state.lock();
        state
            .calls
            .get(call)
            .is_some_and(|call| call.answered_at.is_some_and(|at| at < call.sent_at + HEARD_WITHIN))
    }

    /// All keys that begin so.
    pub fn keys_from(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let mut data = self.0.data.lock();
        self.tell_time(&mut data);
        data.keys_from(prefix)
    }

    fn tell_time(&self, data: &mut Data) {
        data.at = self.at();
        let jump_us = self.0.state.lock().jump_us;
        data.clock_us = (WALL_US + data.at).saturating_add_signed(jump_us);
    }

    /// Carries a command out.
    pub fn carry_out(&self, command: &[Vec<u8>]) -> Reply {
        self.tell_time(&mut self.0.data.lock());
        let words: Vec<_> = command.iter().map(Vec::as_slice).collect();
        let error = |text: &str| Reply::Error(text.to_owned());
        let [name, arguments @ ..] = words.as_slice() else { return error("ERR no command") };
        let name = name.to_ascii_uppercase();
        match (name.as_slice(), arguments) {
            (b"EVAL" | b"EVALSHA", [script, count, rest @ ..]) => {
                let count = std::str::from_utf8(count).ok().and_then(|count| count.parse().ok());
                let Some((keys, arguments)) = count.and_then(|count| rest.split_at_checked(count))
                else {
                    return error("ERR Number of keys can't be greater than number of args");
                };
                let owned = |of: &[&[u8]]| of.iter().map(|one| one.to_vec()).collect::<Vec<_>>();
                let (keys, arguments) = (owned(keys), owned(arguments));
                let mut scripting = self.0.scripting.lock();
                if name == b"EVAL" {
                    scripting.eval(script, &keys, &arguments)
                } else {
                    scripting.eval_by_name(script, &keys, &arguments)
                }
            }
            (b"SCRIPT", [b"FLUSH"]) => {
                self.flush_scripts();
                Reply::ok()
            }
            (b"CLIENT", _) | (b"PING", []) => Reply::ok(),
            (b"INFO", _) => Reply::Bulk(self.info().into_bytes()),
            _ => commands::carry_out(&mut self.0.data.lock(), command),
        }
    }

    fn info(&self) -> String {
        let offset = self.0.data.lock().offset;
        let (run, replication) = self.0.state.lock().identity;
        format!(
            "redis_version:7.4.0\r\nrun_id:{run}\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n\
             role:master\r\nconnected_slaves:1\r\nmaster_replid:{replication}\r\n\
             master_repl_offset:{offset}\r\n"
        )
    }
}
