//! Commands that the README names within its sentences.

use harness::tools;
use repository::{read, readme};
use tempfile::TempDir;
use tokio::process::Command;

use super::{succeed, text};

/// Commands of `flowguard` that ask a server.
pub(crate) const OF_OPERATORS: [&str; 14] = [
    "clients",
    "limits",
    "stats",
    "explain",
    "preview",
    "dump",
    "diff",
    "apply",
    "context",
    "tokens",
    "decisions",
    "history",
    "audit",
    "system",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_within_the_text_exists() {
    let text = text();
    for program in ["cargo ", "flowguard ", "grpcurl ", "curl ", "docker ", "docker-compose "] {
        for command in readme::inline_commands(&text, program) {
            if command.starts_with("cargo xtask ") {
                xtask_knows(command).await;
            } else if command == "cargo build --release -p flowguard" {
                let package = read("control-plane/Cargo.toml");
                assert!(package.contains("name = \"flowguard\""), "{package}");
            } else if command == "flowguard validate FILE" {
                let settings = readme::chapter(&text, "Settings");
                let examples = readme::blocks(settings, "yaml");
                let example = examples.first().expect("an example of a file");
                let folder = TempDir::with_prefix("flowguard-readme-").expect("a folder");
                let file = folder.path().join("clients.yaml");
                std::fs::write(&file, example).expect("a file");
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.arg("validate").arg(&file);
                let judged = succeed(command, flowguard).await;
                assert!(judged.ends_with(": 3 clients, all in order\n"), "{judged}");
            } else if command.starts_with("flowguard data ") {
                let words = command.split(' ').skip(1).take(2);
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.args(words).arg("--help");
                succeed(command, flowguard).await;
            } else if command.starts_with("flowguard tokens create --local ") {
                let folder = TempDir::with_prefix("flowguard-readme-").expect("a folder");
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.args(command.split(' ').skip(1)).env("DATA_DIR", folder.path());
                let token = succeed(command, flowguard).await;
                assert!(token.starts_with("fga_") && token.lines().count() == 1);
            } else if command.starts_with("flowguard envoy-config ") {
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.args(command.split(' ').skip(1));
                let configuration = succeed(command, flowguard).await;
                assert!(configuration.contains("filename: \"PATH\""), "{configuration}");
            } else if command.starts_with("flowguard tokens create ") {
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.args(["tokens", "create", "--help"]);
                succeed(command, flowguard).await;
            } else if command == "flowguard top" || command.starts_with("flowguard completions ") {
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.args(command.split(' ').skip(1)).arg("--help");
                succeed(command, flowguard).await;
            } else if command == "flowguard settings" {
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.arg("settings");
                let settings = succeed(command, flowguard).await;
                assert!(settings.contains("PROXY_PORT="), "{settings}");
            } else if command.starts_with("docker compose ")
                || command.starts_with("docker-compose ")
            {
                let file = tools::workspace().join("compose.yaml");
                assert!(file.is_file(), "{command}: tests/compose/run.sh runs what is not there");
            } else {
                panic!("no test knows what this command of the README is to do: {command}");
            }
        }
    }
}

/// `cargo xtask` accepts the names and flags of this command.
///
/// The program is called without cargo, which would wait for any other build to end. What it hands
/// on to `flowguard` and to the load generator is for those to judge; the benchmark and the
/// simulation, which no test here has built, are not asked.
pub(crate) async fn xtask_knows(command: &str) {
    let words = command.split_whitespace().skip(2).take_while(|word| *word != "#");
    let words: Vec<&str> = words.collect();
    let own = match words.first() {
        Some(&"up") => {
            words.iter().take_while(|word| matches!(**word, "up" | "--demo" | "--scale")).count()
        }
        Some(&"bench" | &"load" | &"sim") => 1,
        _ => words.len(),
    };
    let (own, handed_on) = words.split_at(own);
    let mut xtask = Command::from(tools::xtask());
    // `--help` would be handed on by these as well.
    if let ["bench" | "load" | "sim"] = own {
        xtask.arg("help").args(own)
    } else {
        xtask.args(own).arg("--help")
    };
    let help = succeed(command, xtask).await;
    assert!(help.contains("Usage: cargo xtask"), "{command}: {help}");
    if let ["bench" | "sim"] = own {
        return;
    }
    let is_load = own == ["load"];
    let mut judge = Command::from(if is_load { tools::load() } else { tools::flowguard() });
    judge.args(handed_on).arg(if is_load { "--help" } else { "settings" });
    succeed(command, judge).await;
}
