//! What a start says of the store that it finds, and which stores it refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use harness::control_plane::{ControlPlane, Settings};
use harness::redis::{Kind, Redis};
use harness::redis_pair::RedisPair;
use harness::tls::TlsFront;
use harness::{TestStack, tools};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::stack_at;

/// What becomes of a control plane with this store.
async fn start_with(settings: &[(&str, &str)]) -> Output {
    start(&["serve"], settings).await
}

async fn start(command: &[&str], settings: &[(&str, &str)]) -> Output {
    let arguments = command;
    let mut command = tokio::process::Command::from(tools::flowguard());
    command.args(arguments).env_clear().env("DATA_DIR", "memory").envs(settings.iter().copied());
    for port in ["METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"] {
        command.env(port, "0");
    }
    command.kill_on_drop(true).output().await.expect("it ends")
}

async fn is_refused(url: &str, why: &str) {
    let output = start_with(&[("STORE_URL", url)]).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{told}");
    let line = told.lines().last().unwrap_or_default();
    assert!(line.contains(why), "{line}");
}

fn single(server: &Redis) -> String {
    format!("redis://{}", server.address())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_run_in_another_way_than_the_url_says_is_refused_with_the_way_out() {
    let single_one = Redis::start(Kind::Redis, &[]).await;
    let at = single_one.address();
    for url in [format!("redis+cluster://{at}"), format!("redis+cluster://{at},127.0.0.1:1")] {
        is_refused(&url, "leads to a server that is in no cluster: write redis://HOST").await;
    }
    is_refused(&format!("redis+sentinel://{at}/flowguard"), "cannot be used: can't connect").await;

    let watched = RedisPair::with_sentinels(Kind::Redis, &[]).await;
    is_refused(&single(&watched.servers[1]), "is a replica, which takes no writes").await;
    let sentinel = watched.url().replace("+sentinel", "");
    let sentinel = sentinel.split([',', '/']).nth(2).expect("a sentinel").to_owned();
    is_refused(
        &format!("redis://{sentinel}"),
        "leads to a sentinel: write redis+sentinel://HOST,HOST/SERVICE",
    )
    .await;

    let cluster = RedisPair::in_cluster(Kind::Redis, &[]).await;
    for server in &cluster.servers {
        is_refused(
            &single(server),
            "leads to a server of a cluster: write redis+cluster://HOST,HOST",
        )
        .await;
    }
    let evicts = "CONFIG SET maxmemory-policy allkeys-lru";
    cluster.servers[0].ask(evicts).await.expect("it is set");
    is_refused(&cluster.url(), "has maxmemory-policy allkeys-lru").await;
}

/// A server that lets in nobody from elsewhere, as a Redis without a password does.
async fn in_protected_mode() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let denied =
                b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n";
            // Whoever went away hears nothing.
            let _ = connection.write_all(denied).await;
        }
    });
    address.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_else_answers_is_told_in_one_line_with_the_way_out() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let store = Redis::start(Kind::Redis, &[]).await;
    let front = TlsFront::start(store.address(), "localhost", &[], folder.path()).await;
    let http = ControlPlane::start(Settings::new(), folder.path().to_owned()).await;
    let (plain, web) = (store.address(), http.rest_address());
    let with_tls = format!("127.0.0.1:{}", front.port());
    let protected = in_protected_mode().await;
    for (url, why) in [
        (format!("redis://{web}"), format!("{web} speaks HTTP, and is no Redis or Valkey")),
        (format!("rediss://{web}"), format!("{web} speaks HTTP, and is no Redis or Valkey")),
        (format!("redis+cluster://{web}"), format!("{web} speaks HTTP, and is no Redis or Valkey")),
        (
            format!("rediss://{plain}"),
            format!("{plain} answers without TLS: write redis in place of rediss"),
        ),
        (format!("redis://{with_tls}"), "write rediss in place of redis".to_owned()),
        (format!("redis://{protected}"), format!("{protected} is in protected mode")),
    ] {
        let output = start_with(&[("STORE_URL", &url)]).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(69), "{told}");
        let line = format!("STORE_URL={url} (--store-url) cannot be used: ");
        assert!(told.starts_with(&line) && told.contains(&why), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_store_that_is_not_what_its_setting_says_is_refused_as_a_wrong_setting() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let file = |name: &str, content: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path
    };
    let missing = folder.path().join("missing");
    let pem = b"-----BEGIN CERTIFICATE-----\nno base 64\n-----END CERTIFICATE-----\n";
    let (password, certificates) = ("STORE_PASSWORD_FILE", "STORE_CA_FILE");
    for (name, path, why) in [
        (password, missing.clone(), "cannot be read: No such file or directory"),
        (password, file("empty", b"\n"), "is empty: its one line is the store's password"),
        (password, file("long", &[b'a'; 5_000]), "is longer than 4096 bytes"),
        (password, file("bytes", b"\xff\xfe"), "is not one line of UTF-8"),
        (password, file("lines", b"secret\nsecret\n"), "is not one line of UTF-8"),
        (certificates, missing, "cannot be read: No such file or directory"),
        (certificates, file("none", b"secret"), "has no certificate in PEM"),
        (certificates, file("damaged", pem), "has no certificate in PEM"),
    ] {
        is_a_wrong_setting(name, &path, why).await;
    }
}

async fn is_a_wrong_setting(name: &str, path: &Path, why: &str) {
    let path = path.to_str().expect("UTF-8");
    // Nobody listens there: it is not even asked.
    let url = ("STORE_URL", "rediss://127.0.0.1:1");
    for command in [&["serve"][..], &["data", "check"]] {
        let output = start(command, &[url, (name, path)]).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(told.starts_with(&format!("{name}={path} {why}")), "{told}");
        assert!(told.lines().count() == 1 && !told.contains("secret"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_says_which_server_it_was_led_to() {
    for (pair, led) in [
        (RedisPair::with_sentinels(Kind::Redis, &[]).await, "its sentinels name the master"),
        (RedisPair::in_cluster(Kind::Redis, &[]).await, "its cluster names the owner of the keys"),
    ] {
        let stack: TestStack = stack_at(&pair.url(), 1).start().await;
        let log = stack.control_plane.log();
        let line = log.lines().find(|line| line.contains(led));
        let line = line.unwrap_or_else(|| panic!("no word of who answers: {log}"));
        assert!(line.contains(&format!("server={}", pair.servers[0].address())), "{line}");
        assert!(
            line.contains("maxmemory_policy=noeviction") && line.contains("replicas=1"),
            "{line}"
        );
    }
}
