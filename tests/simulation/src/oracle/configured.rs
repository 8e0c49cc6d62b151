//! What an operator writes.

use std::collections::BTreeSet;

use super::{Oracle, Rules, Wanted, client::Client};

impl Oracle {
    /// An operator configures a client.
    pub(crate) fn configure(&mut self, id: &str, wanted: Wanted, now: u64) {
        if let Some(client) = self.clients.get_mut(id) {
            client.change(wanted, now);
        } else {
            self.lives += 1;
            self.clients.insert(id.to_owned(), Client::new(wanted, self.lives));
        }
    }

    /// An operator deletes a client.
    pub(crate) fn remove(&mut self, id: &str) {
        self.clients.remove(id);
        self.beside.forget_client(crate::plan::client(id));
    }

    /// An operator fills a client's buckets.
    pub(crate) fn reset(&mut self, id: &str) {
        self.lives += 1;
        if let Some(client) = self.clients.get_mut(id) {
            client.begin_anew(self.lives);
            self.beside.forget_client(crate::plan::client(id));
        }
    }

    /// An operator wants other limits and models beside clients' own limits.
    pub(crate) fn change_rules(&mut self, rules: &Rules, now: u64) {
        self.beside.change(rules, now);
        self.forget_empty();
    }

    pub(super) fn forget_empty(&mut self) {
        let clients = self.clients.values().map(|client| client.wanted);
        let of: BTreeSet<_> = clients.map(|wanted| (wanted.group, wanted.plan)).collect();
        let workers = self.workers.values_mut();
        let held = workers.flat_map(|worker| worker.held.values_mut());
        self.beside.forget_empty(&of, held.map(|held| &mut held.beside));
    }
}
