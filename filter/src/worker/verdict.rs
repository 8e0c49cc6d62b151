//! The control plane's answer to one ask, carried out.

use limiter::Dimension;
use proto::decision::{Ask, Decision, Verdict, verdict::Wait};

use super::{Host, Worker, response::Response};
use crate::{
    clock::Micros,
    config::Mode,
    counters::{Counter, Outcome},
    reply::{Denial, Refused},
    standing::{Balance, Standing},
};

impl Worker {
    pub(super) fn on_verdict(
        &mut self,
        host: &mut impl Host,
        verdict: &Verdict,
        asks: &[Ask],
        now: Micros,
    ) {
        let id = verdict.id;
        let (outcome, denial) = match verdict.decision() {
            Decision::Admitted => (Outcome::Admitted, None),
            Decision::RpmExceeded => (Outcome::RpmExceeded, Some(refused(verdict, Dimension::Rpm))),
            Decision::TpmExceeded => (Outcome::TpmExceeded, Some(refused(verdict, Dimension::Tpm))),
            Decision::UnknownClient => (Outcome::UnknownClient, Some(Denial::UnknownClient)),
            Decision::Unspecified => {
                if let Some(waiting) = self.requests.drop_waiting(id) {
                    self.finish_undecided(host, id, &waiting);
                }
                return;
            }
        };
        self.remember(verdict, denial.as_ref(), asks, now);
        let Some(denial) = denial else { return self.admit(host, verdict, now) };
        let Some(waiting) = self.requests.drop_waiting(id) else { return };
        decided(host, outcome, waiting.started, now);
        if self.config.mode == Mode::Enforce {
            self.deny(host, id, waiting.error_format, &denial);
        } else {
            host.resume(id);
        }
    }

    fn admit(&mut self, host: &mut impl Host, verdict: &Verdict, now: Micros) {
        let (standing, at_once) = (standing(verdict), verdict.settle_at_once);
        let forwarded = self.requests.forward(verdict.id, self.link.session(), |kind| {
            Response::awaited(kind, standing, at_once)
        });
        if let Some(started) = forwarded {
            decided(host, Outcome::Admitted, started, now);
            host.resume(verdict.id);
        }
    }

    /// A client with a backlog is told its last refusal while that lasts.
    fn remember(&mut self, verdict: &Verdict, denial: Option<&Denial>, asks: &[Ask], now: Micros) {
        let Some(ask) = asks.iter().find(|ask| ask.id == verdict.id) else { return };
        let lane = self.requests.lane(&ask.client_id);
        if !self.requests.is_crowded(lane) {
            return;
        }
        match denial {
            Some(Denial::Refused(refused)) => {
                self.refusals.remember(lane, &ask.client_id, refused, now);
            }
            _ => self.refusals.forget(lane, &ask.client_id),
        }
    }
}

fn decided(host: &mut impl Host, outcome: Outcome, waiting_since: Micros, now: Micros) {
    host.count(Counter::Decisions(outcome), 1);
    host.decided_after(now.since(waiting_since));
}

fn refused(verdict: &Verdict, limit: Dimension) -> Denial {
    Denial::Refused(Refused {
        limit,
        retry_after_ms: match verdict.wait {
            Some(Wait::RetryAfterMs(wait_ms)) => Some(wait_ms),
            Some(Wait::Never(_)) | None => None,
        },
        standing: standing(verdict),
        requested_tokens: verdict.reserved_tokens,
    })
}

fn standing(verdict: &Verdict) -> Standing {
    let balance = |balance: proto::decision::Balance| Balance {
        limit: balance.limit,
        remaining: balance.remaining,
        full_in_ms: balance.full_in_ms,
        debt: balance.debt,
    };
    Standing { requests: verdict.requests.map(balance), tokens: verdict.tokens.map(balance) }
}
