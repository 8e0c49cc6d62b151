//! Whether a control plane starts whose ports other hosts reach.

use std::{fs, path::PathBuf};

use flowguard::credentials::{Secret, SecretKind};
use harness::{
    control_plane::{ControlPlane, Settings},
    deadline::soon,
    http_client::HttpClient,
    tools,
};
use tempfile::TempDir;
use tokio::process::Command;

fn settings(settings: &[(&str, &str)]) -> Settings {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What a control plane says that does not start.
async fn refusal(given: &[(&str, &str)]) -> String {
    let mut command = tools::flowguard();
    command.env_clear().env("DATA_DIR", "memory").env("TRUST_CLIENT_HEADER", "true");
    for port in ["METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"] {
        command.env(port, "0");
    }
    command.envs(settings(given));
    let output = soon("its end", Command::from(command).kill_on_drop(true).output()).await;
    let output = output.expect("it can be run");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{text}");
    text.lines().last().expect("a line").to_owned()
}

async fn start(given: &[(&str, &str)], folder: &TempDir) -> ControlPlane {
    let mut settings = settings(given);
    settings.insert("TRUST_CLIENT_HEADER".to_owned(), "true".to_owned());
    ControlPlane::start(settings, folder.path().to_owned()).await
}

async fn status(control_plane: &ControlPlane, secret: Option<&Secret>) -> u16 {
    let mut request = HttpClient::http1(control_plane.rest_address()).get("/api/v1/clients");
    if let Some(secret) = secret {
        request = request.header("authorization", format!("Bearer {}", secret.expose()));
    }
    request.send().await.status.as_u16()
}

pub(crate) fn folder() -> TempDir {
    TempDir::with_prefix("flowguard-test-").expect("a temporary folder")
}

pub(crate) fn write_token(folder: &TempDir) -> (PathBuf, Secret) {
    let secret = Secret::new(SecretKind::Token);
    let path = folder.path().join("token");
    fs::write(&path, format!("{}\n", secret.expose())).expect("written");
    (path, secret)
}

#[tokio::test]
async fn ports_that_others_reach_are_not_opened_while_nobody_could_show_a_token() {
    for ip in ["0.0.0.0", "::"] {
        assert_eq!(
            refusal(&[("BIND_ADDRESS", ip)]).await,
            format!(
                "BIND_ADDRESS={ip} (--bind-address) can be reached from other hosts: whoever may \
                 change every limit has to show a token, and there is none: name the file of a token \
                 with ADMIN_TOKEN_FILE, make some with flowguard tokens create --local, or open the \
                 ports to everybody with ADMIN_AUTH=off"
            )
        );
    }
    let decide = refusal(&[("BIND_ADDRESS", "0.0.0.0"), ("ADMIN_AUTH", "off")]).await;
    assert!(decide.contains("whoever may spend every limit has to show a token"), "{decide}");
    assert!(decide.ends_with("or open the ports to everybody with DECIDE_AUTH=off"), "{decide}");
    let required = refusal(&[("ADMIN_AUTH", "required")]).await;
    assert!(
        required.starts_with("ADMIN_AUTH=required: whoever may change every limit"),
        "{required}"
    );
    let required = refusal(&[("DECIDE_AUTH", "required")]).await;
    assert!(
        required.starts_with("DECIDE_AUTH=required: whoever may spend every limit"),
        "{required}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_are_open_on_this_host_alone_or_where_that_is_chosen() {
    let folder = folder();
    let (path, _) = write_token(&folder);
    let path = path.to_str().expect("UTF-8");
    for given in [
        &[][..],
        &[("ADMIN_TOKEN_FILE", path)],
        &[("BIND_ADDRESS", "0.0.0.0"), ("ADMIN_AUTH", "off"), ("DECIDE_AUTH", "off")],
    ] {
        assert_eq!(status(&start(given, &folder).await, None).await, 200, "{given:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_token_in_a_file_ports_that_others_reach_are_opened_to_those_who_show_it() {
    let folder = folder();
    let (path, secret) = write_token(&folder);
    let path = path.to_str().expect("UTF-8");
    let control_plane =
        start(&[("BIND_ADDRESS", "0.0.0.0"), ("ADMIN_TOKEN_FILE", path)], &folder).await;
    assert_eq!(status(&control_plane, None).await, 401);
    assert_eq!(status(&control_plane, Some(&Secret::new(SecretKind::Token))).await, 401);
    assert_eq!(status(&control_plane, Some(&secret)).await, 200);
    let log = control_plane.log();
    assert!(!log.contains(secret.expose()), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_fetched_by_who_shows_a_token() {
    let folder = folder();
    let (path, _) = write_token(&folder);
    let path = path.to_str().expect("UTF-8");
    let given = [("ADMIN_AUTH", "required"), ("ADMIN_TOKEN_FILE", path)];
    let control_plane = start(&given, &folder).await;
    let port = control_plane.rest_address().port().to_string();
    let backup = |shown: &[(&str, &str)]| {
        let mut command = tools::flowguard();
        command.env_clear().env("CONFIG_PORT", &port).envs(settings(shown));
        command.args(["data", "backup", "-"]);
        async move {
            let output = Command::from(command).kill_on_drop(true).output();
            soon("its end", output).await.expect("it can be run")
        }
    };
    let output = backup(&[]).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{told}");
    assert!(told.contains("answers 401 Unauthorized: name the file of a token"), "{told}");

    let output = backup(&[("FLOWGUARD_TOKEN_FILE", path)]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(b"{"));
    let output = backup(&[("FLOWGUARD_TOKEN_FILE", "/nowhere")]).await;
    assert_eq!(output.status.code(), Some(64));
}
