//! Not one secret is anywhere but where it was made: keys and tokens by every way to make one, shown
//! rightly and wrongly in every place that takes something, and then looked for in all that is told.
//!
//! That the search finds one is shown where it is (`harness/src/secrets.rs`). It also looks through
//! what the processes of every other test wrote.

mod commands;
mod issuer;
mod looked_through;
mod made;
mod shown_to_envoy;
mod shown_to_operator;
mod world;

use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_told_wherever_it_is_shown_and_however_it_is_wrong() {
    let mut world = World::start().await;
    made::by_every_way(&mut world).await;
    shown_to_envoy::rightly(&world).await;
    shown_to_envoy::wrongly(&world).await;
    shown_to_operator::wrongly_over_rest(&mut world).await;
    shown_to_operator::wrongly_over_grpc(&mut world).await;
    commands::given_secrets(&mut world).await;
    looked_through::while_it_runs(&mut world).await;
    looked_through::when_it_has_ended(world).await;
}
