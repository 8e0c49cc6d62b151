//! Somebody at a shell, with a control plane that runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use harness::control_plane::ControlPlane;
use harness::tools;
use tempfile::TempDir;

/// A folder of one's own, and a control plane.
pub(crate) struct World {
    pub(crate) shell: Shell,
    pub(crate) control_plane: ControlPlane,
    /// Where its folder is, if it has one.
    pub(crate) before: Option<Shell>,
}

/// Somebody at a shell.
pub(crate) struct Shell {
    folder: TempDir,
    server: Option<String>,
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// One with these settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let mut shell = Shell::new(None);
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings = [("DEMO_CLIENTS", "false")].iter().chain(settings).map(text).collect();
        let control_plane = ControlPlane::start(settings, shell.folder.path().to_owned()).await;
        shell.server = Some(format!("http://{}", control_plane.rest_address()));
        Self { shell, control_plane, before: None }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.shell.run(arguments).await
    }

    /// What a command prints that ends well.
    pub(crate) async fn printed(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments).await;
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.stdout
    }
}

impl Shell {
    /// Whose variables name this server.
    pub(crate) fn new(server: Option<&str>) -> Self {
        let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        Self { folder, server: server.map(str::to_owned) }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of this mode.
    pub(crate) fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file in the folder");
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).expect("its mode");
        path
    }

    /// The command, without a terminal.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tools::flowguard();
        command.env_clear().env("HOME", self.folder.path()).current_dir(self.folder.path());
        command.envs(self.server.as_ref().map(|server| ("FLOWGUARD_SERVER", server)));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments)).await
    }
}

/// How this ends.
pub(crate) async fn ran(mut command: Command) -> Ran {
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("no panic").expect("flowguard runs");
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

impl Ran {
    /// It ended so, with nothing on stdout and this on stderr.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, told: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        assert!(self.stderr.contains(told), "{self:?} without {told}");
    }
}
