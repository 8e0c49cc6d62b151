//! The control plane is killed under traffic and configuration writes, again and again: what it told
//! is what it knows, and nothing is fuller than it was.

mod worker;

use std::collections::BTreeMap;
use std::time::Instant;

use harness::control_plane::{ControlPlane, Settings};
use harness::deadline::{eventually_equal, soon};
use harness::random;
use http::StatusCode;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;

use worker::Worker;

const WORKERS: u64 = 3;
const CLIENTS: u64 = 6;
/// Nobody but the test itself asks for it.
const TIGHT: &str = "tight";
const TIGHT_TPM: u64 = 600;
/// What is told in milliseconds is rounded up.
const ROUNDED_MS: u64 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_known_after_each_kill_and_no_balance_is_fuller() {
    campaign(10).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute or two"]
async fn what_was_told_is_known_after_two_hundred_kills_and_no_balance_is_fuller() {
    campaign(200).await;
}

async fn campaign(kills: usize) {
    let mut random = random::with_a_new_seed();
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let data = folder.path().join("data").display().to_string();
    let settings = [("DATA_DIR", data.as_str()), ("DEMO_CLIENTS", "false")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut control_plane =
        ControlPlane::start(Settings::from(settings), folder.path().to_owned()).await;
    let clients: Vec<_> = (0..CLIENTS).map(|number| format!("client-{number}")).collect();
    for client in &clients {
        control_plane.admin().put_client(client, 1_000_000, 1_000_000_000).await;
    }
    control_plane.admin().put_client(TIGHT, None, TIGHT_TPM).await;

    let address = control_plane.decision_address();
    let mut workers: Vec<_> =
        (0..WORKERS).map(|_| Worker::new(address, &clients, random.u64(..))).collect();
    let mut spender = Worker::new(address, &[], 1);
    let mut writes = 0;
    for round in 0..kills {
        let before = spend(&mut spender, random.u64(0..TIGHT_TPM / 4)).await;
        let (done, mut frames) = unbounded_channel();
        let running: Vec<_> = workers
            .drain(..)
            .map(|worker| tokio::spawn(worker.work_until_lost(done.clone())))
            .collect();
        let admin = control_plane.admin();
        let writing = tokio::spawn(async move {
            let mut acknowledged = writes;
            loop {
                let config = json!({"rpm": acknowledged + 1});
                let put = admin.http().request(http::Method::PUT, "/api/v1/clients/written");
                match put.json(&config).try_send().await {
                    Ok(answer) if answer.status.is_success() => acknowledged += 1,
                    _ => return acknowledged,
                }
            }
        });
        // Killed after some further ones, whose number is random.
        for _ in 0..=random.u64(0..200) {
            soon("an answered frame", frames.recv()).await.expect("the workers go on");
        }
        control_plane.process().kill();
        for worker in running {
            workers.push(worker.await.expect("a worker"));
        }
        let acknowledged = writing.await.expect("a writer");

        control_plane.restart().await;
        let after = spend(&mut spender, 0).await;
        assert_not_fuller(&before, &after, round);
        let written = stored(&control_plane).await;
        assert!((acknowledged..=acknowledged + 1).contains(&written), "{acknowledged} {written}");
        writes = written;

        let mut expected = BTreeMap::new();
        for worker in &mut workers {
            worker.come_to_rest().await.expect("the control plane is back");
            for (client, (requests, tokens)) in &worker.books {
                let all: &mut (u64, u64) = expected.entry(client.clone()).or_default();
                *all = (all.0 + requests, all.1 + tokens);
            }
        }
        let what = format!("the books after kill {round}");
        eventually_equal(&what, expected, || counted(&control_plane)).await;
    }
}

/// How much was missing of the tight client's tokens, in milliseconds of refill, and within which
/// time that was.
#[derive(Debug)]
struct Missing {
    asked: Instant,
    answered: Instant,
    ms: u64,
}

async fn spend(worker: &mut Worker, tokens: u64) -> Missing {
    let asked = Instant::now();
    // Its stream may have been lost with the process before.
    if worker.ask_for(TIGHT, tokens).await.is_err() {
        worker.come_to_rest().await.expect("the control plane is there");
    }
    let standing = worker.standing.take().expect("a balance");
    Missing { asked, answered: Instant::now(), ms: standing.full_in_ms }
}

/// Between the two nothing was spent: what is missing is less by the time that has passed, and not by
/// a millisecond more.
fn assert_not_fuller(before: &Missing, after: &Missing, round: usize) {
    let ms = |from: Instant, to: Instant| u64::try_from((to - from).as_millis()).expect("short");
    let most = ms(before.asked, after.answered) + 1 + ROUNDED_MS;
    let least = ms(before.answered, after.asked).saturating_sub(1 + ROUNDED_MS);
    let refilled = before.ms.saturating_sub(after.ms);
    assert!(refilled <= most, "round {round}: {refilled} of {most} ms, {before:?} {after:?}");
    assert!(
        refilled >= least.min(before.ms) && after.ms <= before.ms,
        "round {round}: {refilled} of {least} ms, {before:?} {after:?}"
    );
}

async fn stored(control_plane: &ControlPlane) -> u64 {
    let answer = control_plane.admin().http().get("/api/v1/clients/written").send().await;
    if answer.status == StatusCode::NOT_FOUND {
        0
    } else {
        answer.json()["rpm"].as_u64().expect("a number")
    }
}

/// By client: requests that were admitted, and tokens of those that ended.
async fn counted(control_plane: &ControlPlane) -> BTreeMap<String, (u64, u64)> {
    let stats = control_plane.admin().http().get("/api/v1/stats").send().await.json();
    let clients = stats["stats"].as_object().expect("clients");
    let figures = clients.iter().filter_map(|(client, stats)| {
        let figure = |name: &str| stats[name].as_u64().expect("a number");
        let figures = (figure("success_requests"), figure("tokens_used"));
        (client != TIGHT && figures.0 > 0).then(|| (client.clone(), figures))
    });
    figures.collect()
}
