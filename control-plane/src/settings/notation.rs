//! How the values of one setting are written, where their type alone does not say it.

use std::{num::NonZeroU16, ops::RangeInclusive, path::PathBuf};

use limiter::Tokens;
use proto::plugin_config::{ExemptPath, HeaderName, IdentityClaim, IdentityHeaders, ModelFrom};

use super::value::{Value, number};
use crate::store::{
    self,
    shared::{StoreUrl, StoreUrlError},
};

/// How values of a type are written, and which of them are allowed.
pub(crate) trait Notation<T> {
    /// The value that is written so.
    fn parse(&self, text: &str) -> Option<T>;

    /// The value as [`Self::parse`] reads it.
    fn text(&self, value: &T) -> String;

    /// Which values are allowed, as it is said after one that is not.
    fn allowed(&self) -> String;

    /// The same after one that is written so, where more can be said of it.
    fn allowed_instead_of(&self, _text: &str) -> String {
        self.allowed()
    }

    /// The port that is listened on by `value`, if it is a port and not any free one.
    fn port(&self, _value: &T) -> Option<NonZeroU16> {
        None
    }
}

/// The notation that a type has everywhere.
pub(crate) struct Plain;

impl<T: Value> Notation<T> for Plain {
    fn parse(&self, text: &str) -> Option<T> {
        T::parse(text)
    }

    fn text(&self, value: &T) -> String {
        value.text()
    }

    fn allowed(&self) -> String {
        T::allowed()
    }

    fn port(&self, value: &T) -> Option<NonZeroU16> {
        value.port()
    }
}

/// An integer in this range.
impl Notation<u64> for RangeInclusive<u64> {
    fn parse(&self, text: &str) -> Option<u64> {
        number(text).filter(|number| self.contains(number))
    }

    fn text(&self, value: &u64) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        format!("an integer from {} to {}", self.start(), self.end())
    }
}

impl Notation<Tokens> for RangeInclusive<u64> {
    fn parse(&self, text: &str) -> Option<Tokens> {
        Notation::<u64>::parse(self, text).and_then(|number| Tokens::new(number).ok())
    }

    fn text(&self, value: &Tokens) -> String {
        value.text()
    }

    fn allowed(&self) -> String {
        Notation::<u64>::allowed(self)
    }
}

/// So many bytes; the bounds are told in binary units too.
pub(super) struct Bytes(pub(super) RangeInclusive<u64>);

impl Notation<u64> for Bytes {
    fn parse(&self, text: &str) -> Option<u64> {
        Notation::<u64>::parse(&self.0, text)
    }

    fn text(&self, value: &u64) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        let (least, most) = (self.0.start(), self.0.end());
        format!(
            "an integer from {least} ({}) to {most} ({})",
            in_binary_units(*least),
            in_binary_units(*most)
        )
    }
}

fn in_binary_units(bytes: u64) -> String {
    let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1, "bytes"));
    format!("{} {name}", bytes / unit)
}

/// A text that is not empty, of which this is said. A key or a token is none: it was given in the place
/// of its file, and would be shown with what is made of the text.
pub(crate) struct NonEmpty(pub(crate) &'static str);

impl Notation<String> for NonEmpty {
    fn parse(&self, text: &str) -> Option<String> {
        let is_one = !text.is_empty() && proto::secret_in(text.as_bytes()).is_none();
        is_one.then(|| text.to_owned())
    }

    fn text(&self, value: &String) -> String {
        value.clone()
    }

    fn allowed(&self) -> String {
        self.0.to_owned()
    }
}

/// A port, or nothing.
pub(super) struct OptionalPort;

impl Notation<Option<u16>> for OptionalPort {
    fn parse(&self, text: &str) -> Option<Option<u16>> {
        if text.is_empty() { Some(None) } else { u16::parse(text).map(Some) }
    }

    fn text(&self, port: &Option<u16>) -> String {
        port.map(|port| port.to_string()).unwrap_or_default()
    }

    fn allowed(&self) -> String {
        "a port from 1 to 65535, 0 for any free one, or nothing".to_owned()
    }

    fn port(&self, port: &Option<u16>) -> Option<NonZeroU16> {
        port.and_then(NonZeroU16::new)
    }
}

/// A path, or nothing, of which this is said.
pub(super) struct OptionalPath(pub(super) &'static str);

/// Text, or nothing.
pub(crate) struct OptionalText;

impl Notation<String> for OptionalText {
    fn parse(&self, text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn text(&self, value: &String) -> String {
        value.clone()
    }

    fn allowed(&self) -> String {
        "text, or nothing".to_owned()
    }
}

impl Notation<Option<PathBuf>> for OptionalPath {
    fn parse(&self, text: &str) -> Option<Option<PathBuf>> {
        Some((!text.is_empty()).then(|| text.into()))
    }

    fn text(&self, path: &Option<PathBuf>) -> String {
        path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }

    fn allowed(&self) -> String {
        self.0.to_owned()
    }
}

/// For a file that another program opens.
impl Notation<Option<String>> for OptionalPath {
    fn parse(&self, text: &str) -> Option<Option<String>> {
        Some((!text.is_empty()).then(|| text.to_owned()))
    }

    fn text(&self, path: &Option<String>) -> String {
        path.clone().unwrap_or_default()
    }

    fn allowed(&self) -> String {
        self.0.to_owned()
    }
}

/// The store that is shared, or nothing, of which this is said.
pub(super) struct Optional(pub(super) &'static str);

impl Notation<Option<StoreUrl>> for Optional {
    fn parse(&self, text: &str) -> Option<Option<StoreUrl>> {
        if text.is_empty() { Some(None) } else { StoreUrl::parse(text).ok().map(Some) }
    }

    fn text(&self, url: &Option<StoreUrl>) -> String {
        url.as_ref().map(StoreUrl::to_string).unwrap_or_default()
    }

    fn allowed(&self) -> String {
        self.0.to_owned()
    }

    fn allowed_instead_of(&self, text: &str) -> String {
        match StoreUrl::parse(text) {
            Ok(_) | Err(StoreUrlError::Scheme) => self.allowed(),
            Err(error) => error.to_string(),
        }
    }
}

/// What a store's keys begin with.
pub(super) struct StorePrefix;

impl Notation<String> for StorePrefix {
    fn parse(&self, text: &str) -> Option<String> {
        let is_text = |text: &&str| {
            (1..=store::shared::Config::PREFIX_LEN_MAX).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        Some(text).filter(is_text).map(ToOwned::to_owned)
    }

    fn text(&self, prefix: &String) -> String {
        prefix.clone()
    }

    fn allowed(&self) -> String {
        format!(
            "1 to {} ASCII characters without spaces, such as {{flowguard}}:",
            store::shared::Config::PREFIX_LEN_MAX
        )
    }
}

/// Places in which a model is looked for, in their order.
pub(super) struct ModelPlaces;

impl Notation<Vec<ModelFrom>> for ModelPlaces {
    fn parse(&self, text: &str) -> Option<Vec<ModelFrom>> {
        let places = text.split(',').map(|place| ModelFrom::parse(place.trim()));
        places.collect::<Option<Vec<_>>>().filter(|places| ModelFrom::are_an_order(places))
    }

    fn text(&self, places: &Vec<ModelFrom>) -> String {
        places.iter().map(Value::text).collect::<Vec<_>>().join(",")
    }

    fn allowed(&self) -> String {
        "path, header, or both in the order in which they are tried, separated by a comma"
            .to_owned()
    }
}

/// The name of the header that says the model.
pub(super) struct ModelHeaderName;

impl Notation<String> for ModelHeaderName {
    fn parse(&self, text: &str) -> Option<String> {
        HeaderName::parse(text).map(|name| name.as_str().to_owned())
    }

    fn text(&self, name: &String) -> String {
        name.clone()
    }

    fn allowed(&self) -> String {
        format!("the name of a header, 1 to {} characters of A-Z a-z 0-9 -", HeaderName::BYTES_MAX)
    }
}

/// Names of headers in which a key is looked for, separated by commas.
pub(super) struct KeyHeaders;

impl Notation<Vec<String>> for KeyHeaders {
    fn parse(&self, text: &str) -> Option<Vec<String>> {
        IdentityHeaders::parse(text.split(',').map(str::trim)).map(|headers| headers.names())
    }

    fn text(&self, names: &Vec<String>) -> String {
        names.join(",")
    }

    fn allowed(&self) -> String {
        format!(
            "1 to {} different names of headers, each of A-Z a-z 0-9 -, separated by commas, and none \
             that a request needs itself (such as host, content-type, te or x-client-id)",
            IdentityHeaders::COUNT_MAX
        )
    }
}

/// The way to a claim. A list in JSON: names of claims contain whatever else could separate them.
pub(super) struct ClaimWay;

impl Notation<Vec<String>> for ClaimWay {
    fn parse(&self, text: &str) -> Option<Vec<String>> {
        let names: Vec<String> = serde_json::from_str(text).ok()?;
        IdentityClaim::parse(&names).map(|claim| claim.segments().to_vec())
    }

    fn text(&self, names: &Vec<String>) -> String {
        // Texts are always JSON.
        serde_json::to_string(names).unwrap_or_default()
    }

    fn allowed(&self) -> String {
        format!(
            r#"a JSON list of 2 to {} names, that of Envoy's filter first, such as ["envoy.filters.http.jwt_authn","payload","sub"]"#,
            IdentityClaim::COUNT_MAX
        )
    }
}

/// Paths as the filter takes them, separated by commas.
pub(super) struct ExemptPaths;

impl Notation<Vec<String>> for ExemptPaths {
    fn parse(&self, text: &str) -> Option<Vec<String>> {
        if text.trim().is_empty() {
            return Some(Vec::new());
        }
        let paths = text.split(',').map(|path| ExemptPath::parse(path.trim()));
        let paths: Vec<_> =
            paths.map(|path| Some(path?.as_str().to_owned())).collect::<Option<_>>()?;
        (paths.len() <= ExemptPath::COUNT_MAX).then_some(paths)
    }

    fn text(&self, paths: &Vec<String>) -> String {
        paths.join(",")
    }

    fn allowed(&self) -> String {
        format!(
            "up to {} paths such as /healthz or /static/*, of at most {} bytes, separated by \
             commas, without % ? # ; \\ // and segments . or ..",
            ExemptPath::COUNT_MAX,
            ExemptPath::BYTES_MAX
        )
    }
}
