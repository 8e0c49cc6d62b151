//! What is sent on the stream, and when.

use proto::{
    RESUMED_MAX,
    decision::{FilterFrame, Resume},
};

use super::{Worker, stream::Loss};
use crate::{
    clock::Micros,
    host::{Host, StreamToken},
};

impl Worker {
    /// Sends the next frame of asks, when none is unanswered.
    pub(super) fn flush(&mut self, host: &mut impl Host, now: Micros) {
        self.say_hello(host, now);
        while let Some(stream) = self.link.greeted_stream()
            && self.requests.may_send()
        {
            let asks = self.requests.next_batch();
            if asks.is_empty() {
                break;
            }
            let frame = FilterFrame { asks, ..self.outbox.frame(now) };
            self.send(host, stream, frame, now);
        }
    }

    /// Sends what is reported without a question, when no frame of asks took it along.
    pub(super) fn report(&mut self, host: &mut impl Host, now: Micros) {
        while let Some(stream) = self.link.greeted_stream()
            && !self.outbox.is_empty()
        {
            let frame = self.outbox.frame(now);
            self.send(host, stream, frame, now);
        }
    }

    /// The same, when it is much, or when somebody waits for it and no frame of asks is about to
    /// take it along: while one is unanswered, the next one leaves with the answer.
    pub(super) fn report_what_is_due(&mut self, host: &mut impl Host, now: Micros) {
        let is_waited_for = self.outbox.is_urgent() && self.requests.may_send();
        if is_waited_for || self.outbox.is_large() {
            self.report(host, now);
        }
    }

    /// Sends a frame without anything, for the end that is to follow it.
    ///
    /// Envoy writes to its connections in the order in which each first had something to write.
    /// When a response's headers and its end arrive together, its client would otherwise have all
    /// of it before the control plane hears of the end, and could ask again by another worker.
    pub(super) fn go_before_the_response(&mut self, host: &mut impl Host) {
        if let Some(stream) = self.link.greeted_stream()
            && self.requests.may_send()
        {
            // Should it fail, what follows fails too, and is looked after.
            host.send(stream, &[]);
        }
    }

    /// Says on a new stream who this worker is, and what it holds.
    ///
    /// One without a name holds nothing, and asks nothing before it has been given one. Otherwise
    /// ends and asks follow what it holds in the same frame. Where that takes several frames, asks
    /// wait for the welcome: it answers the first of them.
    fn say_hello(&mut self, host: &mut impl Host, now: Micros) {
        let Some((stream, hello)) = self.link.take_hello() else { return };
        if hello.worker.is_empty() {
            let frame = FilterFrame { hello: Some(hello), ..FilterFrame::default() };
            self.send(host, stream, frame, now);
            return;
        }
        let mut hello = Some(hello);
        for part in self.resume() {
            let mut frame = if part.more { FilterFrame::default() } else { self.outbox.frame(now) };
            frame.hello = hello.take();
            if frame.hello.is_some() && !part.more {
                frame.asks = self.requests.next_batch();
            }
            frame.resume = Some(part);
            if !self.send(host, stream, frame, now) {
                return;
            }
        }
    }

    /// All of which the control plane may have heard, and whose end it has not acknowledged.
    fn resume(&self) -> Vec<Resume> {
        let mut ids: Vec<_> =
            self.requests.may_be_charged().chain(self.outbox.ends.ids()).collect();
        ids.sort_unstable();
        let mut parts: Vec<_> =
            ids.chunks(RESUMED_MAX).map(|ids| Resume { ids: ids.to_vec(), more: true }).collect();
        match parts.last_mut() {
            Some(last) => last.more = false,
            None => parts.push(Resume::default()),
        }
        parts
    }

    /// Sends a frame; `false` when the stream has gone, and is looked after.
    fn send(
        &mut self,
        host: &mut impl Host,
        stream: StreamToken,
        mut frame: FilterFrame,
        now: Micros,
    ) -> bool {
        let sent = host.send(stream, &prost::Message::encode_to_vec(&frame));
        if frame.hello.is_some() || !frame.asks.is_empty() {
            self.requests.sent(std::mem::take(&mut frame.asks), now);
        }
        if !sent {
            self.on_stream_lost(host, Loss::Broken, "nothing can be sent on it", now);
        }
        sent
    }
}
