//! What came of it, client by client.

use limiter::{ClientId, Tokens, UnixMillis, Wait};

/// How many clients are told of, and of each how many refusals.
pub const PREVIEWED_MAX: (usize, usize) = (100, 10);

/// What other limits would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The moments of the oldest decision and of the latest one; `None`: there is none.
    pub over: Option<(UnixMillis, UnixMillis)>,
    /// How many decisions there are.
    pub decisions: u64,
    /// Whether there were more before.
    pub is_cut: bool,
    /// What was refused then.
    pub then: Refusals,
    /// What would have been.
    pub now: Refusals,
    /// Decisions that pass then, and would have been refused.
    pub newly_refused: u64,
    /// The other way round.
    pub newly_admitted: u64,
    /// Each client, those of whom most changes first, as many as are told of.
    pub clients: Vec<ClientPreview>,
    /// Clients that had no room.
    pub untold: usize,
}

/// What other limits would have done to one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPreview {
    /// Who it is.
    pub client: ClientId,
    /// How many of the decisions are its.
    pub decisions: u64,
    /// What was refused then.
    pub then: Refusals,
    /// What would have been.
    pub now: Refusals,
    /// Decisions that pass then, and would have been refused.
    pub newly_refused: u64,
    /// The other way round.
    pub newly_admitted: u64,
    /// By which limit, with how many then and now, in the order of their names.
    pub by_limit: Vec<(String, u64, u64)>,
    /// The first that would have been refused.
    pub first: Vec<FirstRefusal>,
}

/// Requests that were refused, and how long they were told to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// How many.
    pub requests: u64,
    /// How many of them no waiting helps.
    pub never: u64,
    /// The longest wait, in milliseconds.
    pub longest_wait_ms: u64,
    /// All waits together, in milliseconds.
    pub total_wait_ms: u64,
}

/// A request that would have been refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstRefusal {
    /// When it asked.
    pub at: UnixMillis,
    /// The tokens that it reserved.
    pub tokens: Tokens,
    /// What it calls its model.
    pub model: Option<String>,
    /// By which limit.
    pub limit: String,
    /// How long it would have been told to wait.
    pub wait: Wait,
}

/// One decision, then and now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both<'a> {
    pub(super) at: UnixMillis,
    pub(super) tokens: Tokens,
    pub(super) model: Option<&'a str>,
    pub(super) then: Option<(&'a str, Wait)>,
    pub(super) now: Option<(&'a str, Wait)>,
}

/// One client's, while it is counted.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) preview: ClientPreview,
    /// How many of its requests ended whose beginning is known, and how long they took.
    pub(super) took: (u64, u64),
}

impl Tally {
    pub(super) fn new(client: ClientId) -> Self {
        let preview = ClientPreview {
            client,
            decisions: 0,
            then: Refusals::default(),
            now: Refusals::default(),
            newly_refused: 0,
            newly_admitted: 0,
            by_limit: Vec::new(),
            first: Vec::new(),
        };
        Self { preview, took: (0, 0) }
    }

    pub(super) fn count(&mut self, both: Both<'_>) {
        let of = &mut self.preview;
        of.decisions += 1;
        of.newly_refused += u64::from(both.then.is_none() && both.now.is_some());
        of.newly_admitted += u64::from(both.then.is_some() && both.now.is_none());
        if let Some((limit, wait)) = both.then {
            of.then.add(wait);
            of.of_limit(limit).1 += 1;
        }
        if let Some((limit, wait)) = both.now {
            of.now.add(wait);
            of.of_limit(limit).2 += 1;
            if of.first.len() < PREVIEWED_MAX.1 {
                let (model, limit) = (both.model.map(str::to_owned), limit.to_owned());
                of.first.push(FirstRefusal {
                    at: both.at,
                    tokens: both.tokens,
                    model,
                    limit,
                    wait,
                });
            }
        }
    }
}

impl ClientPreview {
    #[expect(clippy::indexing_slicing, reason = "the index was found, or it was just put there")]
    fn of_limit(&mut self, limit: &str) -> &mut (String, u64, u64) {
        let found = self.by_limit.binary_search_by(|(name, ..)| name.as_str().cmp(limit));
        let index = found.unwrap_or_else(|index| {
            self.by_limit.insert(index, (limit.to_owned(), 0, 0));
            index
        });
        &mut self.by_limit[index]
    }

    fn changes(&self) -> u64 {
        self.newly_refused + self.newly_admitted
    }
}

impl Refusals {
    fn add(&mut self, wait: Wait) {
        self.requests += 1;
        match wait {
            Wait::Never => self.never += 1,
            Wait::Millis(ms) => {
                self.longest_wait_ms = self.longest_wait_ms.max(ms);
                self.total_wait_ms = self.total_wait_ms.saturating_add(ms);
            }
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            never: self.never + other.never,
            longest_wait_ms: self.longest_wait_ms.max(other.longest_wait_ms),
            total_wait_ms: self.total_wait_ms.saturating_add(other.total_wait_ms),
        }
    }
}

impl Preview {
    /// Of all that was counted.
    pub(super) fn of(tallies: Vec<Tally>) -> Self {
        let mut clients: Vec<_> = tallies.into_iter().map(|tally| tally.preview).collect();
        clients.retain(|client| client.decisions > 0);
        let mut all = Self::default();
        for of in &clients {
            all.decisions += of.decisions;
            all.then = all.then.and(of.then);
            all.now = all.now.and(of.now);
            all.newly_refused += of.newly_refused;
            all.newly_admitted += of.newly_admitted;
        }
        clients.sort_by(|a, b| {
            let order = |of: &ClientPreview| (of.changes(), of.now.requests, of.decisions);
            order(b).cmp(&order(a)).then_with(|| a.client.cmp(&b.client))
        });
        let untold = clients.len().saturating_sub(PREVIEWED_MAX.0);
        clients.truncate(PREVIEWED_MAX.0);
        Self { clients, untold, ..all }
    }
}
