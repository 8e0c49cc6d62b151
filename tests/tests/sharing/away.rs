//! A store that is killed while requests come, and is there again.

use harness::deadline::eventually;
use harness::http_client::HttpClient;
use harness::redis::{Kind, Redis};

use super::{follows, stack_on};

async fn admits_its_part(kind: Kind) {
    let mut store = Redis::start(kind, &["--appendonly", "yes", "--appendfsync", "always"]).await;
    let stack = stack_on(&store, 2).start().await;
    let (first, other) = (stack.admin(), stack.other_control_planes[0].admin());
    stack.admin().put_client("a", 600, None).await;
    follows(&other, &first, "a").await;
    let proxies: Vec<_> =
        stack.envoys.iter().map(|envoy| HttpClient::http1(envoy.proxy_address())).collect();
    for proxy in &proxies {
        assert_eq!(proxy.post("/").client("a").tokens(1).send().await.status, 200);
    }
    let control_planes = [&stack.control_plane].into_iter().chain(&stack.other_control_planes);
    for control_plane in control_planes.clone() {
        eventually("each knows that there are two", || async {
            let metrics = control_plane.metrics().await;
            (metrics.value("flowguard_store_control_planes", &[]) == Some(2.0)).then_some(())
        })
        .await;
    }

    store.process().kill();
    let mut admitted = 2;
    for proxy in &proxies {
        let mut of_this_one = 0;
        loop {
            let status = proxy.post("/").client("a").tokens(1).send().await.status;
            match status.as_u16() {
                200 => of_this_one += 1,
                429 => break,
                status => panic!("{status}"),
            }
            assert!(of_this_one <= 400, "a part of the limit, and no more");
        }
        assert!(of_this_one >= 250, "{of_this_one} of half the limit");
        admitted += of_this_one;
    }
    let written = first.put("b", &serde_json::json!({"rpm": 1})).await;
    assert_eq!(written.status, 503, "{}", written.text());
    for control_plane in control_planes {
        let metrics = control_plane.metrics().await;
        let undecided = metrics.value("flowguard_store_undecided_total", &[("mode", "local")]);
        assert!(undecided.is_some_and(|count| count >= 250.0), "{undecided:?}");
        assert_eq!(metrics.value("flowguard_store_circuit_open", &[]), Some(1.0));
        assert_eq!(metrics.value("flowguard_store_control_planes", &[]), Some(2.0));
    }

    store.restart().await;
    eventually("what was admitted is charged", || async {
        let left = first.stats("a").await.rpm_remaining?;
        // A minute refills all of it: what is owed is what was admitted beyond that.
        (left + admitted <= 600 + 600 / 2).then_some(())
    })
    .await;
    eventually("configuration is written again", || async {
        let written = first.put("b", &serde_json::json!({"rpm": 1})).await;
        written.status.is_success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_each_control_plane_admits_its_part_and_charges_it_afterwards() {
    for kind in Kind::ALL {
        admits_its_part(kind).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_closes_or_opens_where_that_is_wanted() {
    for (mode, status) in [("closed", 503), ("open", 200)] {
        let mut store = Redis::start(Kind::Redis, &[]).await;
        let stack = stack_on(&store, 1).setting("STORE_FAILURE_MODE", mode).start().await;
        stack.admin().put_client("a", 5, None).await;
        assert_eq!(stack.proxy().post("/").client("a").tokens(1).send().await.status, 200);
        store.process().kill();
        for _ in 0..10 {
            let answer = stack.proxy().post("/").client("a").tokens(1).send().await;
            assert_eq!(answer.status.as_u16(), status, "{mode}");
        }
        let metrics = stack.control_plane.metrics().await;
        let undecided = metrics.value("flowguard_store_undecided_total", &[("mode", mode)]);
        assert!(undecided.is_some_and(|count| count >= 10.0), "{mode}: {undecided:?}");
    }
}
