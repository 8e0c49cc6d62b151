//! The control plane's verdict on one request, carried out.

use proto::{
    decision::{self, Ask},
    plugin_config::Mode,
};

use super::{
    Worker,
    lanes::Lane,
    requests::{Forwarded, Waiting},
    response::Response,
};
use crate::{
    access_log::Entry,
    clock::Micros,
    host::{Host, RequestId},
    stats::Stat,
    verdict::{Deny, Verdict},
};

impl Worker {
    /// A verdict has come for one of `asks`.
    pub(super) fn on_verdict(
        &mut self,
        host: &mut impl Host,
        verdict: decision::Verdict,
        asks: &[Ask],
        now: Micros,
    ) {
        let decision::Verdict { id, configured, .. } = verdict;
        let Ok(verdict) = Verdict::try_from(verdict) else {
            return self.give_up_without_verdict(host, id, now);
        };
        if let Some(ask) = asks.iter().find(|ask| ask.id == id) {
            let lane = self.requests.learn(&ask.client_id, configured);
            self.remember(lane, ask, &verdict, now);
        }
        let has_access_log = self.config.access_log;
        match verdict {
            Verdict::Pass { tightest, settle_at_once, reserved_tokens } => {
                let forwarded = |waiting: &Waiting| {
                    let entry = || {
                        let entry = Entry::admitted(reserved_tokens);
                        let entry = entry.for_model(waiting.model.as_deref());
                        Box::new(entry.after_us(now.since(waiting.started)))
                    };
                    Forwarded {
                        started: waiting.started,
                        response: Response::awaited(waiting.kind, tightest, settle_at_once),
                        entry: has_access_log.then(entry),
                    }
                };
                if let Some(started) = self.requests.forward(id, forwarded) {
                    count(host, Stat::Admitted, started, now);
                    host.resume(id);
                }
            }
            Verdict::Deny(deny) => self.refuse(host, id, deny, now),
        }
    }

    fn refuse(&mut self, host: &mut impl Host, id: RequestId, deny: Deny, now: Micros) {
        let Some(waiting) = self.requests.drop_waiting(id) else { return };
        let stat = match &deny {
            Deny::Refused(refusal) => Stat::refused_by(refusal.shortage.limit()),
            Deny::UnknownClient => Stat::UnknownClient,
        };
        count(host, stat, waiting.started, now);
        let denial = deny.into();
        let waited_us = now.since(waiting.started);
        let model = waiting.model.as_deref();
        let entry = || Entry::denied(&denial).for_model(model).after_us(waited_us);
        self.tell_access_log(host, id, entry);
        if self.config.mode == Mode::Enforce {
            self.deny(host, id, waiting.body_format, &denial);
        } else {
            host.resume(id);
        }
    }

    /// A client with a backlog is told its last refusal while that lasts.
    fn remember(&mut self, lane: Lane, ask: &Ask, verdict: &Verdict, now: Micros) {
        if !self.requests.is_crowded(lane) {
            return;
        }
        match verdict {
            Verdict::Deny(Deny::Refused(refusal)) => {
                self.refusals.remember(lane, ask, refusal, now);
            }
            _ => self.refusals.forget(lane, ask),
        }
    }
}

fn count(host: &mut impl Host, stat: Stat, waiting_since: Micros, now: Micros) {
    host.count(stat, 1);
    host.decided_after(now.since(waiting_since));
}
