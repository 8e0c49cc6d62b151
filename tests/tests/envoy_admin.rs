//! What Envoy's admin port does for whoever reaches it, such as a web page in a browser on the same
//! host.

use harness::TestStack;
use harness::check;
use harness::deadline::eventually;
use harness::http_client::Answer;

/// As a form on a foreign page sends it: a browser asks nobody before.
async fn form_post(stack: &TestStack, path: &str) -> Answer {
    let request = stack.envoy().admin().post(path).header("origin", "http://evil.example");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body("a=b").send().await
}

#[tokio::test]
async fn a_web_page_cannot_end_envoy_or_change_it() {
    let mut stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    for path in [
        "/quitquitquit",
        "//quitquitquit",
        "/stats/../quitquitquit",
        "/ready/../quitquitquit",
        "/quitquitquit?/ready",
        "/healthcheck/fail",
        "/drain_listeners?graceful",
        "/runtime_modify?http.max_requests_per_io_cycle=1000",
        "/logging?level=trace",
        "/reset_counters",
        "/reopen_logs",
        "/heapprofiler?enable=y",
        "/cpuprofiler?enable=y",
        "/stats/recentlookups/clear",
    ] {
        let answer = form_post(&stack, path).await;
        assert_eq!(answer.status.as_u16(), 403, "{path}: {}", answer.text());
    }
    assert!(stack.envoys[0].process().exit_status().is_none());
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
    let ready = stack.envoy().admin().get("/ready").send().await;
    assert_eq!(ready.text(), "LIVE\n");
    assert!(!stack.envoy().log().contains("[trace]"));
}

/// Shows that the attack is one: where every page is open, Envoy ends.
#[tokio::test]
async fn an_admin_port_that_is_open_ends_envoy() {
    let mut stack = TestStack::builder().with_whole_admin().start().await;
    let _ = form_post(&stack, "/quitquitquit").await;
    eventually("Envoy's end", || {
        let ended = stack.envoys[0].process().exit_status();
        async move { ended }
    })
    .await;
}

#[tokio::test]
async fn statistics_and_health_can_be_read_and_nothing_that_holds_the_configuration() {
    let stack = TestStack::start().await;
    for (path, status) in [
        ("/ready", 200),
        ("/server_info", 200),
        ("/clusters", 200),
        ("/clusters?format=json", 200),
        ("/stats", 200),
        ("/stats?filter=flowguard&format=json", 200),
        ("/stats/prometheus", 200),
        ("/stats/prometheus?usedonly", 200),
        ("/", 403),
        ("/help", 403),
        ("/config_dump", 403),
        ("/stats/../config_dump", 403),
        ("/config_dump?/stats", 403),
        ("/certs", 403),
        ("/listeners", 403),
        ("/runtime", 403),
        ("/memory", 403),
        ("/contention", 403),
        ("/stats/recentlookups", 403),
        ("/readyx", 403),
    ] {
        let answer = stack.envoy().admin().get(path).send().await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text());
    }
}
