//! The audit, and what is no JSON of its own.

use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::parts::{count, described, list, object, text, time, with, word};
use crate::operator::audited::ENTRIES_AT_A_TIME_MAX;

described! {
    /// Lines of the audit, the newest first.
    AuditList = with(
        ["entries"],
        object()
            .property("entries", list(entry(), ENTRIES_AT_A_TIME_MAX))
            .property("next_cursor", text())
            .property("unreadable", count().description(Some("Lines that nobody here can read."))),
    );
    /// This description.
    Description = ObjectBuilder::new().schema_type(Type::Object);
    /// A document for people.
    Page = text();
    /// Lines of JSON, each an object.
    Backup = text();
}

fn entry() -> ObjectBuilder {
    with(
        ["id", "time", "actor", "action", "object", "outcome"],
        object()
            .property("id", count())
            .property("time", time())
            .property("actor", actor())
            .property("address", text())
            .property("action", word(["create", "change", "delete", "reset", "apply"]))
            .property("object", text().description(Some("A kind and a name, as in client/acme.")))
            .property("before", anything())
            .property("after", anything())
            .property("revision", count())
            .property("request_id", text())
            .property("outcome", word(["done", "failed"])),
    )
}

fn actor() -> ObjectBuilder {
    with(
        ["kind"],
        object()
            .property("kind", word(["anybody", "token", "jwt", "file", "process", "local"]))
            .property("name", text())
            .property("public_part", text()),
    )
}

/// What something was, or has become.
fn anything() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}
