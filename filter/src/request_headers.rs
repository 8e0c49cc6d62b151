//! Reads the two headers of a request. Any bytes may arrive here.

use limiter::{ClientId, InvalidClientId, PER_MINUTE_MAX, Tokens};
use proto::plugin_config::Estimate;

use crate::{
    header_map::{HeaderMap, Occurrence},
    identity::{CLIENT_ID, Who},
    request_kind::RequestKind,
};

const TOKEN_ESTIMATE: &str = "x-token-estimate";

/// Who asks, for how much.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestHeaders<'a> {
    /// Who asks.
    pub who: Who<'a>,
    /// The estimate; `None` only where it may be missing.
    pub tokens: Option<Tokens>,
    /// What it is for.
    pub kind: RequestKind,
}

/// The first thing that is wrong with a request's headers, in the order of section 2 of
/// docs/contract.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidHeaders {
    /// No `X-Client-ID`.
    NoClientId,
    /// No `X-Token-Estimate`.
    NoTokenEstimate,
    /// `X-Client-ID` is not a client id, or is a key.
    ClientId,
    /// `X-Client-ID` is there more than once.
    RepeatedClientId,
    /// `X-Token-Estimate` is not a number of tokens, or is there more than once.
    TokenEstimate,
}

impl<'a> RequestHeaders<'a> {
    /// Reads both. Checks presence first, then the client id, then the estimate.
    pub fn read(headers: &'a HeaderMap, estimate: Estimate) -> Result<Self, InvalidHeaders> {
        let client_id = headers.occurrence(CLIENT_ID);
        let tokens = headers.occurrence(TOKEN_ESTIMATE);
        let client_id = match (client_id, tokens) {
            (Occurrence::None, _) => return Err(InvalidHeaders::NoClientId),
            (_, Occurrence::None) if estimate == Estimate::Header => {
                return Err(InvalidHeaders::NoTokenEstimate);
            }
            (Occurrence::Many, _) => return Err(InvalidHeaders::RepeatedClientId),
            // An id is shown and logged wherever it is counted.
            (Occurrence::One(bytes), _) if proto::secret_in(bytes).is_some() => {
                return Err(InvalidHeaders::ClientId);
            }
            (Occurrence::One(bytes), _) => {
                ClientId::check(bytes).map_err(|InvalidClientId| InvalidHeaders::ClientId)?
            }
        };
        let tokens = self::tokens(tokens)?;
        Ok(Self { who: Who::ClientId(client_id), tokens, kind: RequestKind::of(headers) })
    }

    /// Reads the rest where it is known who asks: the estimate may then be missing.
    pub(crate) fn read_of(who: Who<'a>, headers: &HeaderMap) -> Result<Self, InvalidHeaders> {
        let tokens = tokens(headers.occurrence(TOKEN_ESTIMATE))?;
        Ok(Self { tokens, ..Self::without_estimate(who, headers) })
    }

    /// The same without looking at the estimate.
    pub(crate) fn without_estimate(who: Who<'a>, headers: &HeaderMap) -> Self {
        Self { who, tokens: None, kind: RequestKind::of(headers) }
    }
}

fn tokens(estimate: Occurrence<'_>) -> Result<Option<Tokens>, InvalidHeaders> {
    match estimate {
        Occurrence::None => Ok(None),
        Occurrence::One(digits) => {
            parse_tokens(digits).map(Some).ok_or(InvalidHeaders::TokenEstimate)
        }
        Occurrence::Many => Err(InvalidHeaders::TokenEstimate),
    }
}

/// Decimal digits alone, at most [`PER_MINUTE_MAX`]; leading zeros are digits.
fn parse_tokens(digits: &[u8]) -> Option<Tokens> {
    if digits.is_empty() {
        return None;
    }
    let tokens = digits.iter().try_fold(0_u64, |tokens, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        // Below the maximum before each step, so that ten times as much cannot overflow.
        Some(tokens * 10 + u64::from(digit)).filter(|tokens| *tokens <= PER_MINUTE_MAX)
    })?;
    Tokens::new(tokens).ok()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::header_map::headers;

    fn check(pairs: &[(&str, &[u8])], expected: Result<(&str, u64), InvalidHeaders>) {
        let expected = expected.map(|(client_id, tokens)| (client_id, Some(tokens)));
        check_with(Estimate::Header, pairs, expected);
    }

    fn check_with(
        estimate: Estimate,
        pairs: &[(&str, &[u8])],
        expected: Result<(&str, Option<u64>), InvalidHeaders>,
    ) {
        let headers = headers(pairs);
        let read = RequestHeaders::read(&headers, estimate)
            .map(|read| (read.who, read.tokens.map(Tokens::get)));
        let expected = expected.map(|(client_id, tokens)| (Who::ClientId(client_id), tokens));
        assert_eq!(read, expected, "{pairs:?}");
    }

    #[test]
    fn both_headers_are_read() {
        check(&[("x-client-id", b"a"), ("x-token-estimate", b"0")], Ok(("a", 0)));
        check(
            &[(":path", b"/"), ("x-token-estimate", b"000150"), ("x-client-id", b"a.B_c:d@e-9")],
            Ok(("a.B_c:d@e-9", 150)),
        );
        check(
            &[("x-client-id", b"a"), ("x-token-estimate", b"1000000000000")],
            Ok(("a", 1_000_000_000_000)),
        );
    }

    #[test]
    fn presence_is_checked_before_content() {
        check(&[], Err(InvalidHeaders::NoClientId));
        check(&[("x-token-estimate", b"bad")], Err(InvalidHeaders::NoClientId));
        check(&[("x-client-id", b"\xff")], Err(InvalidHeaders::NoTokenEstimate));
        check(
            &[("x-client-id", b"\xff"), ("x-token-estimate", b"bad")],
            Err(InvalidHeaders::ClientId),
        );
    }

    #[test]
    fn a_key_is_no_id() {
        for key in [&b"fgk_abcDEF123456_0123456789"[..], b"fga_abcDEF123456_0123456789"] {
            check(
                &[("x-client-id", key), ("x-token-estimate", b"1")],
                Err(InvalidHeaders::ClientId),
            );
        }
    }

    #[test]
    fn ids_that_are_no_ids_are_refused() {
        let long = [b'a'; 129];
        for id in [
            &b""[..],
            b"a,b",
            b"a b",
            b"\xc3\xa9",
            b"\xff\xfe",
            b"a\r\nb",
            b"a\\b",
            b".",
            b"..",
            &long,
        ] {
            let pairs = [("x-client-id", id), ("x-token-estimate", b"1")];
            check(&pairs, Err(InvalidHeaders::ClientId));
        }
    }

    #[test]
    fn estimates_that_are_no_whole_numbers_are_refused() {
        for estimate in [
            &b""[..],
            b"-1",
            b"+1",
            b"1.0",
            b"1e3",
            b"0x10",
            b" 1",
            b"1,2",
            b"\xff",
            b"1000000000001",
            b"99999999999999999999999",
        ] {
            let pairs = [("x-client-id", &b"a"[..]), ("x-token-estimate", estimate)];
            check(&pairs, Err(InvalidHeaders::TokenEstimate));
        }
    }

    #[test]
    fn a_header_given_twice_is_refused_even_when_both_agree() {
        let (id, estimate) = (("x-client-id", &b"a"[..]), ("x-token-estimate", &b"1"[..]));
        check(&[id, estimate, id], Err(InvalidHeaders::RepeatedClientId));
        check(&[id, estimate, estimate], Err(InvalidHeaders::TokenEstimate));
    }

    #[test]
    fn who_is_known_otherwise_may_say_no_estimate_but_no_wrong_one() {
        let read = |pairs: &[(&str, &[u8])]| {
            let who = Who::Identity("a".to_owned());
            let headers = headers(pairs);
            RequestHeaders::read_of(who, &headers).map(|read| read.tokens.map(Tokens::get))
        };
        let estimate = ("x-token-estimate", &b"7"[..]);
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[estimate, ("x-client-id", b"\xff")]), Ok(Some(7)));
        assert_eq!(read(&[estimate, estimate]), Err(InvalidHeaders::TokenEstimate));
        assert_eq!(read(&[("x-token-estimate", b"-7")]), Err(InvalidHeaders::TokenEstimate));
    }

    #[test]
    fn an_estimate_that_is_learned_may_be_missing_but_not_wrong() {
        let (id, estimate) = (("x-client-id", &b"a"[..]), ("x-token-estimate", &b"7"[..]));
        let check = |pairs: &[_], expected| check_with(Estimate::Learned, pairs, expected);
        check(&[id], Ok(("a", None)));
        check(&[id, estimate], Ok(("a", Some(7))));
        check(&[id, ("x-token-estimate", b"")], Err(InvalidHeaders::TokenEstimate));
        check(&[id, ("x-token-estimate", b"-7")], Err(InvalidHeaders::TokenEstimate));
        check(&[id, estimate, estimate], Err(InvalidHeaders::TokenEstimate));
        check(&[estimate], Err(InvalidHeaders::NoClientId));
        check(&[("x-client-id", b"\xff")], Err(InvalidHeaders::ClientId));
        check(&[id, id], Err(InvalidHeaders::RepeatedClientId));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            id in vec(any::<u8>(), 0..200),
            estimate in vec(any::<u8>(), 0..40),
        ) {
            let headers = headers(&[("x-client-id", &id), ("x-token-estimate", &estimate)]);
            if let Ok(read) = RequestHeaders::read(&headers, Estimate::Header) {
                prop_assert_eq!(read.who.as_bytes(), &id[..]);
                let text = std::str::from_utf8(&estimate).unwrap();
                prop_assert_eq!(read.tokens.map(Tokens::get), Some(text.parse().unwrap()));
            }
        }
    }
}
