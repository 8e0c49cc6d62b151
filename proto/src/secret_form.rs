//! What a key or a token looks like, so that none is repeated by mistake.

use std::ops::Range;

/// What the token of an operator, or of a program that looks after FlowGuard, begins with.
pub const TOKEN_PREFIX: &str = "fga_";

/// Characters of the part that names a key or a token, and is no secret.
pub const PUBLIC_PART_LEN: usize = 12;

/// What both prefixes begin with.
const FAMILY: [u8; 2] = *b"fg";

const PREFIX_LEN: usize = 4;
const _: () = assert!(TOKEN_PREFIX.len() == PREFIX_LEN);
const _: () = assert!(crate::CLIENT_KEY_PREFIX.len() == PREFIX_LEN);

/// Where the secret of the first key or token in `text` stands, of whole ones and of ones that were
/// cut: what follows `fgk_` or `fga_`, twelve characters of `A-Z a-z 0-9` and `_`, as far as that is
/// of `A-Z a-z 0-9 _`.
///
/// Whether there is such a key is not asked: one that lacks a character is nearly as good to whom it
/// is shown.
pub fn secret_in(text: &[u8]) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.windows(FAMILY.len()).position(is_family) {
        let at = from + found;
        if let Some(begin) = begin_of_secret(text, at) {
            let len = text.get(begin..)?.iter().take_while(|byte| is_of_secret(**byte)).count();
            return Some(begin..begin + len);
        }
        from = at + 1;
    }
    None
}

fn is_family(two: &[u8]) -> bool {
    two.eq_ignore_ascii_case(&FAMILY)
}

/// Where the secret begins of what begins at `at`; none where that is no key and no token, or ends
/// before its secret.
fn begin_of_secret(text: &[u8], at: usize) -> Option<usize> {
    let (prefix, rest) = text.get(at..)?.split_at_checked(PREFIX_LEN)?;
    let is_one = [crate::CLIENT_KEY_PREFIX, TOKEN_PREFIX]
        .iter()
        .any(|known| prefix.eq_ignore_ascii_case(known.as_bytes()));
    let (public, rest) = rest.split_at_checked(PUBLIC_PART_LEN)?;
    let (underscore, rest) = rest.split_first()?;
    let is_named = public.iter().all(u8::is_ascii_alphanumeric) && *underscore == b'_';
    let has_secret = rest.first().is_some_and(|byte| is_of_secret(*byte));
    (is_one && is_named && has_secret).then_some(at + PREFIX_LEN + PUBLIC_PART_LEN + 1)
}

fn is_of_secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";

    fn check(text: &str, secret: Option<&str>) {
        let found = secret_in(text.as_bytes()).map(|range| &text[range]);
        assert_eq!(found, secret, "{text}");
    }

    #[test]
    fn a_secret_is_found_wherever_it_stands_and_however_it_is_cut() {
        let secret = &KEY[17..];
        let token = KEY.replace("fgk_", "fga_");
        for text in [KEY, &token, &KEY.replace("fgk_", "FGK_")] {
            for (before, after) in [("", ""), ("Bearer ", " "), ("fgfgk_", "-"), ("\"", "\"é")] {
                check(&format!("{before}{text}{after}"), Some(secret));
            }
        }
        check(&KEY[..30], Some(&secret[..13]));
        check(&KEY[..18], Some("0"));
        check(&format!("{KEY}{KEY}"), Some(&format!("{secret}{KEY}")));
        check(&format!("{},{KEY}", &KEY[..17]), Some(secret));
    }

    #[test]
    fn what_only_names_one_is_none() {
        for text in ["", "f", "fg", "fgk_", "fgk_made_up", &KEY[..17], &KEY[..16], &KEY[1..]] {
            check(text, None);
        }
        check("fgb_abcDEF123456_0123", None);
        check("fgk_abcDEF12345_0123", None);
        check("fgk_abcDEF123456-0123", None);
        check("fgk_abcDEF123456_\u{e9}", None);
    }
}
