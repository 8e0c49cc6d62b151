//! What would be decided over a client's request, and why.

use std::{fmt, sync::Arc};

use limiter::{Dimension, Tokens, Wait};

use super::{Caller, Operator, OperatorError, QuestionDraft};
use crate::{
    counted::counted,
    drafts,
    ledger::{
        Applies, Asker, LimitOutlook, Outlook, Question, Refusal, Shortage, UnknownClients, Verdict,
    },
    limits::{LimitKey, Measure},
};

/// What would be decided over a request that nobody made.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Whose it would be, as the request would have it.
    pub client: String,
    /// Requests of this client that are under way, as far as this control plane follows them.
    pub in_flight: usize,
    /// What would be decided.
    pub outlook: Outlook,
}

impl Operator {
    /// What would be decided over a request now: as a real one would be, and it costs nothing. Where
    /// nobody is configured under the id, it is told what becomes of such.
    pub async fn explain(
        self: &Arc<Self>,
        draft: QuestionDraft,
        _caller: &Caller,
    ) -> Result<Explanation, OperatorError> {
        let drafts::Question { client, tokens, model } = draft.validate()?;
        let question = Question { client: &client, tokens, model: model.as_deref() };
        let outlook = self.ledger.outlook(&question).await.map_err(|_| OperatorError::StoreAway)?;
        // There may be a million to be counted, in the turn of those who read lists.
        let (operator, id) = (Arc::clone(self), client.clone());
        let in_flight = self.readers().run(move || operator.ledger.in_flight(&id)).await?;
        Ok(Explanation { client, in_flight, outlook })
    }
}

impl Explanation {
    /// Why it would not pass, if limits refuse it.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.outlook.verdict {
            Verdict::Refused(refusal) => Some(refusal),
            Verdict::Passes | Verdict::Denied => None,
        }
    }

    /// Whether it would pass.
    pub fn would_pass(&self) -> bool {
        self.outlook.verdict == Verdict::Passes
    }

    /// The code with which it would be refused, if it would.
    pub fn error(&self) -> Option<&'static str> {
        match &self.outlook.verdict {
            Verdict::Passes => None,
            Verdict::Denied => Some("unknown_client"),
            Verdict::Refused(refusal) => Some(match (&refusal.limit, &refusal.shortage) {
                (LimitKey::Own(Dimension::Rpm), _) => "rpm_exceeded",
                (LimitKey::Own(Dimension::Tpm), _) => "tpm_exceeded",
                (LimitKey::Named(_), Shortage::Requests(_)) => "request_limit_exceeded",
                (LimitKey::Named(_), Shortage::Tokens(_)) => "token_limit_exceeded",
                (LimitKey::Named(_), Shortage::Places(_)) => "concurrency_exceeded",
            }),
        }
    }

    /// How long until it would pass; `None`: it would, or nobody can say of an id that is denied.
    pub fn wait(&self) -> Option<Wait> {
        match &self.outlook.verdict {
            Verdict::Passes => None,
            Verdict::Denied => Some(Wait::Never),
            Verdict::Refused(refusal) => Some(refusal.wait),
        }
    }

    /// Whether the client is enabled; `None`: none is configured under the id.
    pub fn enabled(&self) -> Option<bool> {
        match self.outlook.asker {
            Asker::Configured { is_enabled } => Some(is_enabled),
            Asker::Unknown(_) => None,
        }
    }

    /// What becomes of ids that are not configured, in the words of the settings; `None`: this one is.
    pub fn unknown_clients(&self) -> Option<&'static str> {
        match self.outlook.asker {
            Asker::Configured { .. } => None,
            Asker::Unknown(policy) => Some(match policy {
                UnknownClients::Shared { .. } => "shared",
                UnknownClients::Each { .. } => "each",
                UnknownClients::Deny => "deny",
                UnknownClients::Allow => "allow",
            }),
        }
    }

    /// Why a limit would never cover the request.
    pub fn why_never(&self, limit: &LimitOutlook) -> Option<String> {
        let quota = limit.measure.quota().filter(|_| limit.wait == Some(Wait::Never))?;
        let tokens = self.outlook.reserves.map_or(0, Tokens::get);
        let burst = quota.burst();
        Some(format!("the request needs {tokens} tokens, and a full bucket holds {burst}"))
    }
}

/// Whose a limit's bucket is, in a word.
pub(super) fn whose_bucket(applies: &Applies) -> &'static str {
    match applies {
        Applies::Own => "own",
        Applies::Unknown => "unknown",
        Applies::Rule { each, .. } if each.client => "client",
        Applies::Rule { .. } => "shared",
    }
}

/// The answer in a sentence.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = self.outlook.reserves.map_or(0, Tokens::get);
        let Some(refusal) = self.refusal() else {
            return match self.outlook.verdict {
                Verdict::Denied => f.write_str(
                    "It would be refused: no client is configured under this id, and such are denied",
                ),
                _ => write!(f, "It would pass, and reserve {}", counted(tokens, "token")),
            };
        };
        let limit = refusal.limit.as_str();
        write!(f, "It would be refused by {limit}")?;
        let named = |of: &&LimitOutlook| of.limit == refusal.limit && of.is_enforced();
        let named = self.outlook.limits.iter().find(named);
        match refusal.wait {
            Wait::Never => {
                let why = named.and_then(|named| self.why_never(named)).unwrap_or_default();
                write!(f, ", however long it waits: {why}")
            }
            Wait::Millis(ms) => {
                let lacks_places =
                    named.is_some_and(|named| matches!(named.measure, Measure::Concurrent(_)));
                let places = if lacks_places {
                    ", where a place comes back when a request ends: it is to ask again"
                } else {
                    ", and pass"
                };
                write!(f, "{places} in {ms} ms, if nobody else asks")
            }
        }
    }
}
