//! A folder's world beside a store, and what a backup of either says.

use std::{collections::BTreeMap, fs, process::Output};

use harness::{
    redis::{Kind, Redis},
    redis_pair::{By, RedisPair},
};
use limiter::{Bucket, Level, Quota, UnixMillis, Window};
use serde_json::Value;

use super::{
    backup::ControlPlane,
    world::{World, text},
};

/// A folder's world beside a store.
pub(crate) struct Both {
    pub(crate) world: World,
    servers: Servers,
}

/// In which way the store is run.
enum Servers {
    One(Redis),
    Several(RedisPair),
}

impl Both {
    pub(crate) async fn start() -> Self {
        Self { world: World::new(), servers: Servers::One(Redis::start(Kind::Redis, &[]).await) }
    }

    /// With a store of several servers, over which `by` watches.
    pub(crate) async fn start_several(by: By) -> Self {
        let pair = RedisPair::start(by, Kind::Redis, &[]).await;
        Self { world: World::new(), servers: Servers::Several(pair) }
    }

    pub(crate) fn url(&self) -> String {
        match &self.servers {
            Servers::One(server) => format!("redis://{}", server.address()),
            Servers::Several(pair) => pair.url(),
        }
    }

    /// The one that has the keys.
    pub(crate) fn server(&self) -> &Redis {
        match &self.servers {
            Servers::One(server) => server,
            Servers::Several(pair) => &pair.servers[0],
        }
    }

    /// `flowguard data …` of the store.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.world.command(arguments);
        command.env("STORE_URL", self.url()).output().expect("the binary runs")
    }

    pub(crate) fn write(&self, name: &str, document: &str) {
        fs::write(self.world.path(name), document).expect("written");
    }

    /// What is exported of the store.
    pub(crate) fn exported(&self) -> Backup {
        let output = self.run(&["export"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        Backup::of(text(&output.stdout))
    }

    /// What is exported of a folder.
    pub(crate) fn exported_folder(&self, name: &str) -> Backup {
        let output = self.world.run(&["export", &format!("--data-dir={name}")]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        Backup::of(text(&output.stdout))
    }

    /// A control plane that shares the store.
    pub(crate) fn control_plane(&self) -> ControlPlane {
        ControlPlane::start_with(&[("STORE_URL", &self.url())])
    }

    pub(crate) async fn exists(&self, key: &[u8]) -> bool {
        self.server().command(&[b"EXISTS", key]).await.starts_with(b":1")
    }
}

/// What a backup says.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) at: u64,
    /// What is configured and what was counted, in order.
    pub(crate) lines: Vec<String>,
    /// What is left of each bucket.
    pub(crate) levels: BTreeMap<String, Value>,
}

impl Backup {
    pub(crate) fn of(document: &str) -> Self {
        let mut backup = Self { at: 0, lines: Vec::new(), levels: BTreeMap::new() };
        for line in document.lines() {
            let value: Value = serde_json::from_str(line).expect("JSON");
            if let Some(header) = value.get("flowguard") {
                backup.at = header["at"].as_u64().expect("a time");
            } else if let Some(bucket) = value.get("bucket") {
                backup.levels.insert(bucket["bucket"].to_string(), bucket["level"].clone());
            } else if value.get("end").is_none() && value.get("learned").is_none() {
                // The last line counts them; what clients learned is each control plane's own.
                backup.lines.push(line.to_owned());
            }
        }
        backup
    }

    /// Whole tokens and rest of each bucket at a time.
    pub(crate) fn left_at(&self, now: u64) -> BTreeMap<String, (u64, u64, i64, u32)> {
        let levels = self.levels.iter();
        levels.map(|(name, level)| (name.clone(), left_at(level, now))).collect()
    }
}

pub(crate) fn left_at(level: &Value, now: u64) -> (u64, u64, i64, u32) {
    let number = |name: &str| level[name].as_u64().expect("a number");
    let window = u32::try_from(number("window_s")).expect("a window");
    let window = Window::from_secs(window).expect("a window");
    let quota = Quota::new(number("amount"), window, Some(number("burst"))).expect("a quota");
    let level = Level {
        quota,
        revision: 0,
        whole: level["whole"].as_i64().expect("a number"),
        rest: u32::try_from(number("rest")).expect("a rest"),
        refilled_at: UnixMillis(number("refilled_at")),
    };
    let mut bucket = Bucket::at(level).expect("possible");
    bucket.refill(UnixMillis(now));
    let Level { whole, rest, .. } = bucket.level();
    (quota.amount(), quota.burst(), whole, rest)
}
