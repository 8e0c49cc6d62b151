//! A batch as the script reads it: one list of numbers and names, in the format of `MessagePack`, which a
//! script reads at once. What is a list in it stands behind its length.

use limiter::Tokens;
use rmp::encode::{buffer::ByteBuf, write_array_len, write_bool, write_str_len, write_uint};

use super::{Batch, Correction, Decide, End, Operation, Wanted, batch::NONE};

const DECIDE: u8 = 1;
const END: u8 = 2;
const CHARGE: u8 = 3;

/// The kinds of demands: the least bit says that it is watched, the next that it is a place.
const WATCHED: u8 = 1;
const PLACE: u8 = 2;

/// The kinds of corrections.
const GIVE_BACK: u8 = 0;
const CHARGE_FURTHER: u8 = 1;

/// About as long as what is said of a bucket or of an operation, so that the list seldom grows.
const ENTRY_LEN: usize = 160;

pub(super) fn body(batch: &Batch) -> Vec<u8> {
    let len = ENTRY_LEN * (batch.buckets.len() + batch.operations.len());
    let mut body = Body { values: ByteBuf::with_capacity(len), count: 0 };
    body.len(batch.buckets.len());
    body.len(batch.places.len());
    body.len(batch.workers.len());
    body.len(batch.words.len());
    body.len(batch.operations.len());
    for bucket in batch.buckets.values() {
        let told = &bucket.told;
        body.number(told.epoch.get());
        body.number(told.revision.into());
        body.number(told.since.get());
        body.number(told.quota.amount());
        body.number(told.quota.burst());
        body.number(told.quota.window().millis());
        match &bucket.seen {
            Some(seen) => body.bytes(&seen.to_bytes()),
            None => body.no(),
        }
    }
    for max in batch.places.values() {
        body.number(max.get());
    }
    for (name, word) in &batch.words {
        body.number(name.places.into());
        body.number(word.number.get());
        body.number(word.held.into());
        body.bytes(&name.worker);
    }
    for worker in batch.workers.values() {
        body.number(worker.stream.get());
        body.len(worker.requests.len());
        for request in &worker.requests {
            // In decimal, so that a person can read it in the store.
            body.bytes(request.to_string().as_bytes());
        }
    }
    for (operation, request) in &batch.operations {
        body.operation(operation, *request);
    }
    body.finish()
}

struct Body {
    values: ByteBuf,
    count: u32,
}

impl Body {
    fn operation(&mut self, operation: &Operation, request: u16) {
        match operation {
            Operation::Decide(decide) => {
                self.number(DECIDE.into());
                self.decide(decide, request);
            }
            Operation::End(end) => {
                self.number(END.into());
                self.end(end, request);
            }
            Operation::Charge { bucket, tokens } => {
                self.number(CHARGE.into());
                self.number(bucket.0.into());
                self.number(tokens.get());
            }
        }
    }

    fn decide(&mut self, decide: &Decide, request: u16) {
        self.len(decide.demands.len());
        for demand in &decide.demands {
            let watched = if demand.is_watched { WATCHED } else { 0 };
            let (kind, index, tokens) = match demand.wanted {
                Wanted::Tokens(bucket, tokens) => (watched, bucket.0, tokens),
                Wanted::Place(word) => (PLACE | watched, word.0, Tokens::ONE),
            };
            self.number(kind.into());
            self.number(index.into());
            self.number(tokens.get());
        }
        let opening = decide.opening.as_ref();
        self.number(opening.map_or(NONE, |opening| opening.worker.0).into());
        self.number(request.into());
        self.bytes(opening.map_or(&[], |opening| &opening.note));
    }

    fn end(&mut self, end: &End, request: u16) {
        self.number(end.worker.0.into());
        self.number(request.into());
        self.len(end.corrections.len());
        for Correction { bucket, charge, epoch, used } in &end.corrections {
            let (charged, used) = (charge.tokens().get(), used.get());
            let kind = if used > charged { CHARGE_FURTHER } else { GIVE_BACK };
            self.number(kind.into());
            self.number(bucket.0.into());
            self.number(charged.abs_diff(used));
            self.number(epoch.get());
            self.number(charge.revision().into());
            self.number(charge.burst().get());
        }
    }

    fn len(&mut self, len: usize) {
        self.number(len as u64);
    }

    /// A number that the types of `limiter` and the checks of a batch keep below 2^53, as the script's
    /// are.
    fn number(&mut self, number: u64) {
        let Ok(_) = write_uint(&mut self.values, number);
        self.count += 1;
    }

    /// As a text, of whatever bytes: a type of their own is one that scripts do not know.
    fn bytes(&mut self, bytes: &[u8]) {
        // What is written here has a bound of some thousand bytes.
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let Ok(_) = write_str_len(&mut self.values, len);
        self.values.as_mut_vec().extend(bytes);
        self.count += 1;
    }

    fn no(&mut self) {
        let Ok(()) = write_bool(&mut self.values, false);
        self.count += 1;
    }

    fn finish(self) -> Vec<u8> {
        let mut body = ByteBuf::with_capacity(self.values.as_slice().len() + 5);
        let Ok(_) = write_array_len(&mut body, self.count);
        let mut body = body.into_vec();
        body.extend(self.values.as_slice());
        body
    }
}
