//! Clients in a file (`CONFIG_FILE`), of a control plane that runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::control_plane::{ControlPlane, Settings};
use harness::deadline::eventually;
use harness::grpc::GrpcClient;
use harness::http_client::HttpClient;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The file of a control plane, which has it from the start.
struct Clients {
    control_plane: ControlPlane,
    path: PathBuf,
    folder: TempDir,
}

impl Clients {
    async fn start(content: &str) -> Self {
        let folder = TempDir::with_prefix("flowguard-clients-").expect("a temporary folder");
        let path = folder.path().join("clients.yaml");
        fs::write(&path, content).expect("a file");
        let control_plane = control_plane(&path, folder.path()).await;
        Self { control_plane, path, folder }
    }

    fn write_in_place(&self, content: &str) {
        fs::write(&self.path, content).expect("the file can be written");
    }

    fn rename_over(&self, content: &str) {
        let new = self.path.with_extension("new");
        fs::write(&new, content).expect("a new file");
        fs::rename(new, &self.path).expect("the new file takes the old one's place");
    }

    async fn health(&self) -> Value {
        health(&self.control_plane).await
    }

    async fn metric(&self, name: &str) -> f64 {
        self.control_plane.metrics().await.value(name, &[]).expect("the metric")
    }
}

async fn control_plane(path: &Path, log_folder: &Path) -> ControlPlane {
    let path = path.to_str().expect("a path of text").to_owned();
    let settings = Settings::from([("CONFIG_FILE".to_owned(), path)]);
    ControlPlane::start(settings, log_folder.to_owned()).await
}

async fn health(control_plane: &ControlPlane) -> Value {
    let answer = HttpClient::one_connection_each(control_plane.rest_address());
    let answer = answer.get("/health").send().await;
    assert_eq!(answer.status.as_u16(), 200, "a file never ends the service");
    answer.json()
}

/// All clients by id, with their requests per minute.
async fn clients(control_plane: &ControlPlane) -> Value {
    let answer = control_plane.admin().http().get("/api/v1/clients").send().await.json();
    let clients = answer["clients"].as_object().expect("clients by id").iter();
    clients.map(|(id, client)| (id.clone(), client["rpm"].clone())).collect()
}

async fn become_clients(control_plane: &ControlPlane, expected: Value) {
    eventually(&format!("the clients {expected}"), || async {
        (clients(control_plane).await == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_written_renamed_or_linked_is_in_force_soon() {
    let file = Clients::start("clients: {a: {rpm: 1}}").await;
    assert_eq!(clients(&file.control_plane).await, json!({"a": 1}), "and no demo clients");

    file.write_in_place("clients: {a: {rpm: 2}, b: {}}");
    become_clients(&file.control_plane, json!({"a": 2, "b": null})).await;
    file.rename_over(r#"{"clients": {"b": {"rpm": 3}}}"#);
    become_clients(&file.control_plane, json!({"b": 3})).await;
    // As somebody who edits: away, and there again.
    fs::remove_file(&file.path).expect("the file is there");
    file.write_in_place("clients: {c: {rpm: 4}}");
    become_clients(&file.control_plane, json!({"c": 4})).await;
    assert_eq!(file.health().await["status"], "healthy");
    let log = file.control_plane.log();
    let put = format!("CONFIG_FILE {} is in force: clients 1, created 1,", file.path.display());
    assert!(log.contains(&put), "{log}");
}

/// Kubernetes puts the files of a volume into a new folder, and leads one link there.
#[tokio::test]
async fn a_config_map_is_read_when_its_link_is_switched() {
    let volume = TempDir::with_prefix("flowguard-volume-").expect("a temporary folder");
    let mount = |version: &str, content: &str| {
        let folder = volume.path().join(version);
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("clients.yaml"), content).expect("a file");
        let new = volume.path().join("..data_tmp");
        symlink(version, &new).expect("a link");
        fs::rename(new, volume.path().join("..data")).expect("the link takes its place");
    };
    mount("..1", "clients: {a: {rpm: 1}}");
    let path = volume.path().join("clients.yaml");
    symlink("..data/clients.yaml", &path).expect("a link");
    let control_plane = control_plane(&path, volume.path()).await;
    mount("..2", "clients: {a: {rpm: 2}}");
    fs::remove_dir_all(volume.path().join("..1")).expect("the old folder");
    become_clients(&control_plane, json!({"a": 2})).await;
}

#[tokio::test]
async fn a_bad_file_is_told_and_the_last_good_one_stays_in_force() {
    let file = Clients::start("clients: {a: {rpm: 1}}").await;
    let loaded = file.metric("flowguard_config_file_loaded_timestamp_seconds").await;
    assert!(loaded > 1_700_000_000.0, "{loaded}");
    let path = file.path.display();

    file.write_in_place("clients:\n  a: {rpm: 2}\n  secret: {rpm: 0, rmp: 1}\n");
    let reasons = eventually("a health that is degraded", || async {
        let health = file.health().await;
        (health["status"] == "degraded").then(|| health["reasons"].clone())
    })
    .await;
    // Anybody may read it: it names no client.
    let wrong = format!("CONFIG_FILE {path} has 2 errors, the first in line 3, column 17");
    assert_eq!(reasons, json!([format!("{wrong}; what it said before stays in force")]));
    assert_eq!(clients(&file.control_plane).await, json!({"a": 1}));
    assert!(file.metric("flowguard_config_file_errors_total").await >= 1.0);
    let log = file.control_plane.log();
    let told = format!("{wrong}: rpm must be null or an integer from 1 to 1000000000000, not 0");
    assert!(log.lines().any(|line| line.contains(" WARN ") && line.contains(&told)), "{log}");

    fs::remove_file(&file.path).expect("the file is there");
    eventually("a health that tells of the missing file", || async {
        let reasons = file.health().await["reasons"].to_string();
        reasons.contains(" cannot be read: No such file or directory").then_some(())
    })
    .await;
    assert_eq!(clients(&file.control_plane).await, json!({"a": 1}));

    file.rename_over("clients: {a: {rpm: 3}}");
    become_clients(&file.control_plane, json!({"a": 3})).await;
    eventually("a health that has recovered", || async {
        (file.health().await["status"] == "healthy").then_some(())
    })
    .await;
    assert_eq!(file.health().await.get("reasons"), None);
}

#[tokio::test]
async fn both_apis_refuse_to_write_what_the_file_owns_and_write_all_else() {
    let file = Clients::start("clients: {a: {rpm: 1}}").await;
    let admin = file.control_plane.admin();
    let grpc = GrpcClient::new(file.control_plane.grpc_address());
    let message =
        format!("the client stands in the file {}, which alone can change it", file.path.display());
    let refused = json!({"error": "managed_by_file", "message": message});
    let by_post = json!({"client_id": "a", "rpm": 5});
    for answer in [
        admin.put("a", &json!({"rpm": 5})).await,
        admin.http().post("/api/v1/clients").json(&by_post).send().await,
        admin.patch("a", &json!({"rpm": 5})).await,
        admin.delete("a").await,
    ] {
        assert_eq!((answer.status.as_u16(), answer.json()), (409, refused.clone()));
    }
    let service = "flowguard.FlowGuardService";
    for (call, request) in [
        ("SetClientConfig", json!({"config": {"clientId": "a", "rpm": "5"}})),
        ("SetClientConfig", json!({"config": {"clientId": "a", "rpm": "5"}, "updateMask": "rpm"})),
        ("DeleteClient", json!({"clientId": "a"})),
    ] {
        let error = grpc.call(&format!("{service}/{call}"), &request).await.expect_err("refused");
        assert_eq!((&*error.code, &error.message), ("failed_precondition", &message));
    }
    assert_eq!(clients(&file.control_plane).await, json!({"a": 1}));
    assert_eq!(admin.reset("a").await.status.as_u16(), 200);
    let reset = grpc.call(&format!("{service}/ResetClient"), &json!({"clientId": "a"})).await;
    assert_eq!(reset.expect("a reset is no configuration")["found"], true);

    admin.put_client("b", 2, None).await;
    assert_eq!(admin.delete("b").await.status.as_u16(), 200);
    assert!(file.folder.path().exists());
}

#[tokio::test]
async fn a_client_that_the_file_takes_over_or_changes_keeps_its_balance() {
    let folder = TempDir::with_prefix("flowguard-clients-").expect("a temporary folder");
    let path = folder.path().join("clients.yaml");
    fs::write(&path, "clients: {}").expect("a file");
    let stack = TestStack::builder()
        .setting("CONFIG_FILE", path.to_str().expect("a path of text"))
        .setting("UNKNOWN_CLIENTS", "deny")
        .start()
        .await;
    let admin = stack.admin();
    admin.put_client("a", 1, 1_000).await;
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
    let spent = Instant::now();

    fs::write(&path, "clients: {a: {rpm: 1, tpm: 1000}}").expect("a file");
    eventually("a client of the file", || async {
        let refused = admin.patch("a", &json!({"rpm": 1})).await.status.as_u16();
        (refused == 409).then_some(())
    })
    .await;
    let request = || stack.proxy().post("/").client("a").tokens(1).send();
    fs::write(&path, "clients: {a: {rpm: 1, tpm: 2000}}").expect("a file");
    eventually("another limit", || async {
        (admin.get("a").await.json()["tpm"] == 2_000).then_some(())
    })
    .await;
    // Else it would have a request again.
    assert!(spent.elapsed() < Duration::from_secs(55), "too slow a machine");
    check::refused_for_now(&request().await, &check::RPM_EXCEEDED);

    fs::write(&path, "clients: {}").expect("a file");
    eventually("no client any more", || async {
        (admin.get("a").await.status.as_u16() == 404).then_some(())
    })
    .await;
    check::refused(&request().await, &check::UNKNOWN_CLIENT);
}
