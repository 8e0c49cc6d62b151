//! Looks at the files again and again, and puts in force what became of them.

use std::{convert::Infallible, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    task,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    TlsMetrics,
    files::Files,
    in_force::InForce,
    subject::{Validity, now},
};
use crate::{
    health::{Health, Part},
    rfc3339::rfc3339_of_seconds,
    settling::{Fingerprints, Settling},
};

/// How often the files are looked at. They are read each time: not every file system tells each
/// change, and a link may lead elsewhere than before.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Files whose certificate is in force.
#[derive(Debug)]
pub struct Watch {
    files: Files,
    in_force: Arc<ArcSwap<InForce>>,
    fingerprints: Fingerprints,
    settling: Settling,
    health: Health,
    metrics: TlsMetrics,
    /// What is wrong with what the files hold now.
    wrong: Option<String>,
    /// Whether it was told that the certificate in force has expired.
    told_expiry: bool,
}

impl Watch {
    pub(super) fn new(
        files: Files,
        in_force: Arc<ArcSwap<InForce>>,
        fingerprints: Fingerprints,
        fingerprint: u64,
        health: Health,
        metrics: TlsMetrics,
    ) -> Self {
        let mut settling = Settling::default();
        settling.has_judged(fingerprint);
        metrics.in_force(in_force.load().validity);
        let (wrong, told_expiry) = (None, false);
        Self { files, in_force, fingerprints, settling, health, metrics, wrong, told_expiry }
    }

    /// Looks at the files every second until it is told to stop.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(looks.tick()).await.is_some() {
            self.look().await;
            self.look_at_expiry();
        }
        Ok(())
    }

    async fn look(&mut self) {
        let (files, fingerprints) = (self.files.clone(), self.fingerprints.clone());
        let read = task::spawn_blocking(move || {
            let contents = files.read();
            (contents.fingerprint(&fingerprints), contents)
        });
        // Only a process that ends reads nothing.
        let Ok((fingerprint, contents)) = read.await else { return };
        if !self.settling.sees(fingerprint) {
            return;
        }
        let files = self.files.clone();
        let judged = task::spawn_blocking(move || files.judge(contents, now()));
        let Ok(judged) = judged.await else { return };
        self.settling.has_judged(fingerprint);
        match judged {
            Ok(in_force) => self.put_in_force(in_force),
            Err(error) => {
                warn!("{error}; {}", self.stays());
                self.wrong = Some(error.to_string());
            }
        }
        self.tell_health();
    }

    fn put_in_force(&mut self, in_force: InForce) {
        let Validity { not_after, .. } = in_force.validity;
        self.metrics.in_force(in_force.validity);
        self.in_force.store(Arc::new(in_force));
        (self.wrong, self.told_expiry) = (None, false);
        info!(
            "the certificate in TLS_CERT_FILE is shown to new connections; it is valid until {}",
            rfc3339_of_seconds(not_after)
        );
    }

    fn look_at_expiry(&mut self) {
        let not_after = self.in_force.load().validity.not_after;
        if !self.told_expiry && not_after < now() {
            warn!("{}", expired(not_after));
            self.told_expiry = true;
            self.tell_health();
        }
    }

    /// Health is for anybody to read: it tells which file is wrong, and nothing that is in one.
    fn tell_health(&self) {
        let not_after = self.in_force.load().validity.not_after;
        match &self.wrong {
            Some(wrong) => self.health.degrade(Part::Tls, format!("{wrong}; {}", self.stays())),
            None if self.told_expiry => self.health.degrade(Part::Tls, expired(not_after)),
            None => self.health.recover(Part::Tls),
        }
    }

    fn stays(&self) -> String {
        let not_after = rfc3339_of_seconds(self.in_force.load().validity.not_after);
        format!("the certificate before stays in force, valid until {not_after}")
    }
}

fn expired(not_after: i64) -> String {
    format!(
        "the certificate in TLS_CERT_FILE has expired at {}, and who verifies it does not connect: \
         have it renewed",
        rfc3339_of_seconds(not_after)
    )
}
