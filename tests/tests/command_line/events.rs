//! What happens, told while it happens.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_a_line_as_soon_as_it_is_made() {
    let world = World::start().await;
    let mut command = world.shell.command(&["events", "--topics", "config", "-o", "json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let stdout = child.stdout.take().expect("a pipe");
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let _ = sender.send(line.expect("text"));
        }
    });
    let mut next = async || {
        let line = harness::deadline::soon("a line", lines.recv()).await.expect("a line");
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let ready = next().await;
    assert_eq!(ready["topics"], serde_json::json!(["config"]), "{ready}");
    world.printed(&["clients", "set", "acme", "--rpm", "1", "--tpm", "1"]).await;
    let event = next().await;
    assert_eq!(event["object"], "client/acme", "{event}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_there_is_not_is_refused() {
    let world = World::start().await;
    world
        .run(&["events", "--topics", "weather"])
        .await
        .refused(1, "topics must be one or more of ");
}
