//! The description of the API against the API: Schemathesis calls every operation in every way that the
//! description allows, and in others, and finds no answer that it does not promise.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use harness::control_plane::ControlPlane;
use harness::process::printed;
use harness::tools;
use tempfile::TempDir;
use tokio::process::Command;

/// A token that `flowguard` takes for what it is.
const TOKEN: &str = "fga_TestToken001_FirstSecretOfATestFirstSecretOfATestFirstSe_3GdzAW";

/// Who may call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Open,
    Closed,
}

/// Calls all of it, and fails where Schemathesis finds anything.
async fn check(lock: Lock, arguments: &[&str], deadline: Duration) {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let token = folder.path().join("token");
    fs::write(&token, format!("{TOKEN}\n")).expect("written");
    let mut settings = BTreeMap::from([("DEMO_CLIENTS".to_owned(), "true".to_owned())]);
    if lock == Lock::Closed {
        settings.insert("ADMIN_AUTH".to_owned(), "required".to_owned());
        settings.insert("ADMIN_TOKEN_FILE".to_owned(), token.display().to_string());
    }
    let control_plane = ControlPlane::start(settings, folder.path().to_owned()).await;
    let config = tools::workspace().join("tests/schemathesis/schemathesis.toml");
    let description = format!("http://{}/api/v1/openapi.json", control_plane.rest_address());
    let mut command = Command::from(tools::schemathesis_python());
    command.args(["-m", "schemathesis.cli", "--no-color", "--config-file"]).arg(config);
    command.args(["run", &description, "--checks", "all"]).args(arguments);
    // What it keeps for its next run is kept here, and no proxy of the machine's stands in between.
    command.current_dir(folder.path()).env("FLOWGUARD_TOKEN", TOKEN).env("NO_PROXY", "*");
    println!("{}", printed("Schemathesis", deadline, &mut command).await);
    let log = control_plane.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// A part of what it can think of, the same in each run.
const SHORT: [&str; 6] =
    ["--phases", "examples,fuzzing,stateful", "--max-examples", "3", "--seed", "1"];
const SHORT_MAX: Duration = Duration::from_mins(2);

#[tokio::test]
async fn every_answer_is_one_that_the_description_promises_where_a_token_is_needed() {
    check(Lock::Closed, &SHORT, SHORT_MAX).await;
}

#[tokio::test]
async fn every_answer_is_one_that_the_description_promises_where_none_is() {
    check(Lock::Open, &SHORT, SHORT_MAX).await;
}

const LONG_MAX: Duration = Duration::from_mins(30);

#[tokio::test]
#[ignore = "takes minutes: everything that Schemathesis can think of"]
async fn no_answer_in_minutes_is_one_that_the_description_does_not_promise() {
    for lock in [Lock::Closed, Lock::Open] {
        check(lock, &[], LONG_MAX).await;
    }
}
