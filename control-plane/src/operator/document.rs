//! The whole configuration in force as a document, in the notation of a file of clients.

use std::{fmt::Write as _, mem, sync::Arc};

use limiter::ClientId;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
};

use super::{Caller, Operator, OperatorError, Precondition, Replacement, Run, Wanted};
use crate::{
    clients::{CLIENTS_AT_A_TIME, ClientEntryJson},
    credentials::{KeyJson, Scope, TokenJson},
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

    /// Puts in force what `read` makes of a document. Whoever sent it may be gone before it is read, or
    /// before it is in force: it has its place for as long as something of it is in memory.
    pub(super) async fn replace_by<E: From<OperatorError> + Send + 'static>(
        self: &Arc<Self>,
        (document, place): (Vec<u8>, OwnedSemaphorePermit),
        read: impl FnOnce(&[u8]) -> Result<Wanted, E> + Send + 'static,
        run: Run,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<Replacement, E> {
        let reading = task::spawn_blocking(move || read(&document).map(|wanted| (wanted, place)));
        let (wanted, place) = reading.await.map_err(|_| OperatorError::Stopping)??;
        may_change(&wanted, caller)?;
        Ok(self.replace_all_and_drop(place, wanted, run, precondition, caller).await?)
    }
}

/// Whoever may write all else of the configuration may not, for that alone, make up keys and tokens.
pub(super) fn may_change(wanted: &Wanted, caller: &Caller) -> Result<(), OperatorError> {
    let sections = [(Scope::Keys, wanted.keys.is_some()), (Scope::Tokens, wanted.tokens.is_some())];
    let refused =
        sections.into_iter().find(|(scope, is_named)| *is_named && !caller.is_let_in_to(*scope));
    refused.map_or(Ok(()), |(scope, _)| Err(OperatorError::SectionOutOfScope(scope)))
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
                    if caller.has(Scope::Keys) {
                        Part::Keys { after: None, has_some: false }
                    } else {
                        Part::Tokens
                    }
                }
                Part::Keys { after, has_some } => {
                    write_keys(&operator, &caller, after.as_ref(), has_some, text)
                }
                Part::Tokens => {
                    write_tokens(&operator, &caller, text);
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
    /// Of clients that come after this one.
    Keys {
        after: Option<ClientId>,
        has_some: bool,
    },
    Tokens,
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
    text.push(']');
}

/// The section of keys, where there are any and the caller may see them: by their clients. A document
/// without the section leaves them as they are.
fn write_keys(
    operator: &Operator,
    caller: &Caller,
    after: Option<&ClientId>,
    mut has_some: bool,
    text: &mut String,
) -> Part {
    let few = operator.configs_after(after, CLIENTS_AT_A_TIME, caller);
    for key in few.iter().flat_map(|config| operator.keys_of(&config.id)) {
        let comma = if has_some { "," } else { r#","keys":{"# };
        let _ = write!(text, r#"{comma}"{}":{}"#, key.public, json(&KeyJson::entry(&key)));
        has_some = true;
    }
    if let Some(last) = few.into_iter().next_back() {
        return Part::Keys { after: Some(last.id), has_some };
    }
    text.push_str(if has_some { "}" } else { "" });
    Part::Tokens
}

/// The section of tokens, where there are any and the caller may see them, and the end.
fn write_tokens(operator: &Operator, caller: &Caller, text: &mut String) {
    let tokens = if caller.has(Scope::Tokens) { operator.tokens(caller) } else { Vec::new() };
    for (index, token) in tokens.iter().enumerate() {
        let comma = if index == 0 { r#","tokens":{"# } else { "," };
        let _ = write!(text, r#"{comma}"{}":{}"#, token.public, json(&TokenJson::entry(token)));
    }
    text.push_str(if tokens.is_empty() { "}" } else { "}}" });
}

fn json(shape: &impl Serialize) -> String {
    #[expect(clippy::expect_used, reason = "no shape has a map whose keys are no texts")]
    serde_json::to_string(shape).expect("a shape is JSON")
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    use async_trait::async_trait;
    use tokio::time::timeout;

    use super::*;
    use crate::{
        clients::Revision,
        ledger::{Ledger, Policy, SystemClock},
        store::{ConfigStore, Contents, Edit, StoreError},
    };

    /// A store that writes when it may.
    #[derive(Clone, Debug)]
    struct Waiting {
        may: Arc<Semaphore>,
        is_asked: Arc<AtomicBool>,
    }

    #[async_trait]
    impl ConfigStore for Waiting {
        async fn load(&self) -> Result<Contents, StoreError> {
            Ok(Contents::default())
        }

        async fn write(&self, _: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
            self.is_asked.store(true, Ordering::SeqCst);
            let _may = self.may.acquire().await;
            Ok(Revision::new(1))
        }
    }

    #[tokio::test]
    async fn a_document_whose_sender_is_gone_has_its_place_until_it_is_read_and_written() {
        let store = Waiting { may: Arc::new(Semaphore::new(0)), is_asked: Arc::default() };
        let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
        let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(store.clone())));
        let (begins, begun) = std::sync::mpsc::channel();
        let (goes_on, may_go_on) = std::sync::mpsc::channel();
        let read = move |document: &[u8]| {
            begins.send(()).expect("somebody waits");
            may_go_on.recv().expect("somebody tells");
            Wanted::read(document).map_err(OperatorError::from)
        };
        let place = operator.document_place().await.expect("nobody has it");
        let sender = task::spawn({
            let operator = Arc::clone(&operator);
            async move {
                let document = (b"clients: {a: {}}".to_vec(), place);
                let (run, any) = (Run::Real, Precondition::Anything);
                operator.replace_by(document, read, run, any, &Caller::Process).await
            }
        });
        task::spawn_blocking(move || begun.recv()).await.expect("no panic").expect("it begins");
        sender.abort();
        assert!(sender.await.expect_err("gone").is_cancelled());
        assert_eq!(operator.documents.0.available_permits(), 0, "it is read");
        goes_on.send(()).expect("it waits");
        let place = timeout(Duration::from_mins(1), operator.document_place()).await;
        let place = place.expect("it was read").expect("nobody has it");

        let sender = task::spawn({
            let operator = Arc::clone(&operator);
            async move {
                let document = (b"clients: {b: {}}".to_vec(), place);
                let read = |document: &[u8]| Wanted::read(document).map_err(OperatorError::from);
                let (run, any) = (Run::Real, Precondition::Anything);
                operator.replace_by(document, read, run, any, &Caller::Process).await
            }
        });
        while !store.is_asked.load(Ordering::SeqCst) {
            task::yield_now().await;
        }
        sender.abort();
        assert!(sender.await.expect_err("gone").is_cancelled());
        assert_eq!(operator.documents.0.available_permits(), 0, "it is written");
        store.may.add_permits(1);
        let place = timeout(Duration::from_mins(1), operator.document_place()).await;
        drop(place.expect("it was written").expect("nobody has it"));
        assert!(ledger.config("b").is_some(), "a write that was begun goes on");
    }
}
