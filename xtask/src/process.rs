//! Running other programs: to their end, for their output, and always under control.
//!
//! Each program leads a process group of its own, so that stopping it stops what it started as
//! well: `cargo test` alone stands for a tree of test programs, Envoys and control planes.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::interrupt;

/// How often a waiting command looks for the end of a program and for Ctrl-C.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// How long an interrupted program may take to stop by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Runs `command` to its end with its output going through. An error names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    succeeded(command, status)
}

/// That the command which ended with `status` did what it was for.
pub(crate) fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        // Ctrl-C may have ended the program itself before it was looked for here.
        interrupt::check()?;
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Runs `command` to its end with its output going through.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    let mut group = Group::spawn(command)?;
    loop {
        if let Some(status) = group.exited()? {
            return Ok(status);
        }
        if let Err(interrupted) = interrupt::check() {
            interrupt::take();
            group.stop(GRACE);
            return Err(interrupted);
        }
        thread::sleep(POLL);
    }
}

/// [`run`] with the standard output sent to standard error, for commands whose own output is for a
/// script to read.
pub(crate) fn run_aside(command: &mut Command) -> Result<()> {
    run(command.stdout(io::stderr()))
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command` for its output, and kills it when it takes longer than `limit`.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<Output> {
    let mut group = Group::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let stdout = thread::spawn({
        let pipe = group.child.stdout.take();
        move || read_all(pipe)
    });
    let stderr = thread::spawn({
        let pipe = group.child.stderr.take();
        move || read_all(pipe)
    });
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = group.exited()? {
            break status;
        }
        interrupt::check()?;
        if Instant::now() >= deadline {
            bail!("`{}` did not end within {} s", line(command), limit.as_secs());
        }
        thread::sleep(POLL);
    };
    let joined = || anyhow!("the output of `{}` can't be read", line(command));
    Ok(Output {
        status,
        stdout: stdout.join().map_err(|_| joined())?,
        stderr: stderr.join().map_err(|_| joined())?,
    })
}

fn read_all(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What arrived before a pipe broke is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The command as one would type it: a program found in the toolchain's folder is called by its name.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text =
        program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
        let quote = if !argument.is_empty() && argument.chars().all(plain) { "" } else { "'" };
        let _ = write!(text, " {quote}{argument}{quote}");
    }
    text
}

/// A running program and whatever it starts. Dropping it kills them, unless the program has ended.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    ended: Option<ExitStatus>,
}

/// How a program went when it was asked to stop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It ended by itself in time.
    Gracefully,
    /// It was killed at the end of its time.
    Killed,
}

impl Group {
    /// Starts `command` as the leader of a process group, without standard input.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("can't run {}", command.get_program().display()))?;
        Ok(Self { child, ended: None })
    }

    /// The exit status of a program that has ended.
    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().context("can't wait for a child process")?;
        }
        Ok(self.ended)
    }

    /// Asks the group to stop, and kills what is left of it after `grace`, or at once on Ctrl-C.
    pub(crate) fn stop(&mut self, grace: Duration) -> Stopped {
        if self.ended.is_some() {
            return Stopped::Gracefully;
        }
        let group = Pid::from_child(&self.child);
        // The only failure is that nobody is left to signal.
        let _ = kill_process_group(group, Signal::TERM);
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline && !interrupt::requested() {
            // cargo ends at once, the tests that it runs take their time. As long as one of them is
            // there the group's id is taken, so it can't be another's by now.
            let leader_has_ended = !matches!(self.exited(), Ok(None));
            if leader_has_ended && test_kill_process_group(group).is_err() {
                return Stopped::Gracefully;
            }
            thread::sleep(POLL);
        }
        self.kill();
        Stopped::Killed
    }

    fn kill(&mut self) {
        // See `stop`.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.ended = self.child.wait().ok();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !matches!(self.exited(), Ok(Some(_))) {
            self.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_failed_program_is_named_as_it_was_called() {
        let error = run(&mut shell("exit 3")).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c 'exit 3'` failed (exit status: 3)");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "can't run no-such-program");
    }

    #[test]
    fn both_outputs_of_a_program_are_read() {
        let output = output(&mut shell("echo one; echo two >&2"), LONG).unwrap();
        assert!(output.status.success());
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("one\n", "two\n"));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_that_it_started() {
        let started = Instant::now();
        // The inner sleep holds the pipe open: it has to go as well before the reading ends.
        let error = output(&mut shell("sleep 600 & sleep 600"), SHORT).unwrap_err();
        assert!(error.to_string().contains("did not end within"), "{error}");
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn a_program_that_obeys_is_stopped_gracefully() {
        let mut group = Group::spawn(Command::new("sleep").arg("600")).unwrap();
        assert_eq!(group.stop(LONG), Stopped::Gracefully);
    }

    /// Starts a script that prints a line once it is ready to be stopped.
    fn ready(script: &str) -> Group {
        let mut group = Group::spawn(shell(script).stdout(Stdio::piped())).unwrap();
        let mut byte = [0];
        group.child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
        group
    }

    #[test]
    fn a_program_that_ignores_the_request_is_killed() {
        let mut group = ready("trap '' TERM; echo ready; while :; do sleep 600; done");
        assert_eq!(group.stop(SHORT), Stopped::Killed);
        assert!(group.exited().unwrap().is_some());
    }

    #[test]
    fn what_a_program_leaves_behind_is_killed_as_well() {
        let mut group = ready("(trap '' TERM; echo ready; exec sleep 600) & wait");
        assert_eq!(group.stop(SHORT), Stopped::Killed);
        assert!(group.child.stdout.as_mut().unwrap().read_to_end(&mut Vec::new()).is_ok());
    }
}
