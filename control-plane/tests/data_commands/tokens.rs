//! `flowguard tokens create --local`: a token before the first control plane, and between two.

use std::{fs, process::Output};

use flowguard::{
    audit::Entry,
    credentials::{Digest, Secret, SecretKind},
    store::{DataFolder, RedbStore},
};
use harness::control_plane::{ControlPlane, Settings};
use serde_json::Value;
use tokio::runtime::Builder;

use crate::{
    both::Both,
    world::{World, check, mode, text},
};

fn create(world: &World, arguments: &[&str]) -> Output {
    let mut command = world.flowguard();
    command.args(["tokens", "create"]).args(arguments).env("DATA_DIR", "data");
    command.output().expect("the binary runs")
}

#[test]
fn a_token_is_alone_on_stdout_and_a_control_plane_of_the_folder_knows_it() {
    let world = World::new();
    let output = create(&world, &["--local", "--name", "admin", "--scopes", "read,write"]);
    let token = text(&output.stdout).strip_suffix('\n').expect("a line");
    let secret = Secret::parse(SecretKind::Token, token).expect("a token");
    let part = secret.public_part();
    let said = format!(
        "Token {part} (admin) was created: it is shown this once; scopes read,write; in {}\n",
        world.data().display()
    );
    check(&output, 0, &format!("{token}\n"), &said);
    assert_eq!(mode(&world.data()), 0o700);

    // Another one beside it, which ends.
    let expiring =
        ["--local", "--name=ci", "--scopes=metrics", "--expires-at=2099-01-01T00:00:00Z"];
    assert_eq!(create(&world, &expiring).status.code(), Some(0));
    let folder = DataFolder::open(&world.data()).expect("nobody has it");
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let found = runtime.block_on(RedbStore::read(&folder)).expect("in order").expect("a file");
    let tokens: Vec<_> = found.contents.tokens.into_iter().map(|(token, _)| token).collect();
    assert_eq!(tokens.len(), 2);
    let first = tokens.iter().find(|one| one.public == part).expect("it is kept");
    assert_eq!((first.digest, first.name.as_str()), (Digest::of(token.as_bytes()), "admin"));

    // The folder is locked.
    let line = format!(
        "DATA_DIR={} (--data-dir) is in use by another process: stop that one, or choose another \
         folder\n",
        world.data().display()
    );
    check(&create(&world, &["--local", "--name=x", "--scopes=read"]), 73, "", &line);
}

#[test]
fn what_cannot_be_made_is_refused_in_one_line() {
    let world = World::new();
    let refused = |arguments: &[&str], line: &str| {
        check(&create(&world, arguments), 64, "", &format!("{line}\n"));
    };
    refused(
        &["--local", "--name=a", "--scopes=read", "--server=http://localhost:1"],
        "tokens create --local asks no server: leave --server, --token-file, --ca-file and --context \
         out; see flowguard tokens create --help",
    );
    refused(
        &["--name=a", "--scopes=read", "--data-dir=here"],
        "--data-dir is a setting of a control plane, and this command asks one that has its own: \
         --server says which; see flowguard tokens create --help",
    );
    refused(
        &["--local", "--name=a b", "--scopes=read,admin", "--expires-at=2001-01-01T00:00:00Z"],
        "name must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, not \"a b\"; scopes[1] must \
         be one of read, write, keys, tokens, metrics and decide, not \"admin\"; expires_at must be \
         null or a time to come, in RFC 3339 and before 2106-02-07, as in \"2027-01-31T12:00:00Z\", \
         not \"2001-01-01T00:00:00Z\"",
    );
    refused(
        &["--local"],
        "missing: --name <NAME> and --scopes <SCOPES>; see flowguard tokens create --help",
    );
    refused(
        &["--local", "--name=a", "--scopes=read", "--data-dir=memory"],
        "DATA_DIR=memory (--data-dir) is not allowed here: a folder is, which keeps the token for the \
         control plane that is started with it",
    );
    assert!(!world.data().exists());
}

/// The public part of the token that was made.
#[track_caller]
fn part_of(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let token = text(&output.stdout).strip_suffix('\n').expect("a line");
    Secret::parse(SecretKind::Token, token).expect("a token").public_part().to_string()
}

/// Of each entry who did what to what.
fn told(audit: &Value) -> Vec<(String, String, String)> {
    let entries = audit["entries"].as_array().expect("a list");
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let told = entries.iter().map(|entry| {
        (word(&entry["actor"]["kind"]), word(&entry["action"]), word(&entry["object"]))
    });
    told.collect()
}

fn by_a_command(part: &str) -> (String, String, String) {
    ("local".to_owned(), "create".to_owned(), format!("token/{part}"))
}

#[tokio::test]
async fn who_made_it_is_in_the_audit_of_the_control_plane_that_is_started_with_the_folder() {
    let world = World::new();
    let arguments = ["--local", "--name=admin", "--scopes=read,write"];
    let first = create(&world, &arguments);
    let mut second = world.flowguard();
    second.args(["tokens", "create"]).args(arguments).env("DATA_DIR", "data");
    let second = second.env("AUDIT_FILE", "elsewhere.jsonl").output().expect("the binary runs");
    let parts = [part_of(&first), part_of(&second)];

    for (file, output, part) in
        [("data/audit.jsonl", &first, &parts[0]), ("elsewhere.jsonl", &second, &parts[1])]
    {
        assert_eq!(mode(&world.path(file)), 0o600);
        let line = fs::read_to_string(world.path(file)).expect("a file");
        let entry: Entry = serde_json::from_str(&line).expect("one line");
        assert_eq!((entry.object.as_str(), entry.address), (&*format!("token/{part}"), None));
        let token = text(&output.stdout).trim_end();
        let (_, secret) = token.split_at(17);
        let digest = Digest::of(token.as_bytes()).to_string();
        assert!(!line.contains(secret) && !line.contains(&digest), "{line}");
    }

    let data = world.data().display().to_string();
    let settings = Settings::from([("DATA_DIR".to_owned(), data)]);
    let control_plane = ControlPlane::start(settings, world.0.path().to_owned()).await;
    control_plane.admin().put_client("a", 1, None).await;
    let audit = control_plane.admin().http().get("/api/v1/audit").send().await.json();
    let change = ("anybody".to_owned(), "create".to_owned(), "client/a".to_owned());
    let told = told(&audit);
    assert_eq!(told.first(), Some(&change), "{audit}");
    assert_eq!(told.last(), Some(&by_a_command(&parts[0])), "{audit}");
}

#[tokio::test]
async fn who_made_it_in_a_shared_store_is_told_by_every_control_plane() {
    let both = Both::start().await;
    let mut command = both.world.flowguard();
    command.args(["tokens", "create", "--local", "--name=admin", "--scopes=read"]);
    // That file is of a control plane on this machine, which may run.
    command.env("STORE_URL", both.url()).env("AUDIT_FILE", "of-a-control-plane.jsonl");
    let part = part_of(&command.output().expect("the binary runs"));
    assert!(!both.world.path("of-a-control-plane.jsonl").exists());
    for control_plane in [both.control_plane(), both.control_plane()] {
        let audit = control_plane.get("/api/v1/audit").await;
        let audit: Value = serde_json::from_str(&audit).expect("JSON");
        assert_eq!(told(&audit), [by_a_command(&part)], "{audit}");
    }
}

#[test]
fn where_nobody_could_be_told_no_token_is_made() {
    let world = World::new();
    let mut command = world.flowguard();
    command.args(["tokens", "create", "--local", "--name=admin", "--scopes=read"]);
    command.env("DATA_DIR", "data").env("AUDIT_FILE", "missing/audit.jsonl");
    let output = command.output().expect("the binary runs");
    let line = "AUDIT_FILE=missing/audit.jsonl: No such file or directory (os error 2); choose a file \
                that can be written: no token was made\n";
    check(&output, 73, "", line);
    // Nor where something else stands in the place of one of its files.
    fs::create_dir(world.path("audit.jsonl.1")).expect("a folder");
    let mut command = world.flowguard();
    command.args(["tokens", "create", "--local", "--name=admin", "--scopes=read"]);
    command.env("DATA_DIR", "data").env("AUDIT_FILE", "audit.jsonl");
    let line = "AUDIT_FILE=audit.jsonl.1: Is a directory (os error 21); choose a file that can be \
                written: no token was made\n";
    check(&command.output().expect("the binary runs"), 73, "", line);

    let folder = DataFolder::open(&world.data()).expect("nobody has it");
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let found = runtime.block_on(RedbStore::read(&folder)).expect("in order");
    assert!(found.is_none_or(|found| found.contents.tokens.is_empty()));
}
