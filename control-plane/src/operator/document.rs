//! The whole configuration in force as a document, in the notation of a file of clients.

use std::{fmt::Write as _, mem, sync::Arc};

use limiter::ClientId;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Caller, Operator, OperatorError};
use crate::{
    clients::{CLIENTS_AT_A_TIME, ClientEntryJson},
    document::BYTES_MAX,
    http::pieces::{PIECE_BYTES, Progress},
    limits::LimitJson,
};

/// How long a document may be: as long as a file.
pub const DOCUMENT_BYTES_MAX: usize = BYTES_MAX as usize;

/// Who may have a document in memory: one at a time, whichever API it comes by.
#[derive(Debug)]
pub(super) struct DocumentPlace(Arc<Semaphore>);

impl Default for DocumentPlace {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Operator {
    /// Waits for the one place that there is for a document which is read.
    pub(super) async fn document_place(&self) -> Result<OwnedSemaphorePermit, OperatorError> {
        let place = Arc::clone(&self.documents.0).acquire_owned().await;
        place.map_err(|_| OperatorError::Stopping)
    }
}

/// Writes it piece by piece, each thing as it stands when its turn comes.
pub(super) fn pieces(
    operator: Arc<Operator>,
    caller: Caller,
) -> impl FnMut(&mut String) -> Progress + Send {
    let mut next = Part::Begin;
    move |text| {
        while text.len() < PIECE_BYTES {
            next = match mem::replace(&mut next, Part::End) {
                Part::Begin => {
                    text.push_str(r#"{"clients":{"#);
                    Part::Clients(None)
                }
                Part::Clients(after) => write_clients(&operator, &caller, after.as_ref(), text),
                Part::Rules => {
                    write_rules(&operator, &caller, text);
                    Part::End
                }
                Part::End => return Progress::End,
            };
        }
        Progress::More
    }
}

/// What comes next.
enum Part {
    Begin,
    Clients(Option<ClientId>),
    Rules,
    End,
}

fn write_clients(
    operator: &Operator,
    caller: &Caller,
    after: Option<&ClientId>,
    text: &mut String,
) -> Part {
    let few = operator.configs_after(after, CLIENTS_AT_A_TIME, caller);
    let mut comma = if after.is_some() { "," } else { "" };
    for config in &few {
        // An id's alphabet needs no escaping, and writing to a string cannot fail.
        let _ = write!(text, r#"{comma}"{}":{}"#, config.id, json(&ClientEntryJson::from(config)));
        comma = ",";
    }
    match few.into_iter().next_back() {
        Some(last) => Part::Clients(Some(last.id)),
        None => Part::Rules,
    }
}

fn write_rules(operator: &Operator, caller: &Caller, text: &mut String) {
    text.push_str(r#"},"models":{"#);
    for (index, (name, patterns)) in operator.models(caller).iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, r#"{comma}"{name}":{}"#, json(patterns));
    }
    text.push_str(r#"},"limits":["#);
    for (index, limit) in operator.limits(caller).iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}", json(&LimitJson::from(limit)));
    }
    text.push_str("]}");
}

fn json(shape: &impl Serialize) -> String {
    #[expect(clippy::expect_used, reason = "no shape has a map whose keys are no texts")]
    serde_json::to_string(shape).expect("a shape is JSON")
}
