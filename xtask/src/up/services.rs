//! The programs of a stack, in the order in which they were started.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use supervisor::{Service, Stopped, interrupt, pause, tail};

/// How many of its last lines are shown of a service that ended.
const TAIL_LINES: usize = 20;

/// Services in the order in which they were started. They are stopped in the opposite order, also
/// when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Services {
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    service: Service,
    /// How long it may take to stop by itself.
    grace: Duration,
}

impl Services {
    /// Takes over a service that has just been started, and waits until `ready` finds something.
    /// To be stopped it gets `grace`, then it is killed.
    pub(crate) fn push<T>(
        &mut self,
        service: Service,
        grace: Duration,
        timeout: Duration,
        ready: impl Fn(&Service) -> Option<T>,
    ) -> Result<T> {
        let index = self.running.len();
        self.running.push(Running { service, grace });
        let deadline = Instant::now() + timeout;
        loop {
            interrupt::check()?;
            self.check()?;
            let service = &self.running[index].service;
            if let Some(found) = ready(service) {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                bail!(
                    "{} is not ready after {} s; {}",
                    service.name(),
                    timeout.as_secs(),
                    last_words(service)
                );
            }
            pause();
        }
    }

    /// Watches all until Ctrl-C, and stops them then.
    pub(crate) fn serve(mut self) -> Result<()> {
        self.watch()?;
        eprintln!("stopping");
        self.stop();
        Ok(())
    }

    /// Watches all until Ctrl-C, or until one ends by itself, which is an error.
    fn watch(&mut self) -> Result<()> {
        while !interrupt::requested() {
            self.check()?;
            pause();
        }
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        for Running { service, .. } in &mut self.running {
            if let Some(status) = service.program_mut().exited()? {
                return Err(died(service, status));
            }
        }
        Ok(())
    }

    /// Stops all, last started first. Ctrl-C from here on means not to wait any longer.
    fn stop(&mut self) {
        interrupt::take();
        while let Some(Running { mut service, grace }) = self.running.pop() {
            if service.program_mut().stop(grace) == Stopped::Killed {
                eprintln!("{} did not stop by itself in time and was killed", service.name());
            }
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop();
    }
}

fn died(service: &Service, status: ExitStatus) -> anyhow::Error {
    anyhow!("{} ended ({status}); {}", service.name(), last_words(service))
}

fn last_words(service: &Service) -> String {
    let tail = tail(&service.stderr(), TAIL_LINES);
    if tail.is_empty() {
        "it logged nothing".to_owned()
    } else {
        format!("its last lines:\n{tail}")
    }
}
