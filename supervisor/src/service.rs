//! A program that runs until it is stopped, and writes logs.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::program::{Program, Reach};

/// The files that a service's output is appended to; both may be the same.
#[derive(Clone, Debug)]
pub struct Logs {
    /// What it writes to its standard output.
    pub stdout: PathBuf,
    /// What it writes to its standard error.
    pub stderr: PathBuf,
}

impl Logs {
    /// All output in one file.
    pub fn together(file: PathBuf) -> Self {
        Self { stdout: file.clone(), stderr: file }
    }

    /// `NAME.stdout` and `NAME.stderr` in `folder`.
    pub fn apart(folder: &Path, name: &str) -> Self {
        Self {
            stdout: folder.join(format!("{name}.stdout")),
            stderr: folder.join(format!("{name}.stderr")),
        }
    }

    /// Throws away what an earlier service wrote.
    pub fn emptied(self) -> Result<Self> {
        for file in [&self.stdout, &self.stderr] {
            File::create(file).with_context(|| format!("can't write {}", file.display()))?;
        }
        Ok(self)
    }
}

/// A running program with its logs. Dropping it kills it, unless it has ended.
#[derive(Debug)]
pub struct Service {
    name: String,
    logs: Logs,
    program: Program,
}

impl Service {
    /// Starts `command` as the service `name`.
    pub fn start(name: &str, command: &mut Command, logs: Logs, reach: Reach) -> Result<Self> {
        command.stdout(open(&logs.stdout)?).stderr(open(&logs.stderr)?);
        let program =
            Program::spawn(command, reach).with_context(|| format!("{name} did not start"))?;
        Ok(Self { name: name.to_owned(), logs, program })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything that it has written to its standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.logs.stdout)
    }

    /// Everything that it has written to its standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.logs.stderr)
    }

    /// The running program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The running program, to look after it or to stop it.
    pub fn program_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}

/// The last `count` lines of `text`.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn open(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("can't write {}", log.display()))
}

fn read(log: &Path) -> String {
    fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own for the test, which takes it away.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("supervisor-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn write_both(logs: Logs) -> Service {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo error >&2"]);
        let mut service = Service::start("sh", &mut command, logs, Reach::Alone).unwrap();
        while service.program_mut().exited().unwrap().is_none() {
            crate::pause();
        }
        service
    }

    #[test]
    fn a_service_that_starts_again_goes_on_with_its_logs() {
        let folder = folder("again");
        let logs = Logs::apart(&folder, "sh");
        write_both(logs.clone());
        let again = write_both(logs);
        assert_eq!(
            (again.stdout().as_str(), again.stderr().as_str()),
            ("out\nout\n", "error\nerror\n")
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn one_log_holds_all_output_and_can_begin_anew() {
        let folder = folder("together");
        let logs = Logs::together(folder.join("log"));
        write_both(logs.clone());
        let anew = write_both(logs.emptied().unwrap());
        assert_eq!(anew.stderr(), "out\nerror\n");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_tail_is_the_last_lines_or_all_of_them() {
        assert_eq!(tail("one\ntwo\nthree\n", 2), "two\nthree");
        assert_eq!(tail("one\n", 2), "one");
    }
}
