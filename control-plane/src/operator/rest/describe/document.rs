//! The whole configuration as one document.

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Ref};

use super::{
    clients::entry,
    limits::listed_patterns,
    names::{client_id, name, public_part},
    parts::{count, described, list, map, object, text, with, yes_or_no},
};
use crate::{
    credentials::TOKENS_MAX,
    limits::{LIMITS_MAX, MODELS_MAX},
    operator::{Notation, difference::NAMES_TOLD_MAX},
};

described! {
    /// A client in a document.
    ClientEntry = entry(Notation::Json);
    /// A client in a document in YAML.
    YamlClientEntry = entry(Notation::Yaml);
    /// All that is configured. What it does not name is deleted when it is put in force, but for keys and
    /// tokens where it has no section of these.
    Document = document(Notation::Json);
    /// The same in YAML, in which no text need be quoted.
    YamlDocument = document(Notation::Yaml);
    /// What a document changed, or would.
    DocumentWritten = with(
        ["success", "dry_run", "message", "created", "replaced", "deleted"],
        object()
            .property("success", yes_or_no())
            .property("dry_run", yes_or_no())
            .property("message", text())
            .property("created", names_by_kind())
            .property("replaced", names_by_kind())
            .property("deleted", names_by_kind())
            .property("untold", count().description(Some("Names that had no room in the lists."))),
    );
}

fn document(notation: Notation) -> ObjectBuilder {
    let [client, limit, key, token] = match notation {
        Notation::Json => ["ClientEntry", "LimitEntry", "KeyEntry", "TokenEntry"],
        Notation::Yaml => ["YamlClientEntry", "YamlLimitEntry", "YamlKeyEntry", "YamlTokenEntry"],
    };
    let models = map(name(), listed_patterns(notation)).max_properties(Some(MODELS_MAX));
    let tokens = map(public_part(), Ref::from_schema_name(token));
    object()
        .property("clients", map(client_id(), Ref::from_schema_name(client)))
        .property("models", models)
        .property("limits", list(Ref::from_schema_name(limit), LIMITS_MAX))
        .property("keys", map(public_part(), Ref::from_schema_name(key)))
        .property("tokens", tokens.max_properties(Some(TOKENS_MAX)))
        // One that says nothing at all would delete everything.
        .min_properties(Some(1))
}

fn names_by_kind() -> ObjectBuilder {
    let names = || -> ArrayBuilder { list(text(), NAMES_TOLD_MAX) };
    with(
        ["clients", "limits", "models"],
        object()
            .property("clients", names())
            .property("limits", names())
            .property("models", names())
            .property("keys", names())
            .property("tokens", names()),
    )
}
