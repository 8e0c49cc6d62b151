//! What schemas are put together from.

use utoipa::openapi::{
    KnownFormat, RefOr, SchemaFormat,
    schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Ref, Schema, SchemaType, Type},
};

use crate::operator::Notation;

/// Describes things under the names by which other descriptions and calls refer to them.
macro_rules! described {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)+) => {$(
        $(#[$doc])*
        pub(in crate::operator::rest) enum $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $schema.into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )+};
}

pub(super) use described;

/// A text.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// One of these texts.
pub(super) fn word(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    text().enum_values(Some(words))
}

/// A text that says when.
pub(super) fn time() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// An integer of these.
pub(super) fn integer(min: u64, max: u64) -> ObjectBuilder {
    count().minimum(Some(min)).maximum(Some(max))
}

/// How much there is, or was, of something.
pub(super) fn count() -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).minimum(Some(0_u64))
}

/// Yes or no.
pub(super) fn yes_or_no() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// What is of this type otherwise, or `null`.
pub(super) fn or_null(otherwise: Type, of: ObjectBuilder) -> ObjectBuilder {
    of.schema_type([otherwise, Type::Null].into_iter().collect::<SchemaType>())
}

/// A text of a document: in YAML it need not be quoted even where it looks like something else.
pub(super) fn text_in(notation: Notation, of: ObjectBuilder) -> ObjectBuilder {
    of.schema_type(text_types(notation).collect::<SchemaType>())
}

/// The same, or `null`.
pub(super) fn text_or_null_in(notation: Notation, of: ObjectBuilder) -> ObjectBuilder {
    of.schema_type(text_types(notation).chain([Type::Null]).collect::<SchemaType>())
}

fn text_types(notation: Notation) -> impl Iterator<Item = Type> {
    let unquoted = match notation {
        Notation::Json => &[][..],
        Notation::Yaml => &[Type::Number, Type::Boolean],
    };
    [Type::String].into_iter().chain(unquoted.iter().cloned())
}

/// `null`, which says what an absent field says.
pub(super) fn null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}

/// An object of the fields that are added, and no others.
pub(super) fn object() -> ObjectBuilder {
    let others = AdditionalProperties::<Schema>::FreeForm(false);
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(others))
}

/// An object of any number of such values, by such names.
pub(super) fn map(names: ObjectBuilder, values: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    let values = AdditionalProperties::RefOr(values.into());
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(names))
        .additional_properties(Some(values))
}

/// A list of at most so many such values.
pub(super) fn list(items: impl Into<RefOr<Schema>>, max: usize) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into()).max_items(Some(max))
}

/// Which fields an object has to have.
pub(super) fn with(
    fields: impl IntoIterator<Item = &'static str>,
    of: ObjectBuilder,
) -> ObjectBuilder {
    fields.into_iter().fold(of, ObjectBuilder::required)
}

/// What a write says that it did.
pub(super) fn done() -> ObjectBuilder {
    object().property("success", yes_or_no()).property("message", text())
}

/// The same, with what is configured now.
pub(super) fn written(what: &str) -> ObjectBuilder {
    let config = done().property("config", Ref::from_schema_name(what));
    with(["success", "message", "config"], config)
}
