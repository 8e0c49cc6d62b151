//! Several control planes on one store, each with Envoys of its own.

mod away;
mod everywhere;
mod exact;
mod places;
mod spread;
mod start;
mod taken_over;

use harness::TestStack;
use harness::admin::Admin;
use harness::deadline::eventually;
use harness::redis::Redis;
use harness::stack::StackBuilder;

/// As many Envoys as control planes, each of two workers.
fn stack_on(store: &Redis, control_planes: usize) -> StackBuilder {
    stack_at(&format!("redis://{}", store.address()), control_planes)
}

/// The same on the store of a URL.
fn stack_at(url: &str, control_planes: usize) -> StackBuilder {
    TestStack::builder()
        .setting("STORE_URL", url)
        .control_planes(control_planes)
        .envoys(control_planes)
        .workers(2)
}

/// Waits until a client is in force as it is at the first control plane.
async fn follows(admin: &Admin, first: &Admin, client: &str) {
    let path = format!("/api/v1/clients/{client}");
    let there = first.http().get(&path).send().await;
    eventually("the other control plane has read it", || async {
        let here = admin.http().get(&path).send().await;
        (here.status == there.status && here.text() == there.text()).then_some(())
    })
    .await;
}
