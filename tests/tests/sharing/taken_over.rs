//! A store whose replica takes over while requests come.

use harness::redis::Kind;
use harness::redis_pair::RedisPair;

use super::ESTIMATE;
use super::balances::{TASKS, TooMuch, UnderLoad};

async fn goes_on(mut pair: RedisPair, dies: bool) {
    let load = UnderLoad::start(&pair.url()).await;
    load.admits(100).await;
    if dies {
        pair.notice_faults().await;
        pair.servers[0].process().kill();
        pair.wait_until_it_took_over().await;
    } else {
        pair.fail_over().await;
    }
    load.is_configured_again().await;
    load.admits(100).await;
    let (admitted, too_much) = load.stop().await;
    println!("{admitted} admitted: {too_much:?}");
    // Each control plane may have decided for as many as were under way of which the other one saw nothing;
    // what was reserved meanwhile may stay charged.
    let estimate = i64::try_from(ESTIMATE).expect("few");
    let most = if dies { TASKS } else { 0 };
    let TooMuch { requests, tokens } = too_much;
    assert!((-2 * TASKS..=most).contains(&requests), "{requests} requests too much");
    assert!((-60 * estimate..=most * estimate).contains(&tokens), "{tokens} tokens too much");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_sentinels_another_server_takes_over_and_every_request_is_decided() {
    goes_on(RedisPair::with_sentinels(Kind::Redis, &[]).await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_another_server_takes_over_and_every_request_is_decided() {
    goes_on(RedisPair::in_cluster(Kind::Redis, &[]).await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_servers_change_in_order_and_every_request_is_decided() {
    goes_on(RedisPair::in_cluster(Kind::Valkey, &[]).await, false).await;
}
