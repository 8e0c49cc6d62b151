//! An Envoy that has to show a token to the control plane: it stands in a file, which Envoy reads.

use std::fs;
use std::path::{Path, PathBuf};

use harness::deadline::eventually;
use harness::stack::StackBuilder;
use harness::{TestStack, check};
use tempfile::TempDir;

/// Tokens that `flowguard` takes for what they are.
const TOKENS: [&str; 3] = [
    "fga_TestToken001_FirstSecretOfATestFirstSecretOfATestFirstSe_3GdzAW",
    "fga_TestToken002_SecondSecretOfATestSecondSecretOfATestSecon_07iPV1",
    "fga_TestToken003_ThirdSecretOfATestThirdSecretOfATestThirdSe_1KyGWJ",
];

/// A file with a token, as an editor or Kubernetes puts it in the place of the one before.
fn write(path: &Path, token: &str) {
    let aside = path.with_extension("new");
    fs::write(&aside, format!("{token}\n")).expect("written");
    fs::rename(&aside, path).expect("moved");
}

fn files() -> (TempDir, PathBuf, PathBuf) {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let (one, other) = (folder.path().join("known"), folder.path().join("other"));
    (folder, one, other)
}

fn locked(token: &Path) -> StackBuilder {
    let path = token.to_str().expect("UTF-8");
    TestStack::builder().setting("DECIDE_AUTH", "required").setting("ADMIN_TOKEN_FILE", path)
}

async fn status(stack: &TestStack) -> u16 {
    stack.proxy().get("/test").client("a").tokens(1).send().await.status.as_u16()
}

#[tokio::test]
async fn an_envoy_that_shows_the_token_is_answered_and_no_part_of_it_prints_the_token() {
    let (_folder, known, _) = files();
    write(&known, TOKENS[0]);
    let stack = locked(&known).decide_token(known).workers(2).start().await;
    for _ in 0..8 {
        check::admitted(&stack.proxy().get("/test").client("a").tokens(1).send().await);
    }
    for text in [stack.control_plane.log(), stack.envoy().log()] {
        assert!(!text.contains(TOKENS[0]), "{text}");
    }
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn an_envoy_without_the_token_decides_nothing_and_asks_again() {
    let (_folder, known, other) = files();
    write(&known, TOKENS[0]);
    write(&other, TOKENS[1]);
    for builder in [locked(&known), locked(&known).decide_token(other)] {
        let stack = builder.setting("DECISION_TIMEOUT_MS", "250").start().await;
        assert_eq!(status(&stack).await, 503);
        let metrics = stack.control_plane.metrics().await;
        let refused = metrics.sum("flowguard_auth_refused_total", &[("port", "decisions")]);
        assert!(refused > 0.5, "{metrics:?}");
        assert!(metrics.sum("flowguard_decision_frames_total", &[]) < 0.5, "{metrics:?}");
        check::filter_is_unharmed(stack.envoy()).await;
    }
}

#[tokio::test]
async fn another_token_in_the_place_of_the_one_before_takes_no_restart() {
    let (_folder, known, shown) = files();
    write(&known, TOKENS[0]);
    write(&shown, TOKENS[0]);
    let stack = locked(&known)
        .decide_token(shown.clone())
        .following_files()
        .setting("DECISION_TIMEOUT_MS", "250")
        .start()
        .await;
    assert_eq!(status(&stack).await, 200);
    write(&known, TOKENS[2]);
    eventually("the old one is refused", || async { (status(&stack).await == 503).then_some(()) })
        .await;
    write(&shown, TOKENS[2]);
    eventually("the new one is let in", || async { (status(&stack).await == 200).then_some(()) })
        .await;
    check::filter_is_unharmed(stack.envoy()).await;
}
