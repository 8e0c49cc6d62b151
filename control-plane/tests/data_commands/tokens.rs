//! `flowguard tokens create --local`: a token before the first control plane, and between two.

use std::process::Output;

use flowguard::{
    credentials::{Digest, Secret, SecretKind},
    store::{DataFolder, RedbStore},
};
use tokio::runtime::Builder;

use crate::world::{World, check, mode, text};

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
        &["--name=a", "--scopes=read"],
        "tokens create needs --local, and a folder that no control plane has: of one that runs, POST \
         /api/v1/tokens makes a token; see flowguard --help",
    );
    refused(
        &["--local", "--name=a b", "--scopes=read,admin", "--expires-at=2001-01-01T00:00:00Z"],
        "name must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, not \"a b\"; scopes[1] must \
         be one of read, write, keys, tokens, metrics and decide, not \"admin\"; expires_at must be \
         null or a time to come, in RFC 3339 and before 2106-02-07, as in \"2027-01-31T12:00:00Z\", \
         not \"2001-01-01T00:00:00Z\"",
    );
    refused(&["--local"], "missing: --name <NAME> and --scopes <SCOPES>; see flowguard --help");
    refused(
        &["--local", "--name=a", "--scopes=read", "--data-dir=memory"],
        "DATA_DIR=memory (--data-dir) is not allowed here: a folder is, which keeps the token for the \
         control plane that is started with it",
    );
    assert!(!world.data().exists());
}
