//! What is configured in a store whose replica takes over.

use std::sync::Arc;

use flowguard::{
    clients::{ClientConfig, Limits},
    store::{ConfigStore, Contents, Edit, WrittenSince, shared::Link, shared::SharedConfiguration},
};
use harness::{deadline::eventually, redis::Kind, redis_pair::RedisPair};
use limiter::ClientId;

use crate::traffic::{PREFIX, target_of};

fn configuration(pair: &RedisPair) -> SharedConfiguration {
    SharedConfiguration::new(Link::new(target_of(&pair.url()), PREFIX))
}

/// Writes a client on top of all that is there.
async fn write(configuration: &SharedConfiguration, id: &str) -> Option<()> {
    let known = configuration.load().await.ok()?.newest;
    configuration.begin_turn(known).await.ok()?;
    let limits = Limits { rpm: None, tpm: None };
    let client = ClientConfig::new(ClientId::try_from(id).expect("an id"), limits);
    let written = configuration.write(Arc::new(vec![Edit::PutClient(client)])).await;
    configuration.end_turn().await;
    written.ok().map(|_| ())
}

fn ids(contents: &Contents) -> Vec<&str> {
    let mut ids: Vec<_> = contents.clients.iter().map(|(one, _)| one.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

async fn check_that_nobody_goes_on_with_a_write_that_is_lost(mut pair: RedisPair) {
    let (one, other) = (configuration(&pair), configuration(&pair));
    write(&one, "kept").await.expect("it is written");
    eventually("the replica has it", || async {
        let [primary, replica] = &pair.servers;
        let there = primary.ask("INFO replication").await.ok()?;
        let here = replica.ask("INFO replication").await.ok()?;
        let offset = |about: &str| {
            let line = about.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
            line.map(str::to_owned)
        };
        (offset(&there) == offset(&here)).then_some(())
    })
    .await;
    pair.notice_faults().await;
    pair.cut_replication().await;
    write(&one, "lost").await.expect("it is written");
    let before = one.load().await.expect("an answer");
    assert_eq!(ids(&before), ["kept", "lost"]);
    assert!(matches!(one.written_since(before.newest).await, Ok(WrittenSince::Nothing)));
    pair.servers[0].process().kill();
    pair.wait_until_it_took_over().await;
    eventually("the other control plane writes", || write(&other, "later")).await;
    // By its revision alone what was written later would be told, and what was lost would stay.
    let told =
        eventually("an answer", || async { one.written_since(before.newest).await.ok() }).await;
    let WrittenSince::Everything(contents) = told else { panic!("{told:?}") };
    assert_eq!(ids(&contents), ["kept", "later"]);
    assert!(contents.newest > before.newest);
    assert!(matches!(one.written_since(contents.newest).await, Ok(WrittenSince::Nothing)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_goes_on_with_a_write_that_sentinels_lost() {
    let pair = RedisPair::with_sentinels(Kind::Redis, &[]).await;
    check_that_nobody_goes_on_with_a_write_that_is_lost(pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_goes_on_with_a_write_that_a_cluster_lost() {
    let pair = RedisPair::in_cluster(Kind::Redis, &[]).await;
    check_that_nobody_goes_on_with_a_write_that_is_lost(pair).await;
}
