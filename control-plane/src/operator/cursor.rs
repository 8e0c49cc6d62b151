//! Where a list of a limit's buckets goes on, as a text that is safe in a URL as it is.

use limiter::ClientId;

use crate::{
    ledger::BucketOf,
    limits::{Group, ModelName, Name},
};

/// Between the four parts; no name has one.
const SEPARATOR: char = ',';

/// Text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidCursor;

/// The cursor behind a bucket.
pub(super) fn write(bucket: &BucketOf) -> String {
    let BucketOf { client, group, plan, model } = bucket;
    let parts = [
        client.as_ref().map(ClientId::as_str),
        group.as_ref().map(Group::as_str),
        plan.as_ref().map(Name::as_str),
        model.as_ref().map(ModelName::as_str),
    ];
    parts.map(Option::unwrap_or_default).join(&SEPARATOR.to_string())
}

/// The bucket behind which it goes on.
pub(super) fn read(text: &str) -> Result<BucketOf, InvalidCursor> {
    let mut parts = text.split(SEPARATOR);
    let mut part = || parts.next().ok_or(InvalidCursor);
    let (client, group, plan, model) = (part()?, part()?, part()?, part()?);
    if parts.next().is_some() {
        return Err(InvalidCursor);
    }
    Ok(BucketOf {
        client: optional(client, |text| ClientId::try_from(text))?,
        group: optional(group, |text| Group::try_from(text))?,
        plan: optional(plan, |text| Name::try_from(text))?,
        model: optional(model, |text| match text {
            ClientId::OTHER => Ok(ModelName::Other),
            text => Name::try_from(text).map(ModelName::Named),
        })?,
    })
}

fn optional<T, E>(
    text: &str,
    new: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, InvalidCursor> {
    match text {
        "" => Ok(None),
        text => new(text).map(Some).map_err(|_| InvalidCursor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let name = |text| Name::try_from(text).expect("a name");
        for (bucket, text) in [
            (BucketOf::default(), ",,,"),
            (
                BucketOf {
                    client: ClientId::try_from("team/a+b=c").ok(),
                    group: Group::try_from("acme/research").ok(),
                    plan: Some(name("pro")),
                    model: Some(ModelName::Named(name("gpt-4o"))),
                },
                "team/a+b=c,acme/research,pro,gpt-4o",
            ),
            (
                BucketOf {
                    client: Some(ClientId::unknown()),
                    model: Some(ModelName::Other),
                    ..BucketOf::default()
                },
                "unknown,,,other",
            ),
        ] {
            assert_eq!(write(&bucket), text);
            assert_eq!(read(text), Ok(bucket));
        }
        for text in ["", ",", ",,", ",,,,", "a b,,,", ",/,,", ",,other,", ",,,a/b"] {
            assert_eq!(read(text), Err(InvalidCursor), "{text}");
        }
    }
}
