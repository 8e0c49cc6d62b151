//! The screen that says what would be decided.

use std::time::Duration;

use harness::TestStack;
use harness::browser::{Browser, Key};
use harness::check;
use harness::http_client::HttpClient;
use harness::tools;
use serde_json::{Value, json};
use tokio::process::Command;

use super::person::{choose, configure, fill, line_for, overwrite, says};

const ID: &str = "team/a+b=~|x";

/// What curl, with the line that the screen shows, prints. Where there is no curl, its address is asked.
pub(crate) async fn answer_of_curl(server: &HttpClient, line: &str, token: &str) -> Value {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env("FLOWGUARD_TOKEN", token).kill_on_drop(true);
    let output = shell.output().await.expect("a shell");
    // What a shell ends with where there is no such program.
    if output.status.code() == Some(127) {
        let path =
            line.find("/api/").map(|begin| line[begin..].trim_end_matches('\'')).expect("a path");
        let request = server.get(path).header("authorization", format!("Bearer {token}"));
        return request.send().await.json();
    }
    let (text, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{line}: {text} {error}"))
}

/// The exit code of the command line's `explain`, as the screen shows it.
async fn code_of_flowguard(line: &str) -> Option<i32> {
    let program = tools::flowguard();
    let program = program.get_program().to_str().expect("a path of text");
    let line = line.strip_prefix("flowguard ").unwrap_or_else(|| panic!("{line}"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("'{program}' {line}")]).env("NO_COLOR", "1").kill_on_drop(true);
    shell.output().await.expect("a shell").status.code()
}

/// For how long the screen says that the request would wait.
async fn wait_told(browser: &Browser) -> Duration {
    says(browser, "It passes in ").await;
    let text = browser.text("main").await;
    let after = text.split("It passes in ").nth(1).expect("it is said");
    let (wait, rest) = after.split_once(',').expect("and the moment");
    assert!(rest.starts_with(" at ") && rest.contains("if nobody else asks"), "{rest}");
    match wait.split_once(' ').expect("a unit") {
        (seconds, "s") => Duration::from_secs_f64(seconds.parse().expect("seconds")),
        (minutes, "min") => Duration::from_secs(60 * minutes.parse::<u64>().expect("minutes")),
        _ => panic!("{wait}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_request_is_what_envoy_does_and_what_the_command_line_says() {
    let stack = TestStack::start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let day =
        json!({ "name": "org-day", "match": { "group": "org" }, "tokens": 10_000, "per": "1d" });
    let client = json!({ "rpm": 1, "tpm": 500, "group": "org" });
    configure(&server, json!({ "clients": { ID: client }, "limits": [day] })).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    let request = |tokens: u32| stack.proxy().post("/test").client(ID).tokens(tokens).send();
    browser.go("/").await;
    choose(&browser, "a", "Explain").await;
    browser.wait_for_text("h1", "Explain").await;
    fill(&browser, "Client", ID).await;
    fill(&browser, "Tokens", "600").await;
    browser.press(Key::Enter).await;
    says(&browser, "It would be refused, however long it waits.").await;
    says(&browser, "10,000 tokens a day").await;
    check::refused_for_good(&request(600).await);

    overwrite(&browser, "-5").await;
    browser.press(Key::Enter).await;
    says(&browser, "There is no answer to that.").await;
    says(&browser, "Must be a whole number from 0 to 1,000,000,000,000.").await;
    let is_offered = "return document.querySelector('.command').checkVisibility()";
    assert_eq!(browser.script(is_offered, &[]).await, false, "no command has what cannot be asked");
    let named =
        browser.script("return document.activeElement.getAttribute('aria-invalid')", &[]).await;
    assert_eq!(named, "true", "what is wrong stands beside the field");
    overwrite(&browser, "100").await;
    browser.press(Key::Enter).await;
    says(&browser, "It would pass, and reserve 100 tokens.").await;
    check::admitted(&request(100).await);

    // It is asked again by itself.
    says(&browser, "It would be refused now.").await;
    says(&browser, "Held by rpm").await;
    let told = wait_told(&browser).await;
    let line = line_for(&browser, "curl").await;
    let answer = answer_of_curl(&server, &line, "").await;
    let wait = check::refused_for_now(&request(100).await, &check::RPM_EXCEEDED);
    assert!(
        told.abs_diff(wait) < Duration::from_secs(4),
        "{told:?} on the screen, {wait:?} by Envoy"
    );
    assert_eq!((&answer["would_pass"], &answer["limit"]), (&json!(false), &json!("rpm")), "{line}");
    assert!(answer["retry_after_ms"].as_u64().is_some_and(|ms| ms > 30_000), "{answer}");
    let line = line_for(&browser, "flowguard").await;
    assert_eq!(code_of_flowguard(&line).await, Some(2), "{line}");
    // The question is in the address, so that it can be sent.
    browser.reload().await;
    says(&browser, "Held by rpm").await;
    browser.is_accessible("an answer that refuses").await;
}
