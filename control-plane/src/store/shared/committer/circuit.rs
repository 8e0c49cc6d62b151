//! Whether anybody waits for the store.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use prometheus::IntGauge;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

/// After so many in a row that were not answered in time nobody waits for an answer.
const TIMEOUTS_MAX: u32 = 5;

/// Closed while the store answers. While it is open nobody waits, and only a probe that went well closes it.
#[derive(Debug)]
pub(super) struct Circuit {
    is_open: AtomicBool,
    timeouts: AtomicU32,
    answers: AtomicU64,
    news: Notify,
    /// Why it is open, for those whom it does not hold up.
    why: watch::Sender<Option<String>>,
    gauge: IntGauge,
}

impl Circuit {
    /// A closed one, which `gauge` tells of.
    pub(super) fn new(gauge: IntGauge) -> Self {
        Self {
            is_open: AtomicBool::default(),
            timeouts: AtomicU32::default(),
            answers: AtomicU64::default(),
            news: Notify::default(),
            why: watch::Sender::default(),
            gauge,
        }
    }

    /// Whether nobody waits for the store.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// How many calls were answered so far.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Somebody who asked after so many answers was not answered in time. Where the store has answered
    /// since, that is not in a row with others.
    pub(super) fn has_timed_out(&self, answers: u64) {
        if self.answers() == answers
            && self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_MAX
        {
            self.open("it did not answer in time");
        }
    }

    /// A call was answered.
    pub(super) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.timeouts.store(0, Ordering::Relaxed);
    }

    pub(super) fn open(&self, why: &str) {
        if !self.is_open.swap(true, Ordering::Relaxed) {
            warn!("the shared store is away ({why}): requests meet STORE_FAILURE_MODE");
            self.gauge.set(1);
            self.why.send_replace(Some(why.to_owned()));
            self.wake();
        }
    }

    /// A probe went well.
    pub(super) fn close(&self) {
        self.answered();
        if self.is_open.swap(false, Ordering::Relaxed) {
            info!("the shared store is back");
            self.gauge.set(0);
            self.why.send_replace(None);
        }
    }

    /// Why it is open, and each change of that; `None` while it is closed.
    pub(super) fn why_open(&self) -> watch::Receiver<Option<String>> {
        self.why.subscribe()
    }

    /// There is something to do that nobody asks for.
    pub(super) fn wake(&self) {
        self.news.notify_one();
    }

    /// Until there is.
    pub(super) async fn woken(&self) {
        self.news.notified().await;
    }
}
