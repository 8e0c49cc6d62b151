//! Any headers: they are read as a plain reading of the contract reads them, the model included, and
//! what passes without a client is no more than what was exempted.
//!
//! A line of the input is a header, its name before the first colon that is not its first byte.

mod identity;
mod model;

use filter::{Exemptions, HeaderMap, InvalidHeaders, RequestHeaders, RequestKind, Who};
use limiter::Tokens;
use proto::plugin_config::Estimate;

/// The least that is no number of tokens.
const TOKENS_END: u64 = 1_000_000_000_001;

type Fields = Vec<(String, Vec<u8>)>;

/// Reads the headers in `lines`.
pub fn check(lines: &[u8]) {
    let fields: Fields = lines.split(|byte| *byte == b'\n').map(field).collect();
    let headers = HeaderMap::from(fields.clone());
    for estimate in [Estimate::Header, Estimate::Learned] {
        let read = RequestHeaders::read(&headers, estimate);
        let told =
            read.as_ref().map(|read| (client_id_of(&read.who), read.tokens.map(Tokens::get)));
        assert_eq!(told.map_err(|invalid| *invalid), expected(&fields, estimate), "{fields:?}");
        if read.is_ok_and(|read| read.kind == RequestKind::Reads) {
            let [method] = values(&fields, ":method")[..] else { panic!("reads by {fields:?}") };
            assert!([&b"GET"[..], b"HEAD", b"DELETE", b"OPTIONS"].contains(&method), "{fields:?}");
        }
    }
    identity::check(lines, &fields, &headers);
    model::check(&fields, &headers);
    check_exemptions(&fields, &headers);
}

fn client_id_of<'a>(who: &Who<'a>) -> &'a str {
    match who {
        Who::ClientId(id) => id,
        Who::Key(_) | Who::Identity(_) => panic!("known by {who:?}, where the header is believed"),
    }
}

fn field(line: &[u8]) -> (String, Vec<u8>) {
    let colon = line.iter().skip(1).position(|byte| *byte == b':').map(|at| at + 1);
    let (name, value) = line.split_at(colon.unwrap_or(line.len()));
    (String::from_utf8_lossy(name).into_owned(), value.get(1..).unwrap_or_default().to_vec())
}

fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a [u8]> {
    let of_name = fields.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
    of_name.map(|(_, value)| value.as_slice()).collect()
}

/// As section 2 of the contract says.
fn expected(fields: &Fields, estimate: Estimate) -> Result<(&str, Option<u64>), InvalidHeaders> {
    let ids = values(fields, "x-client-id");
    let estimates = values(fields, "x-token-estimate");
    if ids.is_empty() {
        return Err(InvalidHeaders::NoClientId);
    }
    if estimates.is_empty() && estimate == Estimate::Header {
        return Err(InvalidHeaders::NoTokenEstimate);
    }
    let [id] = ids[..] else { return Err(InvalidHeaders::RepeatedClientId) };
    let id = client_id(id).ok_or(InvalidHeaders::ClientId)?;
    match estimates[..] {
        [] => Ok((id, None)),
        [digits] => Ok((id, Some(tokens(digits).ok_or(InvalidHeaders::TokenEstimate)?))),
        _ => Err(InvalidHeaders::TokenEstimate),
    }
}

fn client_id(bytes: &[u8]) -> Option<&str> {
    let id = str::from_utf8(bytes).ok()?;
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "._:@-+|=/~".contains(char);
    let is_one = (1..=128).contains(&id.len()) && id.chars().all(is_allowed);
    (is_one && id != "." && id != ".." && !has_key(bytes)).then_some(id)
}

/// A key or a token, whole or cut: `fgk_` or `fga_`, twelve letters or digits, `_`, and at least one more.
fn has_key(id: &[u8]) -> bool {
    id.windows(18).any(|part| {
        let [f, g, kind, mark, public @ .., underscore, secret] = part else { return false };
        let is_of_key = [*f, *g, *kind, *mark].eq_ignore_ascii_case(b"fgk_")
            || [*f, *g, *kind, *mark].eq_ignore_ascii_case(b"fga_");
        let is_secret = secret.is_ascii_alphanumeric() || *secret == b'_';
        is_of_key
            && public.iter().all(u8::is_ascii_alphanumeric)
            && *underscore == b'_'
            && is_secret
    })
}

fn tokens(digits: &[u8]) -> Option<u64> {
    let text = str::from_utf8(digits).ok()?;
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let tokens = text.parse().ok().filter(|_| is_digits)?;
    (tokens < TOKENS_END).then_some(tokens)
}

fn check_exemptions(fields: &Fields, headers: &HeaderMap) {
    let exemptions = Exemptions::new(&["/health".to_owned(), "/static/*".to_owned()], false);
    let exemptions = exemptions.expect("paths that can be exempt");
    assert!(!exemptions.apply_to(headers, true), "with a body: {fields:?}");
    if !exemptions.apply_to(headers, false) {
        return;
    }
    let [method] = values(fields, ":method")[..] else { panic!("exempt by {fields:?}") };
    let [target] = values(fields, ":path")[..] else { panic!("exempt by {fields:?}") };
    assert!([&b"GET"[..], b"HEAD", b"OPTIONS"].contains(&method), "{fields:?}");
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    assert!(path == b"/health" || path.starts_with(b"/static/"), "{fields:?}");
    for twofold in [&b"%"[..], b"\\", b"//", b";", b"/./", b"/../"] {
        let is_in = path.windows(twofold.len()).any(|window| window == twofold);
        assert!(!is_in, "{fields:?}");
    }
}
