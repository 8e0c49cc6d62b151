//! What calls say in their paths, in their queries and in their headers.

use limiter::AMOUNT_MAX;
use proto::MODEL_NAME_BYTES_MAX;
use utoipa::{
    IntoParams,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::ObjectBuilder,
    },
};

use super::{
    names::{client_filter, client_id, group, limit_name, name, public_part},
    parts::{integer, text},
};
use crate::{
    events::Topic,
    operator::{
        audited::ENTRIES_AT_A_TIME_MAX, bucket_page::BUCKETS_AT_A_TIME_MAX, page::PAGE_MAX,
        past::DECISIONS_AT_A_TIME_MAX,
    },
};

macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident = [$($parameter:expr),+];)+) => {$(
        $(#[$doc])*
        pub(in crate::operator::rest) enum $name {}

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$($parameter.build()),+]
            }
        }
    )+};
}

parameters! {
    /// Which client.
    ClientInPath = [in_path("id", client_id(), "The client's id; a slash in it is %2F.")];
    /// Which limit.
    LimitInPath = [in_path("name", limit_name(), "The limit's name.")];
    /// Which model.
    ModelInPath = [in_path("name", name(), "The model's name.")];
    /// Which key or token.
    PartInPath = [in_path("part", public_part(), "The public part.")];
    /// Which file of the console.
    FileInPath = [in_path("path", text(), "The file's path in the folder of the console.")];
    /// On which condition.
    Condition = [if_match()];
    /// On which condition, of what can be created.
    ConditionOfNew = [if_match(), if_absent()];
    /// What the caller has already.
    Cached = [if_none_match()];
    /// Which part of a limit's buckets.
    BucketPage = [
        in_query("limit", integer(1, BUCKETS_AT_A_TIME_MAX as u64), "How many at most; 100 otherwise."),
        in_query("cursor", text().pattern(Some("^[^,]*,[^,]*,[^,]*,[^,]*$")), CURSOR)
    ];
    /// Which part of all clients.
    ClientPage = [
        in_query("limit", integer(1, PAGE_MAX as u64), LIMIT),
        in_query("cursor", client_id(), CURSOR),
        in_query("prefix", text(), PREFIX)
    ];
    /// Which part of all limits.
    LimitPage = [
        in_query("limit", integer(1, PAGE_MAX as u64), LIMIT),
        in_query("cursor", limit_name(), CURSOR),
        in_query("prefix", text(), PREFIX)
    ];
    /// Which part of all models.
    ModelPage = [
        in_query("limit", integer(1, PAGE_MAX as u64), LIMIT),
        in_query("cursor", name(), CURSOR),
        in_query("prefix", text(), PREFIX)
    ];
    /// Which part of keys or tokens.
    PartPage = [
        in_query("limit", integer(1, PAGE_MAX as u64), LIMIT),
        in_query("cursor", public_part(), CURSOR),
        in_query("prefix", text(), PREFIX)
    ];
    /// Of which request it is asked what would be decided.
    Question = [
        in_query("tokens", integer(0, AMOUNT_MAX), "The tokens that it says it needs."),
        in_query("model", request_model(), "The model that it names.")
    ];
    /// Which lines of the audit.
    AuditPage = [
        in_query("object", text(), "Those on one thing alone, as in client/acme."),
        in_query("limit", integer(1, ENTRIES_AT_A_TIME_MAX as u64), "How many at most; 100 otherwise."),
        in_query("cursor", text().pattern(Some("^[0-9]{1,19}$")), CURSOR)
    ];
    /// Which decisions.
    DecisionPage = [
        in_query("limit", integer(1, DECISIONS_AT_A_TIME_MAX as u64), "How many at most; 100 otherwise."),
        in_query("cursor", text().pattern(Some("^[0-9a-f]{1,16}-[0-9]{1,20}$")), CURSOR)
    ];
    /// Which events, and from where on.
    EventWish = [
        in_query("topics", topics(), TOPICS),
        in_query("client", client_filter(), "Of this client alone, or of those whose ids begin with what stands before a *."),
        in_query("group", group(), "Of clients in this group, and beneath it."),
        last_event_id()
    ];
    /// Whether anything is changed.
    DryRun = [
        in_query(
            "dry_run",
            text().enum_values(Some(["true", "false"])),
            "true tells the same and changes nothing."
        )
    ];
}

/// Words with commas between.
fn topics() -> ObjectBuilder {
    let words = Topic::ALL.map(Topic::word).join("|");
    text().pattern(Some(format!("^(?:{words})(?:,(?:{words}))*$")))
}

const CURSOR: &str = "An earlier answer's next_cursor.";

const LIMIT: &str = "How many at most; all otherwise.";

const PREFIX: &str = "Those alone that begin with it; the same on all pages of a list.";

/// The name of a model, as a request can have it.
fn request_model() -> ObjectBuilder {
    let pattern = "^[A-Za-z0-9._:@+=~/-]+$";
    text().min_length(Some(1)).max_length(Some(MODEL_NAME_BYTES_MAX)).pattern(Some(pattern))
}

const TOPICS: &str = "One or more of clients, limits, config, refusals, workers, replicas and failures, with \
                      commas between; all of them otherwise.";

fn last_event_id() -> ParameterBuilder {
    let description = "The id of the last event that was heard: those after it follow.";
    parameter(ParameterIn::Header, "last-event-id", text(), description)
}

fn in_path(name: &str, schema: ObjectBuilder, description: &str) -> ParameterBuilder {
    parameter(ParameterIn::Path, name, schema, description).required(Required::True)
}

fn in_query(name: &str, schema: ObjectBuilder, description: &str) -> ParameterBuilder {
    parameter(ParameterIn::Query, name, schema, description)
}

fn if_match() -> ParameterBuilder {
    let description = "Tags of which the thing has to have one, or * for whatever is there.";
    parameter(ParameterIn::Header, "if-match", text(), description)
}

fn if_absent() -> ParameterBuilder {
    let description = "Only if nothing is there that has the name.";
    parameter(ParameterIn::Header, "if-none-match", text().enum_values(Some(["*"])), description)
}

fn if_none_match() -> ParameterBuilder {
    let description = "Tags of what the caller has already, or * for anything.";
    parameter(ParameterIn::Header, "if-none-match", text(), description)
}

fn parameter(
    place: ParameterIn,
    name: &str,
    schema: ObjectBuilder,
    description: &str,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
}
