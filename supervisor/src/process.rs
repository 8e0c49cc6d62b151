//! Running programs to their end: with their output going through, or for their output.
//!
//! Each leads a process group of its own, so that stopping it stops what it started as well:
//! `cargo test` alone stands for a tree of test programs, Envoys and control planes.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::program::{Program, Reach};
use crate::{interrupt, pause};

/// How long an interrupted program may take to stop by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Runs `command` to its end with its output going through. An error names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    succeeded(command, status)
}

/// That the command which ended with `status` did what it was for.
pub fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        // Ctrl-C may have ended the program itself before it was looked for here.
        interrupt::check()?;
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Runs `command` to its end with its output going through.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    let mut program = Program::spawn(command, Reach::Group)?;
    loop {
        if let Some(status) = program.exited()? {
            return Ok(status);
        }
        if let Err(interrupted) = interrupt::check() {
            interrupt::take();
            program.stop(GRACE);
            return Err(interrupted);
        }
        pause();
    }
}

/// [`run`] with the standard output sent to standard error, for commands whose own output is for a
/// script to read.
pub fn run_aside(command: &mut Command) -> Result<()> {
    run(command.stdout(io::stderr()))
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

/// Runs `command` for its output, and kills it when it takes longer than `timeout`.
pub fn output(command: &mut Command, timeout: Duration) -> Result<Output> {
    let mut program =
        Program::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()), Reach::Group)?;
    let stdout = thread::spawn({
        let pipe = program.stdout_pipe();
        move || read_all(pipe)
    });
    let stderr = thread::spawn({
        let pipe = program.stderr_pipe();
        move || read_all(pipe)
    });
    let deadline = Instant::now() + timeout;
    let status = loop {
        if let Some(status) = program.exited()? {
            break status;
        }
        interrupt::check()?;
        if Instant::now() >= deadline {
            bail!("`{}` did not end within {} s", line(command), timeout.as_secs());
        }
        pause();
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
pub fn line(command: &Command) -> String {
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
}
