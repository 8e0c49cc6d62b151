//! The file of a token: what is no such file, and how it is followed.

use std::{fs, future, os::unix::fs::PermissionsExt as _, path::Path, process::Command, sync::Arc};

use flowguard::{
    auth::TokenFile,
    credentials::{Secret, SecretKind},
};
use harness::{control_plane::ControlPlane, deadline::eventually_equal, http_client::HttpClient};

use crate::start::{folder, write_token};

fn refusal(path: &Path) -> String {
    let line = TokenFile::read(path).expect_err("it has no token").to_string();
    let name = format!("ADMIN_TOKEN_FILE={} ", path.display());
    line.strip_prefix(&name).unwrap_or_else(|| panic!("{line}")).to_owned()
}

#[test]
fn what_is_no_file_of_a_token_is_refused_in_one_line_that_does_not_repeat_it() {
    let folder = folder();
    let path = folder.path().join("token");
    assert_eq!(refusal(&path), "cannot be read: No such file or directory (os error 2)");
    let form = "has no token: its one line must be fga_<public part>_<secret part>_<checksum>, as it \
                was shown when it was made";
    let key = Secret::new(SecretKind::Key);
    let token = Secret::new(SecretKind::Token);
    for (content, told) in [
        ("", "is empty: its one line is a token (fga_…)"),
        ("\n", "is empty: its one line is a token (fga_…)"),
        ("hunter2\n", form),
        (key.expose(), form),
        (&token.expose()[1..], form),
        (&format!("{0}\n{0}\n", token.expose()), form),
        (&"x".repeat(2_000), "is longer than 1024 bytes: it has a token (fga_…) and nothing else"),
    ] {
        fs::write(&path, content).expect("written");
        assert_eq!(refusal(&path), told, "{content:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_token_in_the_file_is_in_force_soon_and_what_is_none_changes_nothing() {
    let folder = folder();
    let (path, first) = write_token(&folder);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).expect("its owner's");
    let settings =
        [("ADMIN_AUTH", "required"), ("ADMIN_TOKEN_FILE", path.to_str().expect("UTF-8"))];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let control_plane = ControlPlane::start(settings.into(), folder.path().to_owned()).await;
    let control_plane = Arc::new(control_plane);
    let log = || control_plane.log();
    assert!(log().contains("can be read by everybody on this host"), "{}", log());
    let statuses = |secrets: &[&Secret]| {
        let bearers: Vec<_> =
            secrets.iter().map(|secret| format!("Bearer {}", secret.expose())).collect();
        let client = HttpClient::http1(control_plane.rest_address());
        async move {
            let mut statuses = Vec::new();
            for bearer in bearers {
                let request = client.get("/api/v1/clients").header("authorization", bearer);
                statuses.push(request.send().await.status.as_u16());
            }
            statuses
        }
    };
    assert_eq!(statuses(&[&first]).await, [200]);

    let (_, second) = write_token(&folder);
    eventually_equal("the second alone", vec![401, 200], || statuses(&[&first, &second])).await;
    fs::write(&path, "hunter2").expect("written");
    let told = format!("; the token {} stays in force", second.public_part());
    eventually_equal("it is told", true, || future::ready(log().contains(&told))).await;
    assert_eq!(statuses(&[&second]).await, [200]);
    assert!(!log().contains("hunter2"), "{}", log());
}

/// Looking at a pipe waited for somebody who writes to it, for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_a_pipe_for_a_while_is_followed_again_and_health_tells_it_meanwhile() {
    let folder = folder();
    let (path, first) = write_token(&folder);
    let settings =
        [("ADMIN_AUTH", "required"), ("ADMIN_TOKEN_FILE", path.to_str().expect("UTF-8"))];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let control_plane = ControlPlane::start(settings.into(), folder.path().to_owned()).await;
    let client = HttpClient::http1(control_plane.rest_address());
    let health = || async {
        let health = client.get("/health").send().await.json();
        let reason = health["reasons"][0].as_str().unwrap_or_default().to_owned();
        (health["status"].as_str().unwrap_or_default().to_owned(), reason)
    };
    assert_eq!(health().await, ("healthy".to_owned(), String::new()));

    fs::remove_file(&path).expect("removed");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
    assert!(made.success());
    let told = format!(
        "ADMIN_TOKEN_FILE={} cannot be read: it is no file, but a pipe, a socket or a device; what it \
         had before stays in force",
        path.display()
    );
    eventually_equal("it is told", ("degraded".to_owned(), told), health).await;
    let status = async |secret: &Secret| {
        let bearer = format!("Bearer {}", secret.expose());
        client.get("/api/v1/clients").header("authorization", &bearer).send().await.status.as_u16()
    };
    assert_eq!(status(&first).await, 200);

    fs::remove_file(&path).expect("removed");
    let (_, second) = write_token(&folder);
    eventually_equal("it is well", ("healthy".to_owned(), String::new()), health).await;
    assert_eq!((status(&first).await, status(&second).await), (401, 200));
}
