//! Programs that run until they are stopped, each with a log, started and stopped as a stack.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::interrupt;
use crate::process::{self, Group, Stopped};

/// How many of its last lines are shown of a service that ended.
const TAIL_LINES: usize = 20;

/// A running program that belongs to the stack.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    log: PathBuf,
    grace: Duration,
    group: Group,
}

impl Service {
    /// Starts `command`; standard error goes to the file `log`, and so does standard output unless
    /// `stdout` names another one. To be stopped it gets `grace`, then it is killed.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        stdout: Option<&Path>,
        grace: Duration,
    ) -> Result<Self> {
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("can't write {}", path.display()))
        };
        let errors = create(log)?;
        match stdout {
            Some(path) => command.stdout(create(path)?),
            None => command.stdout(errors.try_clone().context("can't share a log file")?),
        };
        let group = Group::spawn(command.stderr(errors))
            .with_context(|| format!("{name} did not start"))?;
        Ok(Self { name, log: log.to_owned(), grace, group })
    }

    /// What the service has logged so far.
    pub(crate) fn logged(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn check(&mut self) -> Result<()> {
        match self.group.exited()? {
            None => Ok(()),
            Some(status) => Err(self.died(status)),
        }
    }

    fn died(&self, status: ExitStatus) -> anyhow::Error {
        anyhow!("{} ended ({status}); {}", self.name, self.last_words())
    }

    fn last_words(&self) -> String {
        let logged = self.logged();
        let tail = tail(&logged, TAIL_LINES);
        if tail.is_empty() {
            "it logged nothing".to_owned()
        } else {
            format!("its last lines:\n{tail}")
        }
    }

    fn stop(&mut self) -> Stopped {
        self.group.stop(self.grace)
    }
}

/// The last `count` lines of `text`.
fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Services in the order in which they were started. They are stopped in the opposite order, also
/// when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Stack {
    services: Vec<Service>,
}

impl Stack {
    /// Takes over a service that has just been started, and waits until `ready` finds something.
    pub(crate) fn push<T>(
        &mut self,
        service: Service,
        limit: Duration,
        ready: impl Fn(&Service) -> Option<T>,
    ) -> Result<T> {
        let index = self.services.len();
        self.services.push(service);
        let deadline = Instant::now() + limit;
        loop {
            interrupt::check()?;
            self.check()?;
            let service = &self.services[index];
            if let Some(found) = ready(service) {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                bail!(
                    "{} is not ready after {} s; {}",
                    service.name,
                    limit.as_secs(),
                    service.last_words()
                );
            }
            thread::sleep(process::POLL);
        }
    }

    /// Watches all until Ctrl-C, or until one ends by itself, which is an error.
    pub(crate) fn watch(&mut self) -> Result<()> {
        while !interrupt::requested() {
            self.check()?;
            thread::sleep(process::POLL);
        }
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        self.services.iter_mut().try_for_each(Service::check)
    }

    /// Stops all, last started first. Ctrl-C from here on means not to wait any longer.
    pub(crate) fn stop(&mut self) {
        interrupt::take();
        while let Some(mut service) = self.services.pop() {
            if service.stop() == Stopped::Killed {
                eprintln!("{} did not stop by itself in time and was killed", service.name);
            }
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop();
    }
}
