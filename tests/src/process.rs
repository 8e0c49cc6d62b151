//! A part of the stack that runs as a child process: its logs go to files, and it dies with its
//! owner.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::deadline::eventually;

const TAIL_LINES: usize = 60;

/// A running child process. Dropping it kills it; when a test is failing, the ends of its logs are
/// printed first.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command` with its output appended to `NAME.stdout` and `NAME.stderr` in
    /// `log_folder`.
    pub fn spawn(name: &str, mut command: Command, log_folder: &Path) -> Self {
        let stdout = log_folder.join(format!("{name}.stdout"));
        let stderr = log_folder.join(format!("{name}.stderr"));
        let started = open_for_append(&stdout).and_then(|stdout_file| {
            let stderr_file = open_for_append(&stderr)?;
            command.stdin(Stdio::null()).stdout(stdout_file).stderr(stderr_file).spawn()
        });
        match started {
            Ok(child) => Self { name: name.to_owned(), child, stdout, stderr },
            Err(error) => {
                panic!("can't start {name} as {}: {error}", command.get_program().display())
            }
        }
    }

    /// Everything that the process wrote to its standard output so far.
    pub fn stdout(&self) -> String {
        read_lossy(&self.stdout)
    }

    /// Everything that the process wrote to its standard error so far.
    pub fn stderr(&self) -> String {
        read_lossy(&self.stderr)
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops the process where it stands (`SIGSTOP`): its connections stay open and nothing is
    /// answered.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        // Its threads may run on for a moment: frozen is what the kernel says is stopped.
        let stopped = waitpid(Some(Pid::from_child(&self.child)), WaitOptions::UNTRACED);
        assert!(
            matches!(stopped, Ok(Some((_, status))) if status.stopped()),
            "{} did not stop: {stopped:?}",
            self.name
        );
    }

    /// Lets a frozen process go on (`SIGCONT`).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks the process to stop (`SIGTERM`).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills the process (`SIGKILL`) and waits until it is gone.
    pub fn kill(&mut self) {
        // Both fail only for a process that has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The exit status of a process that has ended.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until the process has ended by itself.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let what = format!("the end of {}", self.name);
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
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
            let title =
                format!("--- {} {stream}, {} of {} lines", self.name, tail.len(), lines.len());
            text.extend([title, tail.join("\n")].map(|part| part + "\n"));
        }
        text
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        if let Err(error) = kill_process(pid, signal) {
            panic!("can't signal {} ({pid:?}): {error}", self.name);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprint!("{}", self.log_tail());
        }
    }
}

fn open_for_append(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn read_lossy(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
