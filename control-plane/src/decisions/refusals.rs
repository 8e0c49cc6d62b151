//! A line a refusal, for those who look for one: at debug, and for nothing where that is off.

use limiter::{Balance, Wait};
use tracing::{Level, debug, enabled};

use super::{callers::Stranger, frame::Dropped};
use crate::{
    excerpt::Excerpt,
    ledger::{Answer, Ask, Refusal, Shortage},
    limits::LimitKey,
};

/// Logs which of `asks` were refused.
pub(super) fn log(node: &Excerpt, in_shadow: bool, asks: &[Ask<'_>], answers: &[Answer]) {
    if !enabled!(Level::DEBUG) {
        return;
    }
    let refused = if in_shadow { "would be refused, and passes in shadow" } else { "refused" };
    for (ask, answer) in asks.iter().zip(answers) {
        let client_id = || Excerpt::new(ask.client);
        match answer {
            Answer::Admitted { .. } => {}
            Answer::Refused { refusal: Refusal { limit, shortage, wait }, reserved, .. } => {
                let (balance, places) = match shortage {
                    Shortage::Requests(balance) | Shortage::Tokens(balance) => {
                        (Some(balance), None)
                    }
                    Shortage::Places(places) => (None, Some(*places)),
                };
                let (own, named) = match limit {
                    LimitKey::Own(_) => (balance, None),
                    LimitKey::Named(_) => (None, balance),
                };
                debug!(
                    client_id = client_id().as_str(),
                    model = ask.model,
                    limit = limit.as_str(),
                    per_minute = own.map(Balance::limit),
                    amount = named.map(Balance::limit),
                    window_s = named.map(|balance| balance.quota().window().secs()),
                    places,
                    left = balance.map(Balance::whole),
                    tokens = reserved.get(),
                    wait_ms = match wait {
                        Wait::Millis(ms) => Some(*ms),
                        Wait::Never => None,
                    },
                    %node,
                    request = ask.id,
                    "{refused}{}",
                    if *wait == Wait::Never { " for good: no full bucket holds as much" } else { "" },
                );
            }
            Answer::UnknownClient => {
                debug!(
                    client_id = client_id().as_str(),
                    %node,
                    request = ask.id,
                    "{refused}: nobody configured this id",
                );
            }
            Answer::Unavailable => {
                debug!(
                    client_id = client_id().as_str(),
                    %node,
                    request = ask.id,
                    "not decided: the store did not answer",
                );
            }
        }
    }
}

/// Logs that nobody knows who asked.
pub(super) fn log_stranger(node: &Excerpt, request: u32, stranger: Stranger) {
    debug!(%node, request, "refused: {stranger}");
}

/// Logs what a filter refused by itself.
pub(super) fn log_dropped(node: &Excerpt, dropped: &Dropped) {
    let Dropped { client_id, limit, requests } = dropped;
    debug!(
        client_id = Excerpt::new(client_id).as_str(),
        limit = limit.as_str(),
        requests,
        %node,
        "refused by the filter, with its client's last refusal, since its client asked too fast",
    );
}
