//! Whoever goes on behind the last event that they heard misses nothing, or is told that they did.

use flowguard::events::{Filter, Told, Topic, Wish};
use serde_json::json;

use crate::world::World;

fn objects(told: &[serde_json::Value]) -> Vec<&str> {
    told.iter().map(|of| of["object"].as_str().expect("an object")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_goes_on_without_a_gap() {
    let world = World::start().await;
    let mut reader = world.listen("?topics=config,clients").await;
    world.configure("a", None).await;
    reader.until("config", |_| true).await;
    let heard = reader.last_id.clone();
    drop(reader);
    world.ask("a", 1).await;
    for client in ["b", "c"] {
        world.configure(client, None).await;
    }
    let (mut reader, begins) = world.go_on("?topics=config,clients", &heard).await;
    assert_eq!(begins, heard);
    let mut told = Vec::new();
    while told.len() < 2 {
        let event = reader.next().await.expect("an event");
        assert_ne!(event.name, "lagged", "{event:?}");
        if event.name == "config" {
            told.push(event.data);
        }
    }
    assert_eq!(objects(&told), ["client/b", "client/c"]);
    // It was looked at meanwhile, though nobody listened.
    let mut reader = world.go_on("?topics=clients", &heard).await.0;
    reader.client("clients", "a", |told| told["success_requests"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_a_process_before_or_of_nobody_is_told_as_lagged_with_all_that_there_is_behind() {
    let world = World::start().await;
    world.configure("a", None).await;
    for heard in ["0123456789abcdef01234567-4", "x", "-", "-1", "99999999999999999999999", "\"><b>"]
    {
        let (mut reader, _) = world.go_on("?topics=config", heard).await;
        let lagged = reader.next().await.expect("an event");
        assert_eq!(lagged.name, "lagged", "{heard}");
        assert_eq!((&lagged.id, &lagged.data), (&None, &json!({"topics": ["config"]})));
        let told = reader.next().await.expect("an event");
        assert_eq!(told.data["object"], "client/a", "{heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_told_how_much_they_missed_and_costs_nobody_memory() {
    const TOLD: usize = 20_000;
    let world = World::start().await;
    let events = world.operator.events();
    let wish = Wish { topics: vec![Topic::Config], filter: Filter::default() };
    let mut reader = events.listen(wish, None).await.expect("a place");
    for n in 0..TOLD {
        events.configured(&json!({ "n": n }), None);
    }
    let Some(Told::Lagged { topics, missed: Some(missed) }) = reader.try_next() else {
        panic!("not told of what is missing")
    };
    assert_eq!(topics, [Topic::Config]);
    let mut heard = 0;
    while let Some(Told::Event { json, .. }) = reader.try_next() {
        let n: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(n["n"], missed + heard, "in their order, to the last");
        heard += 1;
    }
    assert_eq!(missed + heard, TOLD as u64);
    assert!(heard >= 1_000, "a short while is no gap: {heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_too_old_is_told_as_lagged() {
    let world = World::start().await;
    let mut reader = world.listen("?topics=config").await;
    world.configure("a", None).await;
    reader.until("config", |_| true).await;
    let heard = reader.last_id.clone();
    for n in 0..10_000 {
        world.operator.events().configured(&json!({ "n": n }), None);
    }
    let (mut reader, _) = world.go_on("?topics=config,workers", &heard).await;
    let lagged = reader.next().await.expect("an event");
    assert_eq!((&*lagged.name, &lagged.data), ("lagged", &json!({"topics": ["config"]})));
    assert_eq!(reader.next().await.expect("an event").name, "config");
}
