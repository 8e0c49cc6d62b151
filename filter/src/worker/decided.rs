//! The control plane's verdict on one request, carried out.

use proto::decision::{self, Ask};

use super::{
    Worker,
    identify::{Named, stat_of},
    lanes::Lane,
    requests::{Forwarded, Waiting},
    response::Response,
};
use crate::{
    access_log::Entry,
    clock::Micros,
    host::{Host, RequestId},
    identity::bytes_of,
    stats::Stat,
    verdict::{Deny, NotUnderstood, Verdict},
};

impl Worker {
    /// A verdict has come for one of `asks`.
    pub(super) fn on_verdict(
        &mut self,
        host: &mut impl Host,
        mut verdict: decision::Verdict,
        asks: &[Ask],
        now: Micros,
    ) {
        let decision::Verdict { id, configured, .. } = verdict;
        let named = self.named(std::mem::take(&mut verdict.client_id));
        let Ok(verdict) = self.understood(verdict, &named) else {
            return self.give_up_without_verdict(host, id, &named, now);
        };
        if let Some(ask) = asks.iter().find(|ask| ask.id == id) {
            let lane = self.requests.learn(bytes_of(ask.who.as_ref()), configured);
            self.remember(lane, ask, &named, &verdict, now);
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
                    named.tell(host, id);
                    host.resume(id);
                }
            }
            Verdict::Deny(deny) => self.refuse(host, id, &named, deny, now),
        }
    }

    /// A verdict of the form that it has to have. Nobody passes as nobody.
    fn understood(
        &self,
        verdict: decision::Verdict,
        named: &Named,
    ) -> Result<Verdict, NotUnderstood> {
        let verdict = Verdict::try_from(verdict)?;
        let is_known = self.config.identity.is_header() || named.id().is_some();
        if is_known || matches!(verdict, Verdict::Deny(Deny::Unidentified(_))) {
            Ok(verdict)
        } else {
            Err(NotUnderstood)
        }
    }

    fn refuse(
        &mut self,
        host: &mut impl Host,
        id: RequestId,
        named: &Named,
        deny: Deny,
        now: Micros,
    ) {
        let Some(waiting) = self.requests.drop_waiting(id) else { return };
        let stat = match &deny {
            Deny::Refused(refusal) => Stat::refused_by(refusal.shortage.limit()),
            Deny::UnknownClient => Stat::UnknownClient,
            Deny::Unidentified(why) => stat_of(*why),
        };
        count(host, stat, waiting.started, now);
        let denial = deny.into();
        let waited_us = now.since(waiting.started);
        let model = waiting.model.as_deref();
        let entry = || Entry::denied(&denial).for_model(model).after_us(waited_us);
        let is_carried_out = self.carries_out(&denial);
        self.tell_access_log_of(host, id, is_carried_out, entry);
        named.tell(host, id);
        if is_carried_out {
            self.deny(host, id, waiting.body_format, &denial);
        } else {
            host.resume(id);
        }
    }

    /// A client with a backlog is told its last refusal while that lasts.
    fn remember(&mut self, lane: Lane, ask: &Ask, named: &Named, verdict: &Verdict, now: Micros) {
        if !self.requests.is_crowded(lane) {
            return;
        }
        match verdict {
            Verdict::Deny(Deny::Refused(refusal)) => {
                self.refusals.remember(lane, ask, named, refusal, now);
            }
            _ => self.refusals.forget(lane, ask),
        }
    }
}

fn count(host: &mut impl Host, stat: Stat, waiting_since: Micros, now: Micros) {
    host.count(stat, 1);
    host.decided_after(now.since(waiting_since));
}
