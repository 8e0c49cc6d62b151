//! What becomes of an Envoy that runs and of its traffic when its mode, another setting or the
//! filter itself changes: it follows the files of `flowguard envoy-config --discovery-folder`.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use std::path::PathBuf;

use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, eventually_equal};
use harness::http_client::{HttpClient, RequestBuilder};
use harness::load::Load;
use harness::tools;
use mock_llm::MockLlm;
use serde_json::json;
use tempfile::TempDir;

/// Requests that are sent one after the other, on each protocol.
const TASKS: usize = 4;
/// Requests that are to be answered between two switches.
const BETWEEN: usize = 40;
const USED: u64 = 20;

fn traffic(proxy: &HttpClient) -> RequestBuilder {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    let path = "/v1/chat/completions?prompt_tokens=13&completion_tokens=7";
    proxy.post(path).client("busy").tokens(50).json(&body)
}

/// The modes in turn, each told by what becomes of a request that its client has no tokens for.
const SWITCHES: [(&str, u16, &str); 4] = [
    ("enforce", 429, "tpm_exceeded"),
    ("shadow", 200, "tpm_exceeded"),
    ("pass", 200, "passed"),
    ("enforce", 429, "tpm_exceeded"),
];

/// Sends the probe until it meets the mode.
async fn probe(stack: &TestStack, (mode, status, outcome): (&str, u16, &str)) {
    let decided = || async {
        let metrics = stack.envoy().metrics("flowguard_").await;
        metrics.sum("flowguard_decisions", &[("outcome", outcome)])
    };
    eventually(mode, || async {
        let before = decided().await;
        let answer = stack.proxy().post("/probe").client("spent").tokens(2).send().await;
        // The traffic counts as passed too, so that only the status tells of `pass`.
        (answer.status.as_u16() == status && decided().await > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_the_mode_changes_no_request_is_lost_and_none_is_counted_twice() {
    let mut stack = TestStack::builder().following_files().workers(2).start().await;
    stack.admin().put_client("busy", None, None).await;
    stack.admin().put_client("spent", None, 1).await;
    let address = stack.proxy_address();
    let proxies = [HttpClient::http1(address), HttpClient::http2(address)];
    let loads = proxies.map(|proxy| Load::start(TASKS, move || traffic(&proxy)));
    for switch in SWITCHES {
        stack.reconfigure("FLOWGUARD_MODE", switch.0).await;
        probe(&stack, switch).await;
        for load in &loads {
            load.wait_for(BETWEEN, 200).await;
        }
    }
    let mut sent = 0;
    for load in loads {
        for outcome in load.stop().await {
            check::admitted(&outcome.expect("a request is answered"));
            sent += 1;
        }
    }
    assert!(sent >= 2 * SWITCHES.len() * BETWEEN, "{sent}");
    let arrived = stack.upstream.requests_to("/v1/chat/completions").len();
    assert_eq!(arrived, sent, "at the upstream");

    // Each is either decided, charged and settled, or passed.
    let probes_passed = stack.upstream.requests_to("/probe").len();
    let envoy = stack.envoy().metrics("flowguard_").await;
    let counted = |outcome| envoy.sum("flowguard_decisions", &[("outcome", outcome)]);
    let (admitted, passed) = (counted("admitted"), counted("passed"));
    assert!(admitted > 0.0 && passed > 0.0, "{admitted} {passed}");
    eventually_equal("what is settled", Some(admitted), || async {
        let metrics = stack.control_plane.metrics().await;
        metrics.value("flowguard_settlements_total", &[("outcome", "completed")])
    })
    .await;
    let stats = stack.admin().stats("busy").await;
    #[expect(clippy::cast_precision_loss, reason = "a test's requests are few")]
    let (decided, probed, sent) =
        (stats.success_requests as f64, probes_passed as f64, sent as f64);
    assert_eq!(decided, admitted);
    assert_eq!(stats.tokens_used, stats.success_requests * USED);
    // Probes pass in shadow too, but there they are counted as what they would be refused for.
    let surplus = admitted + passed - sent;
    assert!((0.0..=probed).contains(&surplus), "{admitted} + {passed} for {sent} and {probed}");
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn an_envoy_tells_how_many_of_its_workers_have_which_mode() {
    let mut stack = TestStack::builder().following_files().start().await;
    for mode in ["enforce", "shadow", "off", "pass", "enforce"] {
        stack.reconfigure("FLOWGUARD_MODE", mode).await;
        eventually(mode, || async {
            let _ = stack.proxy().get("/").send().await;
            let metrics = stack.envoy().metrics("flowguard_workers").await;
            let workers = |mode| metrics.sum("flowguard_workers", &[("mode", mode)]);
            (workers(mode) == 1.0).then_some(())
        })
        .await;
        // A filter that is replaced goes with its last request.
        eventually_equal("workers of all modes", 1.0, || async {
            stack.envoy().metrics("flowguard_workers").await.sum("flowguard_workers", &[])
        })
        .await;
    }
}

#[tokio::test]
async fn another_upstream_is_followed_and_the_same_files_once_more_change_nothing() {
    let mut stack = TestStack::builder().following_files().start().await;
    stack.admin().put_client("a", None, None).await;
    let send = || stack.proxy().post("/").client("a").tokens(1).send();
    check::admitted(&send().await);
    let other = MockLlm::start().await;
    let url = format!("http://{}", other.address());
    stack.reconfigure("UPSTREAM_URL", &url).await;
    eventually("a request at the other upstream", || async {
        check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
        (!other.requests().is_empty()).then_some(())
    })
    .await;
    let names = ["wasm.envoy.wasm.runtime.v8.created", "listener_manager.listener_modified"];
    let changes = async |stack: &TestStack| {
        [stack.envoy().stat(names[0]).await, stack.envoy().stat(names[1]).await]
    };
    let before = changes(&stack).await;
    assert!(before.iter().all(|count| *count > 0), "{before:?} {names:?}");
    let updates = "cluster_manager.cds.update_success";
    let read = stack.envoy().stat(updates).await;
    stack.reconfigure("UPSTREAM_URL", &url).await;
    eventually("the files are read again", || async {
        (stack.envoy().stat(updates).await > read).then_some(())
    })
    .await;
    assert_eq!(changes(&stack).await, before, "{names:?}");
    assert_eq!(stack.admin().stats("a").await.dropped_requests, 0);
}

/// A release of the filter that words an answer in another way.
fn another_filter(folder: &TempDir) -> PathBuf {
    let (text, other) = (b"X-Client-ID header is required", b"X-Client-ID header is REQUIRED");
    let mut code = std::fs::read(tools::filter()).expect("the filter");
    let is_there = |window: &[u8]| window == text;
    let place = code.windows(text.len()).position(is_there).expect("the text");
    code[place..place + other.len()].copy_from_slice(other);
    let file = folder.path().join("another.wasm");
    std::fs::write(&file, code).expect("it is written");
    file
}

/// An Envoy that follows files, and loads its filter from a path of the test's own.
async fn with_filter_at(path: PathBuf) -> TestStack {
    std::fs::copy(tools::filter(), &path).expect("a copy");
    TestStack::builder().following_files().filter(path).start().await
}

async fn message(stack: &TestStack) -> String {
    let answer = stack.proxy().get("/").send().await;
    answer.json()["message"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn a_new_filter_at_the_same_path_is_loaded_by_an_envoy_that_runs() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("filter.wasm");
    let mut stack = with_filter_at(path.clone()).await;
    assert_eq!(message(&stack).await, "X-Client-ID header is required");

    std::fs::rename(another_filter(&folder), &path).expect("it takes the old one's place");
    stack.reconfigure("FLOWGUARD_MODE", "enforce").await;
    eventually("an answer of the new filter", || async {
        (message(&stack).await == "X-Client-ID header is REQUIRED").then_some(())
    })
    .await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn what_is_no_filter_leaves_the_one_in_force_that_was_loaded_before() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("filter.wasm");
    let mut stack = with_filter_at(path.clone()).await;
    let before = message(&stack).await;

    std::fs::write(&path, "no filter").expect("it is written");
    stack.reconfigure("FLOWGUARD_MODE", "pass").await;
    let rejected = "extension_config_discovery.http_filter.flowguard.update_rejected";
    eventually("the filter is rejected", || async {
        (stack.envoy().stat(rejected).await > 0).then_some(())
    })
    .await;
    assert_eq!(message(&stack).await, before);
}
