//! A control plane that is backed up while it serves, and what is restored of it.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::TestStack;
use harness::control_plane::{ControlPlane, Settings};
use harness::tools;
use serde_json::json;
use tempfile::TempDir;

const SENDERS: usize = 4;

/// `flowguard data …` in `folder`.
async fn data(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = tools::flowguard();
    command.env_clear().current_dir(folder).arg("data").args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("no panic").expect("flowguard runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_backed_up_under_traffic_is_there_after_a_restore() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("busy", 1_000_000_000, 1_000_000_000).await;
    admin.put_client("in-debt", None, 600).await;
    let path = "/v1/chat/completions?prompt_tokens=1000&completion_tokens=2000";
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    let answer = stack.proxy().post(path).client("in-debt").tokens(500).json(&body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    admin.wait_for_tokens_used("in-debt", 3_000).await;

    let is_over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (proxy, is_over) = (stack.proxy(), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = proxy.get("/test").client("busy").tokens(10).send().await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                }
            })
        })
        .collect();
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let port = format!("--config-port={}", stack.control_plane.rest_address().port());
    let before = admin.stats("busy").await.success_requests;
    let output = data(folder.path(), &["backup", "file", &port]).await;
    let after = admin.stats("busy").await.success_requests;
    is_over.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.expect("all requests pass");
    }
    assert!(output.stdout.starts_with(b"file: 2 clients, "), "{output:?}");

    data(folder.path(), &["import", "file", "--data-dir=data"]).await;
    let data_dir = folder.path().join("data").display().to_string();
    let settings = Settings::from([("DATA_DIR".to_owned(), data_dir)]);
    let restored = ControlPlane::start(settings, folder.path().to_owned()).await;
    let busy = restored.admin().stats("busy").await;
    let range = before..=after;
    assert!(range.contains(&busy.success_requests), "{range:?} {}", busy.success_requests);

    // Both refill by the same clock.
    let earlier = admin.stats("in-debt").await;
    let in_debt = restored.admin().stats("in-debt").await;
    let later = admin.stats("in-debt").await;
    assert_eq!((in_debt.total_requests, in_debt.tokens_used), (1, 3_000));
    let range = earlier.tpm_balance.expect("a limit")..=later.tpm_balance.expect("a limit");
    let balance = in_debt.tpm_balance.expect("a limit");
    assert!(range.contains(&balance) && balance < 0, "{range:?} {balance}");
}
