//! `flowguard dump`.

use serde_json::Value;

use crate::{
    call::Call,
    failure::{Failure, Usage},
    json::Wrong,
    options::Format,
    output::{View, yaml},
    session::Session,
};

/// A document is for people as it is.
const DOCUMENT: View = View { table: yaml, names: |_: &Value| Err(Wrong(String::new())) };

pub(super) async fn run(session: &Session, format: Format) -> Result<(), Failure> {
    if format == Format::Name {
        return Err(Usage::Format("name").into());
    }
    session.ask(Call::get(&["config"])?, format, DOCUMENT).await
}
