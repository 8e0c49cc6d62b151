//! What a start says of the store that it finds, and which stores it refuses.

use std::process::Output;

use harness::redis::{Kind, Redis};
use harness::redis_pair::RedisPair;
use harness::{TestStack, tools};

use super::stack_at;

/// What becomes of a control plane with this store.
async fn start_with(settings: &[(&str, &str)]) -> Output {
    let mut command = tokio::process::Command::from(tools::flowguard());
    command.env_clear().env("DATA_DIR", "memory").envs(settings.iter().copied());
    for port in ["METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"] {
        command.env(port, "0");
    }
    command.kill_on_drop(true).output().await.expect("it ends")
}

async fn is_refused(url: &str, why: &str) {
    let output = start_with(&[("STORE_URL", url)]).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{told}");
    let line = told.lines().last().unwrap_or_default();
    assert!(line.contains(why), "{line}");
}

fn single(server: &Redis) -> String {
    format!("redis://{}", server.address())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_run_in_another_way_than_the_url_says_is_refused_with_the_way_out() {
    let single_one = Redis::start(Kind::Redis, &[]).await;
    let at = single_one.address();
    for url in [format!("redis+cluster://{at}"), format!("redis+cluster://{at},127.0.0.1:1")] {
        is_refused(&url, "leads to a server that is in no cluster: write redis://HOST").await;
    }
    is_refused(&format!("redis+sentinel://{at}/flowguard"), "cannot be used: can't connect").await;

    let watched = RedisPair::with_sentinels(Kind::Redis, &[]).await;
    is_refused(&single(&watched.servers[1]), "is a replica, which takes no writes").await;
    let sentinel = watched.url().replace("+sentinel", "");
    let sentinel = sentinel.split([',', '/']).nth(2).expect("a sentinel").to_owned();
    is_refused(
        &format!("redis://{sentinel}"),
        "leads to a sentinel: write redis+sentinel://HOST,HOST/SERVICE",
    )
    .await;

    let cluster = RedisPair::in_cluster(Kind::Redis, &[]).await;
    for server in &cluster.servers {
        is_refused(
            &single(server),
            "leads to a server of a cluster: write redis+cluster://HOST,HOST",
        )
        .await;
    }
    let evicts = "CONFIG SET maxmemory-policy allkeys-lru";
    cluster.servers[0].ask(evicts).await.expect("it is set");
    is_refused(&cluster.url(), "has maxmemory-policy allkeys-lru").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_says_which_server_it_was_led_to() {
    for (pair, led) in [
        (RedisPair::with_sentinels(Kind::Redis, &[]).await, "its sentinels name the master"),
        (RedisPair::in_cluster(Kind::Redis, &[]).await, "its cluster names the owner of the keys"),
    ] {
        let stack: TestStack = stack_at(&pair.url(), 1).start().await;
        let log = stack.control_plane.log();
        let line = log.lines().find(|line| line.contains(led));
        let line = line.unwrap_or_else(|| panic!("no word of who answers: {log}"));
        assert!(line.contains(&format!("server={}", pair.servers[0].address())), "{line}");
        assert!(
            line.contains("maxmemory_policy=noeviction") && line.contains("replicas=1"),
            "{line}"
        );
    }
}
