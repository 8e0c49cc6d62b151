//! A part of the stack that runs as a child process: its logs go to files, and it dies with its
//! owner. And a program that only prints something.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use supervisor::{Logs, Reach, Service, tail};
use tokio::time::timeout;

use crate::deadline::eventually;
use crate::secrets;

const TAIL_LINES: usize = 60;

/// What a program prints, which has to end well and within the deadline.
pub async fn printed(
    what: &str,
    deadline: Duration,
    command: &mut tokio::process::Command,
) -> String {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(deadline, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("not within {deadline:?}: {what}"));
    let output = output.unwrap_or_else(|error| panic!("can't run {what}: {error}"));
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{what}: {}\n{stdout}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// A running child process. Dropping it kills it; when a test is failing, the ends of its logs are
/// printed first. A test in whose logs a key or a token stands fails then.
#[derive(Debug)]
pub struct Process(Service);

impl Process {
    /// Starts `command` with its output appended to `NAME.stdout` and `NAME.stderr` in
    /// `log_folder`.
    pub fn spawn(name: &str, mut command: Command, log_folder: &Path) -> Self {
        // What stops the tests stops their whole group, and this process with it.
        let started =
            Service::start(name, &mut command, Logs::apart(log_folder, name), Reach::Alone);
        Self(started.unwrap_or_else(|error| panic!("{error:#}")))
    }

    /// Everything that the process wrote to its standard output so far.
    pub fn stdout(&self) -> String {
        self.0.stdout()
    }

    /// Everything that the process wrote to its standard error so far.
    pub fn stderr(&self) -> String {
        self.0.stderr()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.0.program().id()
    }

    /// Stops the process where it stands (`SIGSTOP`): its connections stay open and nothing is
    /// answered.
    pub fn freeze(&self) {
        self.done(self.0.program().freeze());
    }

    /// Lets a frozen process go on (`SIGCONT`).
    pub fn thaw(&self) {
        self.done(self.0.program().thaw());
    }

    /// Asks the process to stop (`SIGTERM`).
    pub fn terminate(&self) {
        self.done(self.0.program().terminate());
    }

    /// Kills the process (`SIGKILL`) and waits until it is gone.
    pub fn kill(&mut self) {
        self.0.program_mut().kill();
    }

    /// The exit status of a process that has ended.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.0.program_mut().exited().ok().flatten()
    }

    /// Waits until the process has ended by itself.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let what = format!("the end of {}", self.0.name());
        eventually(&what, || {
            let status = self.exit_status();
            async move { status }
        })
        .await
    }

    /// The last lines of both logs, for a message.
    pub fn log_tail(&self) -> String {
        let mut text = String::new();
        for (stream, log) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            let lines = log.lines().count();
            let shown = lines.min(TAIL_LINES);
            let title = format!("--- {} {stream}, {shown} of {lines} lines", self.0.name());
            text.extend([title, tail(&log, TAIL_LINES)].map(|part| part + "\n"));
        }
        text
    }

    fn done(&self, signalled: anyhow::Result<()>) {
        signalled.unwrap_or_else(|error| panic!("{}: {error:#}", self.0.name()));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprint!("{}", self.log_tail());
        }
        for (stream, log) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            secrets::none_in(&format!("{} of {}", stream, self.0.name()), log.as_bytes());
        }
    }
}
