//! Several control planes on one store, each with Envoys of its own.

mod exact;

use harness::TestStack;
use harness::redis::Redis;
use harness::stack::StackBuilder;

/// As many Envoys as control planes, each of two workers.
fn stack_on(store: &Redis, control_planes: usize) -> StackBuilder {
    TestStack::builder()
        .setting("STORE_URL", &format!("redis://{}", store.address()))
        .control_planes(control_planes)
        .envoys(control_planes)
        .workers(2)
}
