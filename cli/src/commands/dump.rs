//! `flowguard dump`.

use serde_json::Value;

use crate::{
    call::Call,
    failure::{Failure, Usage},
    options::Format,
    output::View,
    session::Session,
};

/// A document has no form but its own.
const DOCUMENT: View =
    View { table: |_: &Value| Ok(String::new()), names: |_: &Value| Ok(Vec::new()) };

pub(super) async fn run(session: &Session, format: Format) -> Result<(), Failure> {
    let format = match format {
        Format::Name => return Err(Usage::Format("name").into()),
        // It is for people as it is.
        Format::Table | Format::Yaml => Format::Yaml,
        Format::Json => Format::Json,
    };
    session.ask(Call::get(&["config"])?, format, DOCUMENT).await
}
