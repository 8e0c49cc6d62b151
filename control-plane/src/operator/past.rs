//! What was decided of late over a client's requests, told as it was. It is read where nobody waits for it
//! who decides, one reader at a time.

use std::sync::Arc;

use super::{Caller, Kind, Operator, OperatorError};
use crate::ledger::{DecisionCursor, DecisionPage, History, Unread};

/// How many decisions an answer has at most.
pub(super) const DECISIONS_AT_A_TIME_MAX: usize = 1_000;

/// How many it has where nobody says.
pub(super) const DECISIONS_AT_A_TIME: usize = 100;

impl Operator {
    /// The latest decisions over requests of a client, the newest first, or those before `cursor`.
    pub(super) async fn decisions(
        &self,
        client: &str,
        cursor: Option<DecisionCursor>,
        max: usize,
        _caller: &Caller,
    ) -> Result<DecisionPage, OperatorError> {
        let (ledger, client) = (Arc::clone(&self.ledger), client.to_owned());
        let read = move || ledger.decisions_of(&client, cursor.as_ref(), max);
        Ok(self.past_readers.run(read).await??)
    }

    /// A client's last hour, minute by minute.
    pub(super) async fn history(
        &self,
        client: &str,
        _caller: &Caller,
    ) -> Result<History, OperatorError> {
        let (ledger, client) = (Arc::clone(&self.ledger), client.to_owned());
        Ok(self.past_readers.run(move || ledger.history_of(&client)).await??)
    }
}

impl From<Unread> for OperatorError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::NotKept => Self::DecisionsOff,
            Unread::NoClient => Self::NotFound(Kind::Client),
            Unread::OtherProcess => Self::CursorOfOther,
        }
    }
}
