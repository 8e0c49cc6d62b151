//! Clients and their statistics.

use limiter::{AMOUNT_MAX, PER_MINUTE_MAX};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Ref, SchemaType, Type};

use super::{
    names::{client_id, group, identity, name},
    parts::{
        count, described, done, integer, list, map, object, or_null, text_in, text_or_null_in,
        with, word, written, yes_or_no,
    },
};
use crate::{
    clients::{CLIENTS_MAX, IDENTITIES_MAX},
    operator::Notation,
};

described! {
    /// A client, as it is answered.
    Client = with(
        ["client_id", "rpm", "tpm", "enabled"],
        object()
            .property("client_id", client_id())
            .property("rpm", per_minute("Requests"))
            .property("tpm", per_minute("Tokens"))
            .property("enabled", enabled())
            .property("min_estimate", min_estimate())
            .property("group", group())
            .property("plan", name())
            .property("identities", identities()),
    );
    /// All of a client, as it is sent.
    NewClient = with(["client_id"], fields());
    /// The same where the path says which client it is, or what is to be changed of it: a `client_id` is
    /// the path's.
    ClientFields = fields();
    /// Clients by their ids.
    ClientList = with(
        ["clients", "count"],
        object()
            .property("clients", map(client_id(), Ref::from_schema_name("Client")))
            .property("count", integer(0, CLIENTS_MAX as u64))
            .property("next_cursor", client_id()),
    );
    /// What a write made of a client.
    ClientWritten = written("Client");
    /// What was done.
    Done = with(["success", "message"], done());
    /// Statistics by the ids of clients.
    StatsList = with(
        ["stats", "count"],
        object()
            .property("stats", map(client_id(), Ref::from_schema_name("Stats")))
            .property("count", integer(0, CLIENTS_MAX as u64))
            .property("next_cursor", client_id()),
    );
    /// A client's statistics.
    Stats = with(
        [
            "client_id", "total_requests", "success_requests", "dropped_requests", "rpm_dropped",
            "tpm_dropped", "tokens_used", "rpm_remaining", "tpm_remaining", "last_request_time",
            "avg_latency_ms",
        ],
        object()
            .property("client_id", client_id())
            .property("total_requests", count())
            .property("success_requests", count())
            .property("dropped_requests", count())
            .property("rpm_dropped", count())
            .property("tpm_dropped", count())
            .property("tokens_used", count().description(Some("Of ended requests, as charged.")))
            .property("rpm_remaining", or_null(Type::Integer, count()))
            .property("tpm_remaining", or_null(Type::Integer, count()))
            .property("last_request_time", or_null(Type::String, super::parts::time()))
            .property("avg_latency_ms", ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0_u64)))
            .property("learned_estimate", count())
            .property("tpm_balance", balance())
            .property("limits", ArrayBuilder::new().items(limit_standing()))
            .property("limit_dropped", count()),
    );
}

/// All that can be said of a client, where nothing has to be.
fn fields() -> ObjectBuilder {
    let (group, plan) = (or_null(Type::String, group()), or_null(Type::String, name()));
    with_names(settings(), group, plan, identities()).property("client_id", client_id())
}

/// The same in a document, which has the client's id before it.
pub(super) fn entry(notation: Notation) -> ObjectBuilder {
    let identities = list(text_in(notation, identity()), IDENTITIES_MAX).unique_items(true);
    let (group, plan) = (text_or_null_in(notation, group()), text_or_null_in(notation, name()));
    with_names(settings(), group, plan, identities)
}

fn settings() -> ObjectBuilder {
    object()
        .property("rpm", per_minute("Requests"))
        .property("tpm", per_minute("Tokens"))
        .property("enabled", enabled())
        .property("min_estimate", or_null(Type::Integer, min_estimate()))
}

fn with_names(
    of: ObjectBuilder,
    group: ObjectBuilder,
    plan: ObjectBuilder,
    identities: ArrayBuilder,
) -> ObjectBuilder {
    let identities =
        identities.schema_type([Type::Array, Type::Null].into_iter().collect::<SchemaType>());
    of.property("group", group).property("plan", plan).property("identities", identities)
}

fn per_minute(what: &str) -> ObjectBuilder {
    let description = format!("{what} a minute; null is no limit.");
    or_null(Type::Integer, integer(1, PER_MINUTE_MAX)).description(Some(description))
}

fn enabled() -> ObjectBuilder {
    yes_or_no().description(Some("Whether the limits are in force; true where it is absent."))
}

fn min_estimate() -> ObjectBuilder {
    integer(0, AMOUNT_MAX).description(Some("Tokens that a request reserves at least."))
}

fn identities() -> ArrayBuilder {
    list(identity(), IDENTITIES_MAX)
        .unique_items(true)
        .description(Some("What verified requests are known by, each one client's only."))
}

fn balance() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).description(Some("Negative in debt."))
}

fn limit_standing() -> ObjectBuilder {
    with(
        ["name", "measure", "limit", "remaining", "would_refuse", "refused"],
        object()
            .property("name", super::names::limit_name())
            .property("measure", word(super::limits::MEASURES))
            .property("limit", integer(1, AMOUNT_MAX))
            .property(
                "burst",
                integer(1, AMOUNT_MAX)
                    .description(Some("What a full bucket holds, where that is less.")),
            )
            .property("remaining", count())
            .property("balance", balance())
            .property("full_in_ms", count())
            .property("mode", word(["shadow"]))
            .property("would_refuse", count())
            .property("refused", count()),
    )
}
