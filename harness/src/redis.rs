//! A real Redis or Valkey as a child process, in a folder of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream as AsyncTcpStream;

use crate::deadline::eventually;
use crate::ports::free_port;
use crate::process::Process;
use crate::tools;

/// How long the server may take for an answer to `PING`.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    // Before the folder: it is killed before that goes.
    process: Process,
    kind: Kind,
    options: Vec<String>,
    port: u16,
    folder: TempDir,
}

/// The name of a configuration that a server may rewrite, in its folder.
const CONFIGURATION: &str = "server.conf";

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Redis, Self::Valkey];

    /// Whether this machine has it; says so where it has not. Redis is always there.
    pub fn is_here(self) -> bool {
        let is_here = self == Self::Redis || std::env::var_os("VALKEY_BIN").is_some();
        if !is_here {
            println!("passed over: there is no Valkey here, and VALKEY_BIN names none");
        }
        is_here
    }

    /// Those that this machine has.
    pub fn all_here() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_here())
    }

    fn command(self) -> Command {
        match self {
            Self::Redis => tools::redis(),
            Self::Valkey => tools::valkey(),
        }
    }
}

impl Redis {
    /// Starts one that writes nothing to disk, and waits until it is ready. `options` are those of its
    /// command line, as `["--maxmemory", "2mb"]`; they come after its own.
    pub async fn start(kind: Kind, options: &[&str]) -> Self {
        Self::start_with(kind, None, options).await
    }

    /// The same with a configuration that it may rewrite, as sentinels do.
    pub async fn start_with(kind: Kind, configuration: Option<&str>, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Some(text) = configuration {
            std::fs::write(folder.path().join(CONFIGURATION), text).expect("a file");
        }
        let port = free_port();
        let options = options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>();
        let process = spawn(kind, &options, port, folder.path());
        let mut server = Self { process, kind, options, port, folder };
        server.wait_until_ready().await;
        server
    }

    /// Starts it again on the same port and in the same folder, after it was killed.
    pub async fn restart(&mut self) {
        self.process = spawn(self.kind, &self.options, self.port, self.folder.path());
        self.wait_until_ready().await;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The folder that it writes to.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file that it appends to, which was started with `--appendonly yes`.
    pub fn append_log(&self) -> PathBuf {
        let folder = self.folder().join("appendonlydir");
        let files = std::fs::read_dir(folder).expect("a folder of what it appends");
        let mut files = files.map(|file| file.expect("an entry").path());
        let is_log = |file: &PathBuf| file.to_string_lossy().ends_with(".incr.aof");
        files.find(is_log).expect("it appends to one")
    }

    /// What it answers to one command, as it is sent; an error is a failure of the test.
    pub async fn command(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut connection = AsyncTcpStream::connect(self.address()).await.expect("it listens");
        let mut request = format!("*{}\r\n", parts.len()).into_bytes();
        for part in parts {
            request.extend(format!("${}\r\n", part.len()).into_bytes());
            request.extend(*part);
            request.extend(b"\r\n");
        }
        request.extend(b"*1\r\n$4\r\nQUIT\r\n");
        connection.write_all(&request).await.expect("it reads");
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.expect("it answers");
        assert!(!answer.starts_with(b"-"), "{}", String::from_utf8_lossy(&answer));
        answer
    }

    /// What it answers to a command of words, or its error.
    pub async fn ask(&self, words: &str) -> Result<String, String> {
        let failed = |error: std::io::Error| error.to_string();
        let mut connection = AsyncTcpStream::connect(self.address()).await.map_err(failed)?;
        connection.write_all(format!("{words}\r\n").as_bytes()).await.map_err(failed)?;
        // It answers first. Sentinels know no `QUIT`.
        connection.shutdown().await.map_err(failed)?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.map_err(failed)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if answer.starts_with('-') { Err(answer) } else { Ok(answer) }
    }

    /// Whether it takes writes, as it says itself.
    pub async fn is_primary(&self) -> bool {
        self.ask("ROLE").await.is_ok_and(|role| role.contains("master"))
    }

    /// The process, to be killed, frozen and thawed.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    async fn wait_until_ready(&mut self) {
        let what = format!("a ready {:?}", self.kind);
        eventually(&what, || {
            let ended = self.process.exit_status();
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.process.log_tail());
            let is_ready = answers(self.address());
            async move { is_ready.then_some(()) }
        })
        .await;
    }
}

fn spawn(kind: Kind, options: &[String], port: u16, folder: &Path) -> Process {
    let mut command = kind.command();
    tools::clean_environment(&mut command);
    let configuration = folder.join(CONFIGURATION);
    if configuration.is_file() {
        command.arg(configuration);
    }
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
    command.arg("--dir").arg(folder).args(options);
    Process::spawn("redis", command, folder)
}

/// Whether it answers anything to `PING` but that it is loading: one that wants a password refuses,
/// and is ready.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut connection = TcpStream::connect_timeout(&address, PING_TIMEOUT)?;
        connection.set_read_timeout(Some(PING_TIMEOUT))?;
        connection.write_all(b"PING\r\n")?;
        let mut answer = [0; 64];
        let len = connection.read(&mut answer)?;
        Ok(answer.into_iter().take(len).collect())
    };
    ask().is_ok_and(|answer| !answer.is_empty() && !answer.starts_with(b"-LOADING"))
}
