//! A batch as the script reads it: numbers with their least byte first, names behind their length.

use limiter::Tokens;

use super::{Batch, Correction, Decide, End, Operation, Wanted, exact::Exact};

const DECIDE: u8 = 1;
const END: u8 = 2;
const CHARGE: u8 = 3;

/// The kinds of demands: the least bit says that it is watched, the next that it is a place.
const WATCHED: u8 = 1;
const PLACE: u8 = 2;

/// The kinds of corrections.
const GIVE_BACK: u8 = 0;
const CHARGE_FURTHER: u8 = 1;

pub(super) fn body(batch: &Batch) -> Vec<u8> {
    let mut body = Body(Vec::with_capacity(64 * (batch.buckets.len() + batch.operations.len())));
    for len in [
        batch.buckets.len(),
        batch.places.len(),
        batch.workers.len(),
        batch.words.len(),
        batch.requests.len(),
        batch.operations.len(),
    ] {
        body.len_u16(len);
    }
    for bucket in &batch.buckets {
        let told = &bucket.told;
        body.double(told.epoch.double());
        body.double(told.revision.into());
        body.double(told.since.double());
        body.number(told.quota.amount());
        body.number(told.quota.burst());
        body.number(told.quota.window().millis());
        body.u8(bucket.seen.is_some().into());
        if let Some(seen) = &bucket.seen {
            body.0.extend(seen.to_bytes());
        }
    }
    for places in &batch.places {
        body.number(places.max.get());
    }
    for word in &batch.words {
        body.u16(word.places);
        body.double(word.number.double());
        body.double(word.held.into());
        body.name(&word.worker);
    }
    for worker in &batch.workers {
        body.double(worker.stream.double());
    }
    for (worker, request) in &batch.requests {
        body.u16(*worker);
        // In decimal, so that a person can read it in the store.
        body.name(request.to_string().as_bytes());
    }
    for (operation, request) in &batch.operations {
        body.operation(operation, *request);
    }
    body.0
}

struct Body(Vec<u8>);

impl Body {
    fn operation(&mut self, operation: &Operation, request: u16) {
        match operation {
            Operation::Decide(decide) => {
                self.u8(DECIDE);
                self.decide(decide, request);
            }
            Operation::End(end) => {
                self.u8(END);
                self.end(end, request);
            }
            Operation::Charge { bucket, tokens } => {
                self.u8(CHARGE);
                self.u16(bucket.0);
                self.tokens(*tokens);
            }
        }
    }

    fn decide(&mut self, decide: &Decide, request: u16) {
        self.len_u8(decide.demands.len());
        for demand in &decide.demands {
            let watched = if demand.is_watched { WATCHED } else { 0 };
            match demand.wanted {
                Wanted::Tokens(bucket, tokens) => {
                    self.u8(watched);
                    self.u16(bucket.0);
                    self.tokens(tokens);
                }
                Wanted::Place(word) => {
                    self.u8(PLACE | watched);
                    self.u16(word.0);
                    self.tokens(Tokens::ONE);
                }
            }
        }
        self.u16(request);
        let note = decide.opening.as_ref().map_or(&[][..], |opening| &opening.note);
        self.len_u16(note.len());
        self.0.extend(note);
    }

    fn end(&mut self, end: &End, request: u16) {
        self.u16(request);
        self.len_u8(end.corrections.len());
        for Correction { bucket, charge, epoch, used } in &end.corrections {
            let (charged, used) = (charge.tokens().get(), used.get());
            self.u8(if used > charged { CHARGE_FURTHER } else { GIVE_BACK });
            self.u16(bucket.0);
            self.number(charged.abs_diff(used));
            self.double(epoch.double());
            self.double(charge.revision().into());
            self.number(charge.burst().get());
        }
    }

    fn name(&mut self, name: &[u8]) {
        self.len_u8(name.len());
        self.0.extend(name);
    }

    fn tokens(&mut self, tokens: Tokens) {
        self.number(tokens.get());
    }

    /// A number that the types of `limiter` and the checks of a batch keep below 2^53.
    fn number(&mut self, number: u64) {
        self.double(Exact::try_from(number).unwrap_or_default().double());
    }

    fn double(&mut self, double: f64) {
        self.0.extend(double.to_le_bytes());
    }

    fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    fn u16(&mut self, number: u16) {
        self.0.extend(number.to_le_bytes());
    }

    /// Lengths that a batch has checked.
    fn len_u8(&mut self, len: usize) {
        self.u8(u8::try_from(len).unwrap_or(u8::MAX));
    }

    fn len_u16(&mut self, len: usize) {
        self.u16(u16::try_from(len).unwrap_or(u16::MAX));
    }
}
