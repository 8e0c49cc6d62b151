//! A running program, and how it is stopped.

use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, kill_process_group, test_kill_process_group, waitpid,
};

use crate::{interrupt, pause};

/// Who is signalled with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Whatever the program starts as well: it leads a process group of its own, and a terminal's
    /// Ctrl-C does not come to it.
    Group,
    /// The program alone: it stays in the group of who starts it, and is stopped with that one.
    Alone,
}

/// A running program. Dropping it kills it, unless it has ended.
#[derive(Debug)]
pub struct Program {
    child: Child,
    reach: Reach,
    ended: Option<ExitStatus>,
}

/// How a program went when it was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It ended by itself in time.
    Gracefully,
    /// It was killed at the end of its time.
    Killed,
}

impl Program {
    /// Starts `command`, without standard input.
    pub fn spawn(command: &mut Command, reach: Reach) -> Result<Self> {
        command.stdin(Stdio::null());
        if reach == Reach::Group {
            command.process_group(0);
        }
        let child = command
            .spawn()
            .with_context(|| format!("can't run {}", command.get_program().display()))?;
        Ok(Self { child, reach, ended: None })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status of a program that has ended.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().context("can't wait for a child process")?;
        }
        Ok(self.ended)
    }

    /// Asks it to stop (`SIGTERM`).
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Stops it where it stands (`SIGSTOP`): its connections stay open and nothing is answered.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        // Its threads may run on for a moment: frozen is what the kernel says is stopped.
        let stopped = waitpid(Some(self.pid()), WaitOptions::UNTRACED)
            .context("can't wait for a process to stop")?;
        match stopped {
            Some((_, status)) if status.stopped() => Ok(()),
            other => bail!("process {} did not stop: {other:?}", self.id()),
        }
    }

    /// Lets a frozen program go on (`SIGCONT`).
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Asks it to stop, and kills what is left of it after `grace`, or at once on Ctrl-C.
    pub fn stop(&mut self, grace: Duration) -> Stopped {
        if self.ended.is_some() {
            return Stopped::Gracefully;
        }
        // The only failure is that nobody is left to signal.
        let _ = self.terminate();
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline && !interrupt::requested() {
            let has_ended = !matches!(self.exited(), Ok(None));
            if has_ended && !self.has_left_somebody() {
                return Stopped::Gracefully;
            }
            pause();
        }
        self.kill();
        Stopped::Killed
    }

    /// Kills it (`SIGKILL`) and waits until it is gone.
    pub fn kill(&mut self) {
        // See `stop`.
        let _ = self.signal(Signal::KILL);
        self.ended = self.child.wait().ok();
    }

    pub(crate) fn stdout_pipe(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    pub(crate) fn stderr_pipe(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// cargo ends at once, the tests that it runs take their time. As long as one of them is there
    /// the group's id is taken, so it can't be another's by now.
    fn has_left_somebody(&self) -> bool {
        self.reach == Reach::Group && test_kill_process_group(self.pid()).is_ok()
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let signalled = match self.reach {
            Reach::Group => kill_process_group(self.pid(), signal),
            Reach::Alone => kill_process(self.pid(), signal),
        };
        signalled.with_context(|| format!("can't signal process {}", self.id()))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !matches!(self.exited(), Ok(Some(_))) {
            self.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(30);

    /// Starts a script that prints a line once it is ready to be stopped.
    fn ready(script: &str, reach: Reach) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        let mut program = Program::spawn(&mut command, reach).unwrap();
        let mut byte = [0];
        program.child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
        program
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Program::spawn(&mut Command::new("no-such-program"), Reach::Group).unwrap_err();
        assert_eq!(error.to_string(), "can't run no-such-program");
    }

    #[test]
    fn a_program_that_obeys_is_stopped_gracefully() {
        for reach in [Reach::Group, Reach::Alone] {
            let mut program = Program::spawn(Command::new("sleep").arg("600"), reach).unwrap();
            assert_eq!(program.stop(LONG), Stopped::Gracefully, "{reach:?}");
        }
    }

    #[test]
    fn a_program_that_ignores_the_request_is_killed() {
        let script = "trap '' TERM; echo ready; while :; do sleep 600; done";
        let mut program = ready(script, Reach::Group);
        assert_eq!(program.stop(SHORT), Stopped::Killed);
        assert!(program.exited().unwrap().is_some());
    }

    #[test]
    fn what_a_program_leaves_behind_is_killed_with_its_group() {
        let script = "(trap '' TERM; echo ready; exec sleep 600) & wait";
        let mut program = ready(script, Reach::Group);
        assert_eq!(program.stop(SHORT), Stopped::Killed);
        let mut rest = Vec::new();
        assert!(program.child.stdout.as_mut().unwrap().read_to_end(&mut rest).is_ok());
    }

    #[test]
    fn a_frozen_program_goes_on_when_it_is_thawed() {
        let mut program = Program::spawn(Command::new("sleep").arg("600"), Reach::Alone).unwrap();
        program.freeze().unwrap();
        assert_eq!(program.exited().unwrap(), None);
        program.thaw().unwrap();
        assert_eq!(program.stop(LONG), Stopped::Gracefully);
    }
}
