//! Each exit code, as the README's table and docs/contract.md have it.

use std::process::{Command, Stdio};

use harness::deadline::eventually;
use harness::tools;

use super::stub::{answering, silent};
use super::world::{Shell, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_ends_with_1_and_its_words() {
    let world = World::start().await;
    let ran = world.run(&["clients", "get", "nobody"]).await;
    ran.refused(1, "(404 client_not_found)");
    world.run(&["clients", "set", "a b", "--rpm", "1"]).await.refused(1, "client_id must be ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_ends_with_2() {
    let world = World::start().await;
    world.printed(&["clients", "set", "acme", "--rpm", "60", "--tpm", "100"]).await;
    assert_eq!(world.run(&["explain", "acme", "--tokens", "100"]).await.code, Some(0));
    let no = world.run(&["explain", "acme", "--tokens", "101"]).await;
    assert_eq!(no.code, Some(2), "{no:?}");
    let file = world.shell.file("empty.yaml", "clients: {}\n", 0o644);
    assert_eq!(world.run(&["diff", file.to_str().expect("UTF-8")]).await.code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_ends_with_64() {
    let shell = Shell::new(Some("http://127.0.0.1:1"));
    for (arguments, told) in [
        (
            &["clients"][..],
            "clients needs a command: list, get, set, delete or reset; see flowguard clients --help",
        ),
        (&["clients", "drop"], "drop is not a command of clients: list, get, set, delete or reset"),
        (&["clients", "get"], "missing: <ID>; see flowguard clients get --help"),
        (&["clients", "list", "-o", "xml"], "takes table, json, yaml or name, not xml"),
        (
            &["clients", "list", "--nope"],
            "--nope is not expected; see flowguard clients list --help",
        ),
        (
            &["clients", "set", "a", "--identites", "b"],
            "--identites is not expected (did you mean --identities?); see ",
        ),
        (&["cleints", "list"], "cleints is not a command (did you mean clients?): "),
        (
            &["--server", "http://h", "clients", "list"],
            "--server stands behind the command, not before it; see flowguard --help",
        ),
        (&["top", "--interval", "-1"], "does not take -1: "),
        (&["clients", "list", "--data-dir", "x"], "--data-dir is not expected"),
        (
            &["--data-dir", "x", "clients", "list"],
            "--data-dir is a setting of a control plane, and this command asks one that has its own: --server says which; see flowguard clients list --help",
        ),
        (&["clients", "list", "--server", "h:1"], "h:1 is no server: http://HOST:PORT"),
        (&["clients", "list", "--server", "http://h", "--context", "c"], "exclude each other"),
        (&["clients", "list", "--context", "c"], "there is no context c"),
        (
            &["clients", "delete", "acme"],
            "--yes is needed to delete client acme: there is no terminal to ask at",
        ),
        (&["limits", "delete", "org"], "--yes is needed to delete limit org: "),
        (&["models", "delete", "gpt"], "--yes is needed to delete model gpt: "),
        (&["keys", "revoke", "acme", "k"], "--yes is needed to delete key k of client acme: "),
        (&["tokens", "revoke", "t"], "--yes is needed to delete token t: "),
        (&["dump", "-o", "name"], "-o name is not for this command"),
        (&["top"], "top needs a terminal"),
        (&["top", "--interval", "0"], "does not take 0"),
        (&["completions", "tcsh"], "takes bash, elvish, fish, powershell or zsh, not tcsh"),
    ] {
        shell.run(arguments).await.refused(64, told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_out_of_reach_ends_with_69() {
    let shell = Shell::new(Some("http://127.0.0.1:1"));
    for arguments in [&["clients", "list"][..], &["tokens", "create", "--name=a", "--scopes=read"]]
    {
        shell.run(arguments).await.refused(69, "http://127.0.0.1:1/ is out of reach: ");
    }
    let shell = Shell::new(Some("http://no-such-host.invalid"));
    shell.run(&["stats"]).await.refused(69, "http://no-such-host.invalid/ is out of reach: ");
    // It speaks no HTTP, or breaks off.
    let shell = Shell::new(Some(&answering("200 OK\r\ncontent-length: 900", "{}")));
    assert_eq!(shell.run(&["clients", "list"]).await.code, Some(69));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_work_later_ends_with_75() {
    for (status, told) in [
        ("503 Service Unavailable", "the process is stopping (503 stopping)"),
        ("408 Request Timeout", "the process is stopping (408 stopping)"),
        ("412 Precondition Failed", "somebody else wrote in between"),
        ("502 Bad Gateway", "(502 stopping)"),
    ] {
        let body = r#"{"error":"stopping","message":"the process is stopping"}"#;
        let shell = Shell::new(Some(&answering(status, body)));
        shell.run(&["clients", "list"]).await.refused(75, told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_of_the_api_is_told() {
    let shell = Shell::new(Some(&answering("200 OK", r#"{"clients":7}"#)));
    shell.run(&["clients", "list"]).await.refused(1, "it has no clients; -o json shows it");
    let json = shell.run(&["clients", "list", "-o", "json"]).await;
    assert_eq!((json.code, json.stdout.as_str()), (Some(0), r#"{"clients":7}"#));
    let shell = Shell::new(Some(&answering("302 Found\r\nlocation: http://elsewhere", "")));
    shell.run(&["clients", "list"]).await.refused(1, "the server answered 302");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_with_130() {
    let shell = Shell::new(Some(&silent()));
    let mut command = shell.command(&["clients", "list"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    let id = rustix::process::Pid::from_child(&child);
    // Before it has come to its call a signal ends it as it ends any program.
    let status = eventually("its end", || {
        let state = std::fs::read_to_string(format!("/proc/{}/net/tcp", child.id()));
        let is_calling = state.is_ok();
        if is_calling && sigint_is_caught(child.id()) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::INT);
        }
        let status = child.try_wait().expect("its state");
        async move { status }
    })
    .await;
    assert_eq!(status.code(), Some(130), "{status}");
}

/// Whether the process has its own way to end by Ctrl-C, as the kernel knows it.
fn sigint_is_caught(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & (1 << (rustix::process::Signal::INT.as_raw() - 1)) != 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let names: Vec<_> = (0..50_000).map(|n| format!(r#""client-{n}":{{}}"#)).collect();
    let body = format!(r#"{{"clients":{{{}}}}}"#, names.join(","));
    let server = answering("200 OK", &body);
    for form in ["table", "json", "yaml", "name"] {
        let mut shell = Command::new("bash");
        shell.args([
            "-c",
            r#""$0" clients list --server "$1" -o "$2" | head -c 5 >/dev/null; echo "${PIPESTATUS[0]}""#,
        ]);
        shell.arg(tools::flowguard().get_program()).args([&server, form]);
        let ran = super::world::ran(shell).await;
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("0\n", ""), "{form}");
    }
}
