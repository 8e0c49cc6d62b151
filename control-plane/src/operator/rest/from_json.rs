//! How the values of fields are written in JSON.

use serde_json::value::RawValue;

use crate::{credentials::UnixSeconds, excerpt::Excerpt, operator::Given};

/// What a field can hold.
pub(super) trait FromJson: Sized {
    /// The value that `json`, the text of one JSON value, is; `None` when it is of another type.
    fn read(json: &str) -> Option<Self>;

    fn given(json: &str) -> Given<Self> {
        Self::read(json).map_or_else(|| Given::Wrong(Excerpt::new(json)), Given::Value)
    }
}

impl FromJson for String {
    fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

impl FromJson for bool {
    fn read(json: &str) -> Option<Self> {
        match json {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

/// `null` or a text.
impl FromJson for Option<String> {
    fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// `null` or a number.
impl FromJson for Option<u64> {
    fn read(json: &str) -> Option<Self> {
        // JSON allows neither a plus sign nor leading zeros: what parses here is what JSON calls an
        // integer. A number such as 60.0 or 6e1 is not what anybody means to write as a limit.
        match json {
            "null" => Some(None),
            number => number.parse().ok().map(Some),
        }
    }
}

/// `null` or a time in RFC 3339.
impl FromJson for Option<UnixSeconds> {
    fn read(json: &str) -> Option<Self> {
        match json {
            "null" => Some(None),
            text => UnixSeconds::parse(&String::read(text)?).map(Some),
        }
    }
}

/// `null` or a list of texts.
impl FromJson for Option<Vec<Given<String>>> {
    fn read(json: &str) -> Option<Self> {
        match json {
            "null" => Some(None),
            list => FromJson::read(list).map(Some),
        }
    }
}

/// A list of texts, each of which may be none.
impl FromJson for Vec<Given<String>> {
    fn read(json: &str) -> Option<Self> {
        let list: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        Some(list.into_iter().map(|item| String::given(item.get())).collect())
    }
}
