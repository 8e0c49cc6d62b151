//! `flowguard data backup`: of a control plane that runs, and of servers that break.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
};

use harness::http_client::HttpClient;
use http::Method;

use super::world::{World, check, mode};

/// A control plane on free ports.
pub(crate) struct ControlPlane {
    process: Child,
    config_port: u16,
}

impl ControlPlane {
    /// One that keeps its clients in `folder`.
    fn start(folder: &Path) -> Self {
        Self::start_with(&[("DATA_DIR", folder.to_str().expect("text"))])
    }

    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowguard"));
        command.env_clear().envs(settings.iter().copied());
        for port in ["METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"] {
            command.env(port, "0");
        }
        let mut process = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut config_port = None;
        let log = BufReader::new(process.stderr.take().expect("a log"));
        for line in log.lines().map(|line| line.expect("text")) {
            if line.ends_with(" is ready") {
                break;
            }
            let port = line.strip_suffix(" (CONFIG_PORT)").and_then(|line| line.rsplit(':').next());
            config_port = config_port.or(port.and_then(|port| port.parse().ok()));
        }
        Self { process, config_port: config_port.expect("a port") }
    }

    /// What it answers.
    pub(crate) async fn get(&self, path: &str) -> String {
        let answer = self.http().get(path).send().await;
        assert!(answer.status.is_success(), "{answer:?}");
        answer.text()
    }

    /// Changes a client.
    pub(crate) async fn patch(&self, client: &str, body: &str) {
        let patch = self.http().request(Method::PATCH, &format!("/api/v1/clients/{client}"));
        let patch = patch.header("content-type", "application/json");
        let answer = patch.body(body.to_owned()).send().await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    fn http(&self) -> HttpClient {
        HttpClient::http1((Ipv4Addr::LOCALHOST, self.config_port).into())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn backup(world: &World, config_port: u16) -> Output {
    world.run(&["backup", "file", &format!("--config-port={config_port}")])
}

#[test]
fn a_running_control_plane_is_backed_up_and_restored() {
    let world = World::new();
    let running = ControlPlane::start(&world.data());
    check(&backup(&world, running.config_port), 0, "file: 3 clients, 0 records\n", "");
    let file = world.path("file");
    assert_eq!(mode(&file), 0o600);
    let line = "file is there already, and was left as it is: choose another name\n";
    check(&backup(&world, running.config_port), 73, "", line);
    let port = format!("--config-port={}", running.config_port);
    let output = world.run(&["backup", "-", &port]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "3 clients, 0 records\n");
    let clients = |document: &str| document.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let document = fs::read_to_string(&file).expect("text");
    assert_eq!(clients(&String::from_utf8_lossy(&output.stdout)), clients(&document));

    drop(running);
    check(&world.run(&["import", "file", "--data-dir=new"]), 0, "new: 3 clients, 0 records\n", "");
    let restored = ControlPlane::start(&world.path("new"));
    let port = format!("--config-port={}", restored.config_port);
    let output = world.run(&["backup", "-", &port]);
    assert_eq!(clients(&String::from_utf8_lossy(&output.stdout)), clients(&document));
}

#[test]
fn where_nobody_answers_the_way_out_is_told() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let line = format!(
        "no control plane answers at {address}: Connection refused (os error 111); of one that is \
         stopped, flowguard data export writes the folder\n"
    );
    check(&backup(&world, address.port()), 69, "", &line);
    let line = "CONFIG_PORT=0 (--config-port) is not allowed here: a port from 1 to 65535, where \
                the control plane is asked\n";
    check(&backup(&world, 0), 64, "", line);
}

/// A server that answers one request with these bytes, and closes the connection.
fn answering(answer: &'static str) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 1_024];
        let read = stream.read(&mut request).expect("a request");
        assert!(request[..read].starts_with(b"GET /api/v1/backup HTTP/1.1\r\n"));
        stream.write_all(answer.as_bytes()).expect("it reads");
    });
    (address, server)
}

#[track_caller]
fn check_broken(answer: &'static str, told: &str) {
    let world = World::new();
    let (address, server) = answering(answer);
    let line = told.replace("ADDRESS", &address.to_string());
    check(&backup(&world, address.port()), 69, "", &line);
    server.join().expect("it was asked");
    let left = fs::read_dir(world.0.path()).expect("a folder").count();
    assert_eq!(left, 0, "a file is left that looks whole");
}

#[test]
fn of_a_backup_that_breaks_off_no_file_is_left() {
    let torn = "the backup of the control plane at ADDRESS did not come to its end\n";
    check_broken(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n22\r\n{\"end\":{\"clients\":0,\"records\":0}}\n\r\n",
        torn,
    );
    check_broken("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"flowguard\":", torn);
    // All that was promised came, and it is no backup all the same.
    check_broken("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", torn);
    check_broken(
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"flowguard\":{\"format\":1}}\n",
        torn,
    );
}

#[test]
fn a_control_plane_that_refuses_is_told() {
    check_broken(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        "the control plane at ADDRESS answers 503 Service Unavailable, not 200 OK\n",
    );
}
