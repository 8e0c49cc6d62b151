//! Gates: an answer waits where a test holds it, so that a test can say what is sent before what.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

/// All gates of one server, by name; each comes into being closed when it is first named.
#[derive(Debug, Default)]
pub struct Gates {
    by_name: Mutex<HashMap<String, Gate>>,
}

impl Gates {
    pub(super) fn named(&self, name: &str) -> Gate {
        let mut gates = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(name.to_owned()).or_default().clone()
    }
}

/// A closed gate through which a test lets one after the other, or all.
#[derive(Clone, Debug)]
pub struct Gate {
    permits: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)) }
    }
}

impl Gate {
    /// Lets the next one through: one event, or one unstreamed answer.
    pub fn let_one_through(&self) {
        self.permits.add_permits(1);
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.permits.close();
    }

    pub(super) async fn pass(&self) {
        // An error means that the gate stands open.
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
    }
}
