//! The headers of a request or a response, and every way to look something up in them.

/// Names in lower case, any bytes as values, in the order in which they came; repeated ones repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderMap(Vec<(String, Vec<u8>)>);

/// How often a header is there. A second one must not be overlooked: a proxy behind this one might
/// read that instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occurrence<'a> {
    /// Not at all.
    None,
    /// Once, with this value.
    One(&'a [u8]),
    /// More than once.
    Many,
}

impl From<Vec<(String, Vec<u8>)>> for HeaderMap {
    /// As the host gives them.
    fn from(mut fields: Vec<(String, Vec<u8>)>) -> Self {
        for (name, _) in &mut fields {
            name.make_ascii_lowercase();
        }
        Self(fields)
    }
}

/// Every `name` is in lower case.
impl HeaderMap {
    /// All of them, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The values of a header, in their order.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(header, _)| *header == name).map(|(_, value)| value)
    }

    /// The members of a header that is a list, in one value or in several.
    pub(crate) fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
    }

    /// The value of a header's first occurrence.
    pub(crate) fn first<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// How often a header is there.
    pub(crate) fn occurrence(&self, name: &str) -> Occurrence<'_> {
        let mut values = self.iter().filter(|(header, _)| *header == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) => Occurrence::None,
            (Some(value), None) => Occurrence::One(value),
            (Some(_), Some(_)) => Occurrence::Many,
        }
    }

    /// Whether a header is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Whether a header is there for a server that hands headers on as variables (CGI), where an
    /// underscore is a hyphen.
    pub(crate) fn has_as_variable(&self, name: &str) -> bool {
        self.iter().any(|(header, _)| {
            let hyphened = header.bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
            header.len() == name.len() && hyphened.eq(name.bytes())
        })
    }
}

/// Headers of text or of bytes.
#[cfg(test)]
pub(crate) fn headers<V: AsRef<[u8]>>(pairs: &[(&str, V)]) -> HeaderMap {
    let field = |(name, value): &(&str, V)| ((*name).to_owned(), value.as_ref().to_vec());
    pairs.iter().map(field).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_by_its_name_however_the_host_writes_it() {
        let map = headers(&[("X-A", "1"), ("b", ""), ("x-a", "2, 3 ,")]);
        assert_eq!(map.first("x-a"), Some(&b"1"[..]));
        assert_eq!(map.values("x-a").collect::<Vec<_>>(), [&b"1"[..], b"2, 3 ,"]);
        assert_eq!(map.members("x-a").collect::<Vec<_>>(), [&b"1"[..], b"2", b"3", b""]);
        assert!(map.has("b") && !map.has("c"));
    }

    #[test]
    fn a_header_that_is_there_twice_is_told_apart_from_one() {
        let map = headers(&[("a", "1"), ("b", ""), ("a", "1")]);
        assert_eq!(map.occurrence("a"), Occurrence::Many);
        assert_eq!(map.occurrence("b"), Occurrence::One(b""));
        assert_eq!(map.occurrence("c"), Occurrence::None);
    }

    #[test]
    fn as_a_variable_an_underscore_is_a_hyphen() {
        let map = headers(&[("x_a-b", "")]);
        assert!(map.has_as_variable("x-a-b") && !map.has("x-a-b"));
        assert!(!map.has_as_variable("x-a") && !map.has_as_variable("x-a-b-"));
    }
}
