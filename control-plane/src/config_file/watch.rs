//! Looks at the file again and again, and puts in force what became of it.

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use tokio::{
    task,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{FileMetrics, InvalidFile, file::Content};
use crate::{
    document::Document,
    excerpt::path_in_one_line,
    health::{Health, Part},
    operator::{Operator, OperatorError},
    settling::{Fingerprints, Settling},
};

/// How often the file is looked at. It is read each time: not every file system tells each change,
/// and a link may lead elsewhere than before.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long contents that could not be stored wait until they are tried again: a large file takes
/// seconds to judge.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// What is said after what is wrong.
const STAYS: &str = "what it said before stays in force";

/// A file whose clients are in force.
#[derive(Debug)]
pub struct Watch {
    path: Arc<Path>,
    operator: Arc<Operator>,
    health: Health,
    metrics: FileMetrics,
    fingerprints: Fingerprints,
    settling: Settling,
    retry: Option<Retry>,
}

/// Contents that are in order and could not be put in force.
#[derive(Debug)]
struct Retry {
    at: Instant,
    /// What was told of them, which is told once.
    told: String,
}

/// Why a file's contents are not in force.
enum Failure {
    Invalid(InvalidFile),
    /// It is tried again: it is not the file that is wrong.
    NotDone(OperatorError),
}

impl Watch {
    pub(super) fn new(
        path: Arc<Path>,
        operator: Arc<Operator>,
        health: Health,
        metrics: FileMetrics,
        fingerprints: Fingerprints,
    ) -> Self {
        let settling = Settling::default();
        Self { path, operator, health, metrics, fingerprints, settling, retry: None }
    }

    /// Looks at the file every second until it is told to stop.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(looks.tick()).await.is_some() {
            self.look().await;
        }
        Ok(())
    }

    async fn look(&mut self) {
        if self.retry.as_ref().is_some_and(|retry| Instant::now() < retry.at) {
            return;
        }
        let (path, fingerprints) = (Arc::clone(&self.path), self.fingerprints.clone());
        let read = task::spawn_blocking(move || {
            let content = Content::read(&path);
            (content.fingerprint(&fingerprints), content)
        });
        // Only a process that ends reads nothing.
        let Ok((fingerprint, content)) = read.await else { return };
        if !self.settling.sees(fingerprint) {
            return;
        }
        let path = Arc::clone(&self.path);
        let Ok(judged) = task::spawn_blocking(move || content.judge(&path)).await else { return };
        let done = match judged {
            Ok(document) => self.put_in_force(document).await.map_err(Failure::NotDone),
            Err(invalid) => Err(Failure::Invalid(invalid)),
        };
        match done {
            Ok(()) => self.has_judged(fingerprint),
            Err(Failure::Invalid(invalid)) => {
                self.failed(&invalid.summary(), invalid.first());
                self.has_judged(fingerprint);
            }
            Err(Failure::NotDone(OperatorError::Stopping)) => {}
            Err(Failure::NotDone(error)) => {
                let told = format!("is tried again: {error}");
                if self.retry.as_ref().is_none_or(|retry| retry.told != told) {
                    self.failed(&told, None);
                }
                // What is in force again by a step back is to be judged, and told, once more.
                self.settling.forget_judged();
                self.retry = Some(Retry { at: Instant::now() + RETRY_INTERVAL, told });
            }
        }
    }

    pub(super) async fn put_in_force(&mut self, document: Document) -> Result<(), OperatorError> {
        let put = self.operator.put_file_in_force(&self.path, document.into());
        let change = put.await?;
        self.metrics.loaded(self.operator.now());
        self.health.recover(Part::ConfigFile);
        info!("CONFIG_FILE {} is in force: {change}", path_in_one_line(&self.path));
        Ok(())
    }

    pub(super) fn has_judged(&mut self, fingerprint: u64) {
        self.settling.has_judged(fingerprint);
        self.retry = None;
    }

    /// Tells everybody. Health is for anybody to read, so that it tells nothing of a client.
    fn failed(&self, summary: &str, first: Option<&str>) {
        let path = path_in_one_line(&self.path);
        let detail = first.map(|first| format!(": {first}")).unwrap_or_default();
        warn!("CONFIG_FILE {path} {summary}{detail}; {STAYS}");
        self.metrics.failed();
        self.health.degrade(Part::ConfigFile, format!("CONFIG_FILE {path} {summary}; {STAYS}"));
    }
}
