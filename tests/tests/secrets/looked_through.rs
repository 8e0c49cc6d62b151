//! All that is told, and kept, looked through for every secret.

use std::fs;

use harness::http_client::HttpClient;
use harness::secrets;
use http::Method;
use proto::api::ListAuditRequest;

use crate::world::{World, flowguard, sha256};

/// Whether what is looked through may have digests: what is kept of a secret, and given to who may
/// have it all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Digests {
    Kept,
    Hidden,
}

fn check(world: &World, place: &str, text: &str, digests: Digests) {
    assert!(!text.is_empty(), "{place} has something to look through");
    secrets::none_in(place, text.as_bytes());
    for secret in world.secrets() {
        // Of a key what nobody can guess, of an issuer's token what proves it.
        let part = match secret.strip_prefix("fg") {
            Some(rest) => rest.split('_').nth(2).expect("a secret part"),
            None => secret.rsplit('.').next().expect("a signature"),
        };
        let line = text.lines().find(|line| line.contains(part));
        let line = line.map(|line| line.replace(part, "***"));
        assert!(line.is_none(), "{place}: {}", line.unwrap_or_default());
        let has_digest = digests == Digests::Hidden && text.contains(&sha256(secret));
        assert!(!has_digest, "{place} has the digest of {}", &secret[..16]);
    }
}

async fn page(world: &World, path: &str) -> String {
    let answer = world.rest(Method::GET, path).send().await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

async fn whole_audit(world: &World) -> String {
    let (mut text, mut path) = (String::new(), "/api/v1/audit?limit=1000".to_owned());
    loop {
        let answer = world.rest(Method::GET, &path).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        text.push_str(&answer.text());
        text.push('\n');
        let Some(cursor) = answer.json()["next_cursor"].as_str().map(str::to_owned) else {
            return text;
        };
        path = format!("/api/v1/audit?limit=1000&cursor={cursor}");
    }
}

/// Logs, metrics, answers, the audit and what an operator reads, and Envoy's own pages.
pub(crate) async fn while_it_runs(world: &mut World) {
    let request = ListAuditRequest { page_size: 1_000, ..ListAuditRequest::default() };
    let call = World::call(&world.bearer(), request);
    let audit = world.grpc().await.list_audit(call).await.expect("the audit").into_inner();
    assert!(!audit.entries.is_empty());
    let metrics = HttpClient::one_connection_each(world.stack.control_plane.metrics_address());
    let metrics = metrics.get("/metrics").header("authorization", world.bearer()).send().await;
    assert_eq!(metrics.status, 200, "{}", metrics.text());
    let (plane, envoy) = (&world.stack.control_plane, world.stack.envoy());
    for (place, text) in [
        ("the control plane's log", plane.log()),
        ("the metrics", metrics.text()),
        ("Envoy's log", envoy.log()),
        ("the access log", envoy.access_log()),
        ("the audit over REST", whole_audit(world).await),
        ("the audit over gRPC", format!("{audit:?}")),
        ("the clients", page(world, "/api/v1/clients").await),
        ("the keys", page(world, "/api/v1/clients/a/keys").await),
        ("the tokens", page(world, "/api/v1/tokens").await),
    ] {
        check(world, place, &text, Digests::Hidden);
    }
    for path in ["/config_dump?include_eds", "/stats", "/stats/prometheus", "/clusters", "/certs"] {
        let answer = envoy.admin().get(path).send().await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        check(world, path, &answer.text(), Digests::Hidden);
    }
    for path in ["/api/v1/config", "/api/v1/backup"] {
        check(world, path, &page(world, path).await, Digests::Kept);
    }
    let token_file = world.folder.path().join("admin.token").display().to_string();
    let port = plane.rest_address().port().to_string();
    let settings = [("CONFIG_PORT", &*port), ("FLOWGUARD_TOKEN_FILE", &*token_file)];
    let backup = flowguard(world.folder.path(), &["data", "backup", "-"], &settings).await;
    let (lines, told) =
        (String::from_utf8_lossy(&backup.stdout), String::from_utf8_lossy(&backup.stderr));
    assert!(backup.status.success() && lines.contains("ImportedKey1"), "{told}");
    check(world, "data backup", &lines, Digests::Kept);

    for (place, text) in &world.told {
        // Somebody who sends a document with a digest has it.
        check(world, place, text, Digests::Kept);
    }
}

/// The files that it leaves, and what a command makes of them.
pub(crate) async fn when_it_has_ended(mut world: World) {
    world.stack.control_plane.process().terminate();
    let status = world.stack.control_plane.process().wait_for_exit().await;
    assert!(status.success(), "{status}");
    let mut files = 0;
    for entry in fs::read_dir(world.data()).expect("a folder").flatten() {
        let bytes = fs::read(entry.path()).expect("a file");
        let name = entry.file_name().to_string_lossy().into_owned();
        let digests = if name.starts_with("audit") { Digests::Hidden } else { Digests::Kept };
        if !bytes.is_empty() {
            check(&world, &name, &String::from_utf8_lossy(&bytes), digests);
            files += 1;
        }
    }
    assert!(files >= 3, "configuration, journal, audit: {files}");
    let data = world.data().display().to_string();
    let export =
        flowguard(world.folder.path(), &["data", "export", "-"], &[("DATA_DIR", &*data)]).await;
    let (lines, told) =
        (String::from_utf8_lossy(&export.stdout), String::from_utf8_lossy(&export.stderr));
    assert!(export.status.success() && lines.contains("ImportedKey1"), "{told}");
    check(&world, "data export", &lines, Digests::Kept);
    check(&world, "what the export said", &format!("{told}."), Digests::Hidden);
}
