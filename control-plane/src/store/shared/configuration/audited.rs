//! Who changed what, by whichever control plane: an entry of each write, which the write itself put there.

use super::{Cause, SharedConfiguration};
use crate::{
    audit::{Entry, Filter, Page, RECENT_MAX},
    store::shared::{Exact, client::Client, keys::AUDIT_KEY},
};

/// How many entries are asked for in one call, which the store answers within a millisecond or two.
const ENTRIES_AT_A_TIME: usize = 250;

impl SharedConfiguration {
    /// The newest entries that `filter` lets through, at most `max` of them. One is asked for after the other,
    /// so that nobody who does it again and again takes the store from decisions.
    pub(super) async fn page_of_audit(&self, filter: &Filter, max: usize) -> Result<Page, Cause> {
        let _turn = self.audit_turn.lock().await;
        let mut page = Page::default();
        let mut passed_over = 0;
        let mut bound = filter.before.map_or_else(|| "+inf".to_owned(), |id| format!("({id}"));
        // Where somebody else put more there than there can be, no more is read.
        for _ in 0..RECENT_MAX.div_ceil(ENTRIES_AT_A_TIME) {
            let read = async |client: Client| {
                client.highest_members(AUDIT_KEY, &bound, ENTRIES_AT_A_TIME).await
            };
            let found = self.link.ask(read).await?;
            let is_all = found.len() < ENTRIES_AT_A_TIME;
            if let Some((_, last)) = found.last() {
                bound = format!("({last}");
            }
            for (bytes, score) in found {
                match read_entry(&bytes, score) {
                    None => passed_over += 1,
                    Some(entry) if !filter.is_about(&entry) => {}
                    Some(_) if page.entries.len() >= max => {
                        page.next = page.entries.last().map(|last| last.id);
                        return Ok(page);
                    }
                    Some(entry) => {
                        page.entries.push(entry);
                        page.unreadable += std::mem::take(&mut passed_over);
                    }
                }
            }
            if is_all {
                break;
            }
        }
        page.unreadable += passed_over;
        Ok(page)
    }
}

fn read_entry(bytes: &[u8], score: f64) -> Option<Entry> {
    let revision = Exact::of_double(score).ok()?;
    Entry::of_stored(bytes, revision.get())
}
