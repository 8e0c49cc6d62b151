//! `cargo xtask load` against a real stack.

use std::net::SocketAddr;
use std::process::{Output, Stdio};

use harness::TestStack;
use harness::deadline::soon;
use harness::ports::free_port;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_table_accounts_for_each_request_and_stays_within_the_limit() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 20, None).await;
    let table = table(&load(&stack, "a", &["--requests=60", "--tokens=3", "--rate=200"]).await);

    let admitted = number(&table, "200     admitted", 0);
    let refused = number(&table, "429     rpm_exceeded", 0);
    assert_eq!(admitted + refused, 60, "{table}");
    let at_most = number(&table, "requests  ", 1);
    assert!((20..=at_most).contains(&admitted), "{table}");
    assert_eq!(number(&table, "requests  ", 0), admitted, "{table}");
    assert_eq!(number(&table, "tokens  ", 0), admitted * 3, "{table}");
    assert!(table.contains("no limit"), "{table}");
    let stats = stack.admin().stats("a").await;
    assert_eq!((stats.success_requests, stats.rpm_dropped), (admitted, refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_held_against_their_limit() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 600, 100).await;
    let table = table(&load(&stack, "a", &["--requests=9", "--tokens=30", "--rate=100"]).await);
    assert_eq!(number(&table, "200     admitted", 0), 3, "{table}");
    assert_eq!(number(&table, "429     tpm_exceeded", 0), 6, "{table}");
    assert_eq!(number(&table, "tokens  ", 0), 90, "{table}");
    assert!((100..110).contains(&number(&table, "tokens  ", 1)), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_shows_the_table_so_far() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 6000, None).await;
    let arguments = ["--requests=1000000", "--rate=50"];
    let child = command(&stack, "a", &arguments).spawn().expect("load starts");
    harness::deadline::eventually("some answers", || async {
        (stack.admin().stats("a").await.success_requests >= 5).then_some(())
    })
    .await;
    let id = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    rustix::process::kill_process(id.expect("it runs"), rustix::process::Signal::INT)
        .expect("it can be signalled");
    let output = soon("the end of load", child.wait_with_output()).await.expect("its output");
    assert_eq!(output.status.code(), Some(130));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.lines().next().is_some_and(|line| line.ends_with("interrupted")), "{text}");
    assert!(number(&text, "200     admitted", 0) >= 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prevents_the_load_is_one_line() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 20, None).await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let unknown = failure(&load(&stack, "stranger", &[]).await);
    assert!(unknown.starts_with("error: client \"stranger\" is not configured at"), "{unknown}");
    for flag in ["--url", "--config-url"] {
        let line = failure(&load(&stack, "a", &[&format!("{flag}={nobody}")]).await);
        assert!(line.starts_with(&format!("error: nobody answers at {nobody}")), "{line}");
        assert!(line.ends_with(&format!("or name another with {flag}")), "{line}");
    }
    let upstream = format!("--config-url={}", origin(stack.upstream.address()));
    let other = failure(&load(&stack, "a", &[&upstream]).await);
    assert!(other.contains("is not FlowGuard's REST API"), "{other}");
    assert_eq!(stack.admin().stats("a").await.total_requests, 0);
}

fn command(stack: &TestStack, client: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load"));
    command.arg(client).args(arguments);
    for (flag, server) in
        [("--url", stack.proxy_address()), ("--config-url", stack.control_plane.rest_address())]
    {
        if !arguments.iter().any(|argument| argument.starts_with(&format!("{flag}="))) {
            command.arg(flag).arg(origin(server));
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn load(stack: &TestStack, client: &str, arguments: &[&str]) -> Output {
    let output = soon("load", command(stack, client, arguments).output()).await;
    output.expect("load runs")
}

fn origin(server: SocketAddr) -> String {
    format!("http://{server}")
}

/// The table of a load that succeeded, which says nothing else where there is no terminal.
fn table(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{} {stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn failure(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr.trim_end().to_owned()
}

/// A number after the start of a line.
fn number(table: &str, start: &str, index: usize) -> u64 {
    let row = table.lines().find_map(|line| line.strip_prefix(start));
    let row = row.unwrap_or_else(|| panic!("no line {start:?} in\n{table}"));
    let cell = row.split_whitespace().nth(index).unwrap_or_default();
    cell.parse().unwrap_or_else(|_| panic!("{cell:?} in {start:?} is no number\n{table}"))
}
