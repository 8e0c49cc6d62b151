//! `cargo xtask up --scale`: two of each over one store, as the README begins with it.

use std::net::SocketAddr;
use std::path::Path;

use harness::deadline::eventually;
use harness::http_client::HttpClient;
use harness::ports::free_port;
use harness::process::Process;
use harness::tools;
use serde_json::Value;

/// The settings whose ports the command line gives; all else is on ports that are free.
const PORTS: [&str; 6] = [
    "--proxy-port",
    "--metrics-port",
    "--config-port",
    "--grpc-port",
    "--decision-port",
    "--envoy-admin-port",
];

/// What the demo's `test-client` may ask in a minute.
const PER_MINUTE: usize = 30;

fn start(logs: &Path) -> Process {
    let flowguard = tools::flowguard();
    let programs = Path::new(flowguard.get_program()).parent().expect("a folder");
    let mut xtask = tools::xtask();
    // No setting of whoever runs this.
    xtask
        .env_clear()
        .envs(["PATH", "HOME"].map(|name| (name, std::env::var_os(name).unwrap_or_default())));
    for (variable, program) in [
        ("ENVOY_BIN", tools::envoy()),
        ("REDIS_BIN", tools::redis()),
        ("PROMETHEUS_BIN", tools::prometheus()),
    ] {
        xtask.env(variable, program.get_program());
    }
    xtask.current_dir(tools::workspace()).args(["up", "--scale", "--programs"]).arg(programs);
    xtask.arg("--filter").arg(tools::filter());
    for port in PORTS {
        xtask.args([port, &free_port().to_string()]);
    }
    Process::spawn("up", xtask, logs)
}

/// What is told in the row of this name: one place, or two.
fn told(summary: &str, row: &str) -> Vec<SocketAddr> {
    let rows = summary.lines().filter_map(|line| line.trim().strip_prefix(row));
    let places = rows.flat_map(|row| row.split(" and "));
    let places = places.map(|place| place.trim().split("://").last().unwrap_or(place));
    let sockets = places.map(|place| place.split('/').next().unwrap_or(place).parse());
    sockets.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{row}: {error}\n{summary}"))
}

/// The value of each target of Prometheus, by its job.
async fn targets(prometheus: &HttpClient) -> Vec<(String, String)> {
    let answer: Value = prometheus.get("/api/v1/query?query=up").send().await.json();
    let series = answer["data"]["result"].as_array().expect("series");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let mut all: Vec<_> =
        series.iter().map(|one| (text(&one["metric"]["job"]), text(&one["value"][1]))).collect();
    all.sort();
    all
}

#[tokio::test]
async fn two_envoys_and_two_control_planes_admit_what_one_would_and_all_of_it_stops_at_once() {
    let logs = tempfile::tempdir().expect("a temporary folder");
    let mut up = start(logs.path());
    let summary = eventually("the stack", || {
        let summary = up.stdout();
        assert!(up.exit_status().is_none(), "{}", up.log_tail());
        async move { summary.contains("Ctrl-C stops everything.").then_some(summary) }
    })
    .await;

    let proxies: Vec<_> = told(&summary, "proxies").into_iter().map(HttpClient::http1).collect();
    let mut statuses = Vec::new();
    for _ in 0..PER_MINUTE {
        for proxy in &proxies {
            let answer = proxy.get("/v1/models").client("test-client").tokens(1).send().await;
            statuses.push(answer.status.as_u16());
        }
    }
    let admitted = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!((proxies.len(), admitted + refused), (2, 2 * PER_MINUTE), "{statuses:?}");
    // A request in two seconds comes back meanwhile.
    assert!((PER_MINUTE..PER_MINUTE + 10).contains(&admitted), "{admitted} of {PER_MINUTE}");

    let [prometheus] = told(&summary, "Prometheus")[..] else { panic!("{summary}") };
    let prometheus = HttpClient::http1(prometheus);
    let expected =
        ["envoy", "envoy", "flowguard", "flowguard"].map(|job| (job.to_owned(), "1".to_owned()));
    eventually("all four are watched", || async {
        (targets(&prometheus).await == expected).then_some(())
    })
    .await;

    up.terminate();
    let status = eventually("its end", || {
        let status = up.exit_status();
        async move { status }
    })
    .await;
    assert!(status.success(), "{}", up.log_tail());
    for row in ["proxies", "REST", "store", "Prometheus"] {
        for place in told(&summary, row) {
            assert!(std::net::TcpStream::connect(place).is_err(), "{row}: {place} still listens");
        }
    }
}
