//! What would be decided over a request.

use limiter::AMOUNT_MAX;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

use super::{
    limits::{MEASURES, amount, each, matches},
    names::{client_or_unknown, group, name, name_or_other, window},
    parts::{count, described, integer, object, text, with, word, yes_or_no},
};
use crate::limits::LimitMode;

described! {
    /// What would be decided, and how each limit that applies stands.
    Explanation = with(
        ["client_id", "configured", "model", "would_pass", "message", "in_flight", "limits"],
        object()
            .property("client_id", text())
            .property("configured", yes_or_no())
            .property("enabled", yes_or_no())
            .property("unknown_clients", word(["shared", "each", "deny", "allow"]))
            .property("model", name_or_other())
            .property("tokens", integer(0, AMOUNT_MAX).description(Some("What it would reserve.")))
            .property("would_pass", yes_or_no())
            .property("error", word(ERRORS))
            .property("limit", text().description(Some("The one that would be named.")))
            .property("retry_after_ms", count())
            .property("never", yes_or_no())
            .property("message", text())
            .property("in_flight", count())
            .property("limits", ArrayBuilder::new().items(limit())),
    );
}

/// What a request is refused with.
const ERRORS: [&str; 6] = [
    "rpm_exceeded",
    "tpm_exceeded",
    "request_limit_exceeded",
    "token_limit_exceeded",
    "concurrency_exceeded",
    "unknown_client",
];

fn limit() -> ObjectBuilder {
    let remaining = ObjectBuilder::new().schema_type(Type::Integer);
    with(
        ["name", "measure", "limit", "mode", "enforced", "bucket"],
        object()
            .property("name", text().description(Some("rpm, tpm or the name of a limit.")))
            .property("measure", word(MEASURES))
            .property("limit", amount())
            .property("per", window())
            .property("burst", amount())
            .property("mode", word(LimitMode::ALL.into_iter().map(LimitMode::word)))
            .property("trial", yes_or_no())
            .property("enforced", yes_or_no())
            .property("remaining", remaining.description(Some("Negative in debt.")))
            .property("in_flight", count())
            .property("covers", yes_or_no())
            .property("retry_after_ms", count())
            .property("never", yes_or_no())
            .property("why", text())
            .property("bucket", word(["own", "unknown", "client", "shared"]))
            .property("bucket_of", bucket_of())
            .property("match", matches())
            .property("each", each()),
    )
}

fn bucket_of() -> ObjectBuilder {
    object()
        .property("client", client_or_unknown())
        .property("group", group())
        .property("plan", name())
        .property("model", name_or_other())
}
