//! Who answers, as it tells itself: what has to be known to trust what it says.

/// A server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Where it is, as whoever led to it says.
    pub address: String,
    /// Which part it has where there are several.
    pub mode: Mode,
    /// Drawn when the process started. With another one, it may have lost what the one before knew.
    pub run_id: String,
    /// Names the history of writes that it has. With another one, it is another server's.
    pub replication_id: String,
    /// How far it is in that history. It only grows; where it is lower than it was, something was lost.
    pub offset: u64,
    /// Its version.
    pub version: String,
    /// Whether it takes writes.
    pub is_master: bool,
    /// How many replicas follow it.
    pub replicas: u64,
    /// What it throws away when its memory is full. Only `noeviction` will do: a bucket that was thrown
    /// away is full again.
    pub maxmemory_policy: String,
    /// Whether it writes what happens to a file.
    pub has_log: bool,
}

/// What a server is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It has all keys.
    #[default]
    Standalone,
    /// It has some of the keys, and knows who has the others.
    InCluster,
    /// It has none, and watches those that have.
    Sentinel,
}

impl Server {
    /// Whether what was seen of `before` may be lost here, so that it has to be merged.
    pub fn may_have_lost_what(&self, before: &Self) -> bool {
        self.run_id != before.run_id
            || self.replication_id != before.replication_id
            || self.offset < before.offset
    }

    /// Whether nothing is thrown away when its memory is full.
    pub fn keeps_all(&self) -> bool {
        self.maxmemory_policy == "noeviction"
    }

    /// Reads the `INFO` of the one at `address`, of which only some lines matter.
    pub(super) fn read(address: String, info: &str) -> Self {
        let mut server = Self { address, ..Self::default() };
        for (name, value) in info.lines().filter_map(|line| line.split_once(':')) {
            match name {
                "redis_mode" | "server_mode" => {
                    server.mode = match value {
                        "cluster" => Mode::InCluster,
                        "sentinel" => Mode::Sentinel,
                        _ => Mode::Standalone,
                    };
                }
                "run_id" => value.clone_into(&mut server.run_id),
                "master_replid" => value.clone_into(&mut server.replication_id),
                "master_repl_offset" => server.offset = value.parse().unwrap_or(0),
                "redis_version" if server.version.is_empty() => {
                    value.clone_into(&mut server.version);
                }
                // A Valkey also says with which Redis it is compatible.
                "valkey_version" => value.clone_into(&mut server.version),
                "role" => server.is_master = value == "master",
                "connected_slaves" => server.replicas = value.parse().unwrap_or(0),
                "maxmemory_policy" => value.clone_into(&mut server.maxmemory_policy),
                "aof_enabled" => server.has_log = value == "1",
                _ => {}
            }
        }
        server
    }
}
