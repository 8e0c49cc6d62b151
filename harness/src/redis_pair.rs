//! A primary and its replica, and whoever lets the one take over from the other: sentinels, or the other
//! servers of a cluster.

use crate::deadline::eventually;
use crate::ports::free_port;
use crate::redis::{Kind, Redis};

/// What the sentinels call the two.
const SERVICE: &str = "flowguard";

/// The key whose slot the two have in a cluster, with all that begin like it.
const KEY: &str = "{flowguard}:";

/// Of both servers: each may follow the other one, as a user of its own, so that this can be forbidden.
const OPTIONS: &str = "--repl-diskless-sync-delay 0 --user replica on >sesame ~* &* +@all \
                       --masteruser replica --masterauth sesame";

/// Longer than any machine stands still, so that nothing happens that a test does not want.
const PATIENT_MS: u32 = 60_000;

/// How long a server may be silent once a test wants that to be noticed.
const IMPATIENT_MS: u32 = 1_000;

const SLOTS: u32 = 16_384;

/// Two servers.
#[derive(Debug)]
pub struct RedisPair {
    /// The first one is the primary at the beginning.
    pub servers: [Redis; 2],
    kind: Kind,
    /// Sentinels, or the other servers of the cluster.
    others: Vec<Redis>,
    by: By,
}

/// Who lets the other server take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Nobody but the test.
    Nobody,
    /// Sentinels.
    Sentinels,
    /// The other servers of a cluster.
    Cluster,
}

impl RedisPair {
    /// Two servers, over which `by` watches. `options` are those of the two.
    pub async fn start(by: By, kind: Kind, options: &[&str]) -> Self {
        match by {
            By::Nobody => Self::alone(kind, options).await,
            By::Sentinels => Self::with_sentinels(kind, options).await,
            By::Cluster => Self::in_cluster(kind, options).await,
        }
    }

    /// Two servers, which nobody watches.
    pub async fn alone(kind: Kind, options: &[&str]) -> Self {
        let servers = pair(kind, options).await;
        let [primary, replica] = &servers;
        let of = format!("REPLICAOF 127.0.0.1 {}", primary.address().port());
        replica.ask(&of).await.expect("it follows");
        wait_until_it_follows(primary, replica).await;
        Self { servers, kind, others: Vec::new(), by: By::Nobody }
    }

    /// Two servers, which three sentinels watch. `options` are those of the two.
    pub async fn with_sentinels(kind: Kind, options: &[&str]) -> Self {
        let Self { servers, .. } = Self::alone(kind, options).await;
        let [primary, _] = &servers;
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            let configuration = format!(
                "sentinel monitor {SERVICE} 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds {SERVICE} {PATIENT_MS}\n\
                 sentinel failover-timeout {SERVICE} 3000\n",
                primary.address().port()
            );
            let sentinel = Redis::start_with(kind, Some(&configuration), &["--sentinel"]).await;
            let often = "SENTINEL DEBUG INFO-PERIOD 500 ASK-PERIOD 100 PUBLISH-PERIOD 200";
            sentinel.ask(often).await.expect("it looks often");
            sentinels.push(sentinel);
        }
        for sentinel in &sentinels {
            eventually("a sentinel that knows all", || async {
                let about = sentinel.ask(&format!("SENTINEL MASTER {SERVICE}")).await.ok()?;
                let knows = |name: &str, number: u8| {
                    let mut words = about.split("\r\n").filter(|word| !word.starts_with('$'));
                    words.find(|word| *word == name)?;
                    (words.next()? == number.to_string()).then_some(())
                };
                knows("num-slaves", 1).and(knows("num-other-sentinels", 2))
            })
            .await;
        }
        Self { servers, kind, others: sentinels, by: By::Sentinels }
    }

    /// Two servers that have the keys of `{flowguard}` in a cluster, in which there are two more.
    pub async fn in_cluster(kind: Kind, options: &[&str]) -> Self {
        let [one, other] = pair_in_cluster(kind, options).await;
        let mut others = Vec::new();
        for _ in 0..2 {
            others.push(start_in_cluster(kind, &[]).await);
        }
        let slot = number(&one.ask(&format!("CLUSTER KEYSLOT {KEY}")).await);
        let (first, last) = (slot.saturating_sub(100), (slot + 100).min(SLOTS - 1));
        let below = (0, first.saturating_sub(1));
        let above = ((last + 1).min(SLOTS - 1), SLOTS - 1);
        let ranges = [(&one, (first, last)), (&others[0], below), (&others[1], above)];
        for (number, (server, (from, to))) in (1..).zip(ranges) {
            let epoch = format!("CLUSTER SET-CONFIG-EPOCH {number}");
            server.ask(&epoch).await.expect("a number of its own");
            let slots = format!("CLUSTER ADDSLOTSRANGE {from} {to}");
            server.ask(&slots).await.expect("its slots");
        }
        for server in others.iter().chain([&other]) {
            let bus = bus_of(server).await;
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.address().port());
            one.ask(&meet).await.expect("they meet");
        }
        for server in others.iter().chain([&one, &other]) {
            eventually("a cluster", || async {
                let about = server.ask("CLUSTER INFO").await.ok()?;
                let all = ["cluster_state:ok", "cluster_known_nodes:4", "cluster_size:3"];
                all.iter().all(|line| about.contains(line)).then_some(())
            })
            .await;
        }
        let id = one.ask("CLUSTER MYID").await.expect("a name");
        let id = id.split("\r\n").nth(1).expect("a name").to_owned();
        other.ask(&format!("CLUSTER REPLICATE {id}")).await.expect("it follows");
        wait_until_it_follows(&one, &other).await;
        for server in others.iter().chain([&one]) {
            eventually("it knows the replica", || async {
                let nodes = server.ask("CLUSTER NODES").await.ok()?;
                nodes.contains(&format!("slave {id}")).then_some(())
            })
            .await;
        }
        Self { servers: [one, other], kind, others, by: By::Cluster }
    }

    /// The URL of all that may be asked for the primary; where nobody watches, of the first server.
    pub fn url(&self) -> String {
        let at = |servers: &mut dyn Iterator<Item = &Redis>| {
            servers.map(|server| server.address().to_string()).collect::<Vec<_>>().join(",")
        };
        match self.by {
            By::Nobody => format!("redis://{}", self.servers[0].address()),
            By::Sentinels => {
                format!("redis+sentinel://{}/{SERVICE}", at(&mut self.others.iter()))
            }
            By::Cluster => {
                format!("redis+cluster://{}", at(&mut self.others.iter().chain(&self.servers)))
            }
        }
    }

    /// From now on a server that is silent for a second is taken for dead.
    pub async fn notice_faults(&self) {
        let (soon, servers): (_, &[Redis]) = match self.by {
            By::Nobody => return,
            By::Sentinels => {
                (format!("SENTINEL SET {SERVICE} down-after-milliseconds {IMPATIENT_MS}"), &[])
            }
            By::Cluster => {
                (format!("CONFIG SET cluster-node-timeout {IMPATIENT_MS}"), &self.servers)
            }
        };
        for server in self.others.iter().chain(servers) {
            server.ask(&soon).await.expect("it is set");
        }
    }

    /// The replica gets nothing from the primary any more, and cannot come back to it.
    pub async fn cut_replication(&self) {
        let [primary, _] = &self.servers;
        primary.ask("ACL SETUSER replica off").await.expect("it is forbidden");
        primary.ask("CLIENT KILL TYPE replica").await.expect("it is cut off");
    }

    /// Lets the second server take over in order, and waits until both know it. Redis' sentinels promote it while
    /// the primary still takes writes; Valkey's and a cluster have them wait.
    pub async fn fail_over(&self) {
        let [primary, replica] = &self.servers;
        let (asked, order) = match (self.by, self.kind) {
            (By::Nobody, _) => (primary, "FAILOVER".to_owned()),
            (By::Cluster, _) => (replica, "CLUSTER FAILOVER".to_owned()),
            (By::Sentinels, Kind::Valkey) => {
                (&self.others[0], format!("SENTINEL FAILOVER {SERVICE} COORDINATED"))
            }
            (By::Sentinels, Kind::Redis) => {
                (&self.others[0], format!("SENTINEL FAILOVER {SERVICE}"))
            }
        };
        eventually("the replica takes over", || async {
            if replica.is_primary().await {
                return Some(());
            }
            // What is under way is refused a second time; what came to nothing, on a busy machine, is not.
            let _ = asked.ask(&order).await;
            None
        })
        .await;
        eventually("the primary knows it", || async {
            (!primary.is_primary().await).then_some(())
        })
        .await;
    }

    /// The second server takes over while the first one goes on taking writes and knows of nothing, as it is
    /// when the sentinels cannot reach it any more.
    pub async fn take_over_behind_the_back_of_the_primary(&self) {
        let [_, replica] = &self.servers;
        replica.ask("REPLICAOF NO ONE").await.expect("it is a primary of its own");
        for sentinel in &self.others {
            sentinel.ask(&format!("SENTINEL REMOVE {SERVICE}")).await.expect("it is forgotten");
            let port = replica.address().port();
            let monitor = format!("SENTINEL MONITOR {SERVICE} 127.0.0.1 {port} 2");
            sentinel.ask(&monitor).await.expect("the other one is watched");
        }
    }

    /// Gives the slot of `{flowguard}` to another server of the cluster, key by key.
    pub async fn move_slot(&self) {
        let ([from, _], to) = (&self.servers, &self.others[0]);
        let slot = number(&from.ask(&format!("CLUSTER KEYSLOT {KEY}")).await);
        let name_of = async |server: &Redis| {
            let id = server.ask("CLUSTER MYID").await.expect("a name");
            id.split("\r\n").nth(1).expect("a name").to_owned()
        };
        let (source, target) = (name_of(from).await, name_of(to).await);
        let import = format!("CLUSTER SETSLOT {slot} IMPORTING {source}");
        to.ask(&import).await.expect("it takes the keys");
        let migrate = format!("CLUSTER SETSLOT {slot} MIGRATING {target}");
        from.ask(&migrate).await.expect("it gives the keys away");
        let count = format!("CLUSTER COUNTKEYSINSLOT {slot}");
        while number(&from.ask(&count).await) > 0 {
            let keys = format!("CLUSTER GETKEYSINSLOT {slot} 1");
            let keys = from.ask(&keys).await.expect("a key");
            let Some(key) = keys.split("\r\n").nth(2) else { continue };
            let port = to.address().port().to_string();
            let migrate = ["MIGRATE", "127.0.0.1", &port, key, "0", "5000"];
            from.command(&migrate.map(str::as_bytes)).await;
        }
        for server in [to, from] {
            let done = format!("CLUSTER SETSLOT {slot} NODE {target}");
            server.ask(&done).await.expect("the slot is the other one's");
        }
    }

    /// Waits until the second server takes writes.
    pub async fn wait_until_it_took_over(&self) {
        let [_, replica] = &self.servers;
        eventually("the replica takes over", || async { replica.is_primary().await.then_some(()) })
            .await;
    }
}

fn number(answer: &Result<String, String>) -> u32 {
    let answer = answer.as_ref().expect("a number").trim_start_matches(':');
    answer.split("\r\n").next().and_then(|number| number.parse().ok()).expect("a number")
}

async fn pair(kind: Kind, options: &[&str]) -> [Redis; 2] {
    let all: Vec<&str> = OPTIONS.split_whitespace().chain(options.iter().copied()).collect();
    [Redis::start(kind, &all).await, Redis::start(kind, &all).await]
}

async fn pair_in_cluster(kind: Kind, options: &[&str]) -> [Redis; 2] {
    let all: Vec<&str> = OPTIONS.split_whitespace().chain(options.iter().copied()).collect();
    [start_in_cluster(kind, &all).await, start_in_cluster(kind, &all).await]
}

async fn start_in_cluster(kind: Kind, options: &[&str]) -> Redis {
    // The default is a port that the machine hands out to others.
    let (bus, patience) = (free_port().to_string(), PATIENT_MS.to_string());
    let mut all = vec!["--cluster-enabled", "yes", "--cluster-port", &bus];
    all.extend(["--cluster-node-timeout", &patience]);
    // However long it was cut off from its primary, it takes over.
    all.extend(["--cluster-replica-validity-factor", "0"]);
    all.extend(options);
    Redis::start(kind, &all).await
}

async fn bus_of(server: &Redis) -> String {
    let port = server.ask("CONFIG GET cluster-port").await.expect("a port");
    port.split("\r\n").nth(4).expect("a port").to_owned()
}

async fn wait_until_it_follows(primary: &Redis, replica: &Redis) {
    // Until it has acknowledged something it is called online, and is sent nothing.
    primary.ask(&format!("SET {KEY}follows 1")).await.expect("it is written");
    eventually("a replica that follows", || async {
        let about = primary.ask("INFO replication").await.ok()?;
        let offset = about.lines().find_map(|line| line.strip_prefix("master_repl_offset:"))?;
        let has_all =
            about.contains("state=online") && about.contains(&format!("offset={offset},"));
        (has_all && offset != "0").then_some(())?;
        let about = replica.ask("INFO replication").await.ok()?;
        about.contains("master_link_status:up").then_some(())
    })
    .await;
    primary.ask(&format!("DEL {KEY}follows")).await.expect("it is written");
}
