//! Which filters are connected: how many workers have a stream, by the mode and the release of theirs.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;
use prometheus::{IntGaugeVec, Opts, Registry};
use proto::decision::{Hello, IdentityKind, Mode};

use crate::{events::WorkerSeen, excerpt::Excerpt, ledger::WorkerId};

/// Releases that are told apart at a time. There is one, or two during an upgrade; nobody who says
/// another one with each stream makes more series than this.
const VERSIONS_MAX: usize = 8;

/// Characters of a release's name.
const VERSION_CHARS_MAX: usize = 32;

/// What a release is called that has no name, an odd one, or is one too many.
const OTHER: &str = "other";

/// A worker's filter, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Filter {
    mode: Mode,
    version: Arc<str>,
}

/// Those of all workers that have a stream; a clone counts into the same numbers.
#[derive(Clone, Debug)]
pub(super) struct Filters {
    gauges: IntGaugeVec,
    connected: Arc<Mutex<HashMap<Filter, i64>>>,
}

impl Filter {
    /// Reads a hello: whatever it says is the name of a release, or is none.
    pub(super) fn of(hello: &Hello) -> Self {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
        let version = hello.version.as_str();
        let has_a_name =
            (1..=VERSION_CHARS_MAX).contains(&version.len()) && version.chars().all(is_allowed);
        Self { mode: hello.mode(), version: if has_a_name { version } else { OTHER }.into() }
    }

    /// Whether it lets pass what is refused.
    pub(super) fn is_in_shadow(&self) -> bool {
        self.mode == Mode::Shadow
    }

    /// A worker with it, as those are told who listen.
    pub(super) fn seen(&self, id: WorkerId, node: &Excerpt, identity: IdentityKind) -> WorkerSeen {
        let (mode, version) = (self.mode.word(), self.version.to_string());
        WorkerSeen { id, node: node.clone(), mode, version, identity: identity.word() }
    }

    /// How it is shown: `mode` and `version`.
    fn labels(&self) -> [&str; 2] {
        [self.mode.word(), &self.version]
    }
}

/// For the log.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in mode {}", self.version, self.mode.word())
    }
}

impl Filters {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let opts = Opts::new(
            "flowguard_filters",
            "Envoy workers that have a stream, by the mode and the release of their filter.",
        );
        let gauges = IntGaugeVec::new(opts, &["mode", "version"])?;
        registry.register(Box::new(gauges.clone()))?;
        Ok(Self { gauges, connected: Arc::default() })
    }

    /// A worker has a stream; what is answered is how it is counted.
    pub(super) fn joined(&self, filter: Filter) -> Filter {
        let mut connected = self.connected.lock();
        let versions: HashSet<_> = connected.keys().map(|other| &*other.version).collect();
        let is_one_too_many =
            versions.len() >= VERSIONS_MAX && !versions.contains(&*filter.version);
        let counted =
            if is_one_too_many { Filter { version: OTHER.into(), ..filter } } else { filter };
        let workers = connected.entry(counted.clone()).or_default();
        *workers += 1;
        self.gauges.with_label_values(&counted.labels()).set(*workers);
        counted
    }

    /// It has none any more. Of a release that is nowhere left nothing is left.
    pub(super) fn left(&self, counted: &Filter) {
        let mut connected = self.connected.lock();
        let Some(workers) = connected.get_mut(counted) else { return };
        *workers -= 1;
        if *workers > 0 {
            self.gauges.with_label_values(&counted.labels()).set(*workers);
        } else {
            connected.remove(counted);
            // It was there a moment ago.
            let _ = self.gauges.remove_label_values(&counted.labels());
        }
    }
}
