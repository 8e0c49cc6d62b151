//! A plan while it is made: what a whole configuration changes, thing by thing.

use std::collections::BTreeMap;

use super::{Difference, Kind, OperatorError};
use crate::{clients::ClientConfig, store::Edit};

/// Of what a whole configuration says all.
pub(super) trait Scope {
    /// Whether a thing that the configuration does not name is deleted.
    fn has(&self, kind: Kind, name: &str) -> bool;

    /// Refuses a change of this thing.
    fn refuse(&self, kind: Kind, name: &str) -> Result<(), OperatorError>;

    /// Whether it says all that there is.
    fn is_all(&self) -> bool;

    /// Whether clients that stay as they are are asked for.
    fn wants_what_stays(&self) -> bool {
        false
    }
}

/// A plan while it is made.
pub(super) struct Planning<'a, S> {
    pub(super) scope: &'a S,
    pub(super) edits: Vec<Edit>,
    /// Clients that stay as they are, where that is asked for.
    pub(super) stay: Vec<ClientConfig>,
    pub(super) difference: Difference,
}

impl<'a, S: Scope> Planning<'a, S> {
    pub(super) fn within(scope: &'a S) -> Self {
        Self { scope, edits: Vec::new(), stay: Vec::new(), difference: Difference::default() }
    }

    /// Makes of `there` what is wanted.
    pub(super) fn compare<N: Ord + Clone + AsRef<str>, T: Clone + PartialEq>(
        &mut self,
        kind: Kind,
        there: &mut BTreeMap<N, T>,
        wanted: &BTreeMap<N, T>,
        edit: impl Fn(&N, Option<&T>) -> Edit,
    ) -> Result<(), OperatorError> {
        let is_left =
            |name: &&N| !wanted.contains_key(*name) && self.scope.has(kind, (*name).as_ref());
        let left: Vec<_> = there.keys().filter(is_left).cloned().collect();
        for name in left {
            there.remove(&name);
            self.deletes(kind, name.as_ref(), edit(&name, None))?;
        }
        for (name, value) in wanted {
            let before = there.insert(name.clone(), value.clone());
            if before.as_ref() != Some(value) {
                let put = edit(name, Some(value));
                self.puts(kind, name.as_ref(), before.is_none(), false, put)?;
            }
        }
        Ok(())
    }

    pub(super) fn stays(&mut self, client: ClientConfig) {
        if self.scope.wants_what_stays() {
            self.stay.push(client);
        }
    }

    pub(super) fn deletes(
        &mut self,
        kind: Kind,
        name: &str,
        edit: Edit,
    ) -> Result<(), OperatorError> {
        self.scope.refuse(kind, name)?;
        self.difference.deleted.add(kind, name);
        self.edits.push(edit);
        Ok(())
    }

    pub(super) fn puts(
        &mut self,
        kind: Kind,
        name: &str,
        is_new: bool,
        takes_away: bool,
        edit: Edit,
    ) -> Result<(), OperatorError> {
        self.scope.refuse(kind, name)?;
        let Difference { created, replaced, .. } = &mut self.difference;
        let names = if is_new { created } else { replaced };
        names.add(kind, name);
        self.difference.reduced += usize::from(takes_away);
        self.edits.push(edit);
        Ok(())
    }
}
