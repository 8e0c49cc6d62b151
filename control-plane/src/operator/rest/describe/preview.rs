//! What other limits would have done.

use limiter::AMOUNT_MAX;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Ref};

use super::{
    names::client_or_unknown,
    parts::{count, described, integer, list, object, text, time, with, yes_or_no},
};
use crate::ledger::PREVIEWED_MAX;

described! {
    /// What is supposed, one thing at most: a client as it is created, a limit as it stands in a document,
    /// or a whole document.
    PreviewOf = object()
        .property("client", Ref::from_schema_name("NewClient"))
        .property("limit", Ref::from_schema_name("LimitEntry"))
        .property("config", Ref::from_schema_name("Document"))
        .max_properties(Some(1));
    /// What was refused over the recorded time, and what would have been.
    Preview = with(
        ["decisions", "cut", "then", "now", "newly_refused", "newly_admitted", "clients"],
        object()
            .property("oldest", time().description(Some("When the oldest decision was made; absent: there is none.")))
            .property("latest", time())
            .property("decisions", count())
            .property("cut", yes_or_no().description(Some("Whether older ones are kept no more.")))
            .property("then", refusals())
            .property("now", refusals())
            .property("newly_refused", count())
            .property("newly_admitted", count())
            .property("clients", list(client(), PREVIEWED_MAX.0))
            .property("untold", count().description(Some("Clients that had no room."))),
    );
}

fn refusals() -> ObjectBuilder {
    with(
        ["refused", "never", "longest_wait_ms", "total_wait_ms"],
        object()
            .property("refused", count())
            .property("never", count().description(Some("Those that no waiting helps.")))
            .property("longest_wait_ms", count())
            .property("total_wait_ms", count()),
    )
}

fn client() -> ObjectBuilder {
    let limit = with(
        ["name", "then", "now"],
        object().property("name", text()).property("then", count()).property("now", count()),
    );
    with(
        [
            "client_id",
            "decisions",
            "then",
            "now",
            "newly_refused",
            "newly_admitted",
            "limits",
            "first",
        ],
        object()
            .property("client_id", client_or_unknown())
            .property("decisions", count())
            .property("then", refusals())
            .property("now", refusals())
            .property("newly_refused", count())
            .property("newly_admitted", count())
            .property("limits", ArrayBuilder::new().items(limit))
            .property("first", list(first(), PREVIEWED_MAX.1)),
    )
}

fn first() -> ObjectBuilder {
    with(
        ["time", "tokens", "limit"],
        object()
            .property("time", time())
            .property("tokens", integer(0, AMOUNT_MAX))
            .property("model", text())
            .property("limit", text())
            .property("retry_after_ms", count())
            .property("never", yes_or_no()),
    )
}
