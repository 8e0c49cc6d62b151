//! Very many clients.

use std::{collections::BTreeSet, time::Instant};

use flowguard::ledger::Looks;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_clients_that_all_ask_are_all_told_within_seconds_a_part_at_a_time() {
    const CLIENTS: usize = 10_000;
    let world = World::start().await;
    world.configure_many(CLIENTS);
    let mut reader = world.listen("?topics=clients").await;
    let asked = Instant::now();
    for n in 0..CLIENTS {
        world.ask(&format!("c{n}"), 1).await;
    }
    let asked = asked.elapsed();
    let began = Instant::now();
    let (mut told, mut has_more, mut bytes) = (BTreeSet::new(), false, 0);
    while told.len() < CLIENTS {
        let event = reader.until("clients", |_| true).await;
        has_more |= event.data["more"] == true;
        let some = event.data["clients"].as_array().expect("clients");
        assert!(some.len() <= 128, "{} in one event", some.len());
        bytes = bytes.max(event.data.to_string().len());
        told.extend(some.iter().map(|of| of["client"].as_str().expect("an id").to_owned()));
    }
    println!(
        "{CLIENTS} clients asked in {asked:?}, all told {:?} later, {bytes} bytes an event at most",
        began.elapsed()
    );
    assert!(has_more, "a part of them says that there are more");
    assert!(bytes < 64 * 1024, "{bytes} bytes");
}

/// What it takes to find out that nothing changed, and what to tell of those that did.
async fn look(clients: usize) {
    let world = World::start().await;
    world.configure_many(clients);
    for n in 0..clients {
        let (request, _) = world.ask(&format!("c{n}"), 1).await;
        world.complete(request, 1).await;
    }
    let mut looks = Looks::default();
    let mut ms = 0;
    let mut times = Vec::new();
    for change in [0, 0, 0, 0, 1_000] {
        for n in 0..change {
            world.ask(&format!("c{}", n * (clients / 1_000)), 1).await;
        }
        let began = Instant::now();
        let look = world.ledger.look(&mut looks, ms, 2_500, &|_, _| true);
        times.push((look.changed.len(), began.elapsed()));
        ms += 500;
    }
    println!("{clients} clients that asked: {times:?}");
    assert_eq!(times.last().map(|(changed, _)| *changed), Some(1_000));
    assert!(times[..4].iter().all(|(changed, _)| *changed == 0), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_clients_those_are_found_that_changed() {
    look(10_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and half a gigabyte"]
async fn of_a_million_clients_those_are_found_that_changed() {
    look(1_000_000).await;
}
