//! What is told of many clients, or of a limit, is what all control planes know of them.

use std::collections::BTreeSet;

use tokio::runtime::Handle;

use super::Replica;
use crate::{
    clients::{CLIENTS_AT_A_TIME, Span},
    ledger::{BucketOf, ClientSnapshot, Ledger, LimitStats},
    store::shared::Unavailable,
};

impl Ledger {
    /// What at most `max` clients of a span did and have left, by id. While a store that is shared is
    /// away, as it was seen last.
    ///
    /// For threads that may block.
    pub fn snapshots_everywhere(&self, span: &Span, max: usize) -> Vec<ClientSnapshot> {
        if self.is_shared() {
            let Span { after, prefix } = span;
            let ids =
                self.clients.within((after.as_ref(), prefix), max, |client| client.id.clone());
            let _ = Handle::current().block_on(self.refresh(&ids));
        }
        self.snapshots_within(span, max)
    }

    /// How a limit stands, with at most `max` of its buckets, those behind `after`; `None` when there is no
    /// such limit. While a store that is shared is away, as it was seen last.
    pub async fn limit_stats_everywhere(
        &self,
        limit: &str,
        after: Option<&BucketOf>,
        max: usize,
    ) -> Option<LimitStats> {
        let stats = self.limit_stats(limit, after, max)?;
        let Some(replica) = &self.replica else { return Some(stats) };
        if self.refresh_limit(replica, &stats).await.is_err() {
            return Some(stats);
        }
        let mut stats = self.limit_stats(limit, after, max)?;
        if let Ok(others) = replica.limit_counted_by_others(limit).await {
            stats.refused = stats.refused.saturating_add(others.refused);
            stats.would_refuse = stats.would_refuse.saturating_add(others.would_refuse);
        }
        Some(stats)
    }

    async fn refresh_limit(
        &self,
        replica: &Replica,
        stats: &LimitStats,
    ) -> Result<(), Unavailable> {
        self.refresh_shared(replica, stats.limit.name.as_str()).await?;
        let clients = stats.buckets.iter().filter_map(|bucket| bucket.of.client.clone());
        let clients: Vec<_> = clients.collect::<BTreeSet<_>>().into_iter().collect();
        for few in clients.chunks(CLIENTS_AT_A_TIME) {
            self.refresh(few).await?;
        }
        Ok(())
    }
}
