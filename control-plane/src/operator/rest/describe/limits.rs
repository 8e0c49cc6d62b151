//! Limits beside clients' own, and models.

use limiter::AMOUNT_MAX;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, Type};

use super::{
    names::{client_or_unknown, group, limit_name, model_pattern, name, name_or_other, window},
    parts::{
        count, described, integer, list, map, null, object, or_null, text, text_in, with, word,
        written,
    },
};
use crate::{
    limits::{Each, LIMITS_MAX, LimitMode, MODELS_MAX, PATTERNS_PER_MODEL_MAX},
    operator::{Notation, bucket_page::BUCKETS_AT_A_TIME_MAX},
};

/// What limits count, as fields of one of which a limit has exactly one.
pub(super) const MEASURES: [&str; 3] = ["requests", "tokens", "concurrent"];

/// Where a limit stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In an answer: what is not set is absent.
    Answered,
    /// In a call whose path names it.
    Sent,
    /// In a document, with its name.
    Listed(Notation),
}

described! {
    /// A limit, as it is answered.
    Limit = limit(Form::Answered);
    /// A limit, as it is sent: a `name` is the path's.
    LimitFields = limit(Form::Sent);
    /// A limit in a document.
    LimitEntry = limit(Form::Listed(Notation::Json));
    /// A limit in a document in YAML.
    YamlLimitEntry = limit(Form::Listed(Notation::Yaml));
    /// Limits by their names.
    LimitList = with(
        ["limits", "count"],
        object()
            .property("limits", map(limit_name(), Ref::from_schema_name("Limit")))
            .property("count", integer(0, LIMITS_MAX as u64))
            .property("next_cursor", limit_name()),
    );
    /// What a write made of a limit.
    LimitWritten = written("Limit");
    /// What is left of a limit, bucket by bucket.
    LimitStats = with(
        ["name", "measure", "limit", "refused", "would_refuse", "buckets"],
        object()
            .property("name", limit_name())
            .property("measure", word(MEASURES))
            .property("limit", amount())
            .property("trial", amount())
            .property("refused", count())
            .property("would_refuse", count())
            .property("buckets", list(bucket(), BUCKETS_AT_A_TIME_MAX))
            .property("next_cursor", text()),
    );
    /// A model: the patterns of names that are meant by it.
    Model = patterns();
    /// Models by their names.
    ModelList = with(
        ["models", "count"],
        object()
            .property("models", map(name(), Ref::from_schema_name("Model")))
            .property("count", integer(0, MODELS_MAX as u64))
            .property("next_cursor", name()),
    );
    /// What a write made of a model.
    ModelWritten = written("Model");
}

fn patterns() -> ArrayBuilder {
    list(model_pattern(), PATTERNS_PER_MODEL_MAX).min_items(Some(1)).unique_items(true).description(
        Some("Letters are compared without case, so that two which differ by that alone are one."),
    )
}

/// The same in a document.
pub(super) fn listed_patterns(notation: Notation) -> ArrayBuilder {
    let pattern = text_in(notation, model_pattern());
    list(pattern, PATTERNS_PER_MODEL_MAX).min_items(Some(1)).unique_items(true)
}

/// One shape for each of what a limit can count.
fn limit(form: Form) -> OneOfBuilder {
    MEASURES.into_iter().fold(OneOfBuilder::new(), |of, measure| of.item(counting(measure, form)))
}

fn counting(measure: &'static str, form: Form) -> ObjectBuilder {
    let has_window = measure != "concurrent";
    let (name, matches) = match form {
        Form::Answered | Form::Sent => (limit_name(), matches()),
        Form::Listed(notation) => (text_in(notation, limit_name()), listed_matches(notation)),
    };
    let mut limit = object()
        .property("name", name)
        .property("match", matches)
        .property("each", each())
        .property(measure, amount())
        .property("mode", word(LimitMode::ALL.into_iter().map(LimitMode::word)))
        .property("trial", optional(Type::Integer, amount(), form));
    let mut required = vec!["match", measure];
    if form != Form::Sent {
        required.push("name");
    }
    if has_window {
        required.push("per");
        limit = limit
            .property("per", window())
            .property("burst", optional(Type::Integer, burst(), form));
    }
    if form != Form::Answered {
        // What is null is as if it was absent.
        let mut absent: Vec<_> = MEASURES.into_iter().filter(|other| *other != measure).collect();
        if !has_window {
            absent.extend(["per", "burst"]);
        }
        limit = absent.into_iter().fold(limit, |limit, field| limit.property(field, null()));
    }
    with(required, limit)
}

fn optional(otherwise: Type, of: ObjectBuilder, form: Form) -> ObjectBuilder {
    if form == Form::Answered { of } else { or_null(otherwise, of) }
}

pub(super) fn amount() -> ObjectBuilder {
    integer(1, AMOUNT_MAX)
}

fn burst() -> ObjectBuilder {
    amount().description(Some("Not more than the limit itself, which it is where it is absent."))
}

pub(super) fn matches() -> ObjectBuilder {
    object()
        .property("client", client_or_unknown())
        .property("group", group())
        .property("plan", name())
        .property("model", name_or_other())
        .description(Some("All that are given must hold; a model has to be configured, or other."))
}

/// The same in a document.
fn listed_matches(notation: Notation) -> ObjectBuilder {
    object()
        .property("client", text_in(notation, client_or_unknown()))
        .property("group", text_in(notation, group()))
        .property("plan", text_in(notation, name()))
        .property("model", text_in(notation, name_or_other()))
}

pub(super) fn each() -> ArrayBuilder {
    list(word(Each::WORDS), Each::WORDS.len()).unique_items(true)
}

fn bucket() -> ObjectBuilder {
    with(
        ["remaining"],
        object()
            .property("client", text().description(Some("An id, or unknown.")))
            .property("group", group())
            .property("plan", name())
            .property("model", name_or_other())
            .property("remaining", count())
            .property("trial_remaining", count()),
    )
}
