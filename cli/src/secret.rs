//! What a key or a token looks like (docs/contract.md, section 3), so that one that was made is told
//! from any other text, and none is repeated by mistake.

use std::borrow::Cow;

/// Characters of the part that names one, and is no secret.
const PUBLIC_LEN: usize = 12;
/// Characters of what nobody can guess.
const RANDOM_LEN: usize = 43;
/// Characters of what checks all before.
const CHECKSUM_LEN: usize = 6;

const PREFIX_LEN: usize = 4;

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A client's.
    Key,
    /// An operator's, or a program's.
    Token,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Key, Self::Token];

    fn prefix(self) -> &'static str {
        match self {
            Self::Key => "fgk_",
            Self::Token => "fga_",
        }
    }

    /// What all of one is, in words.
    pub(crate) fn form(self) -> String {
        let prefix = self.prefix();
        format!(
            "{prefix}, {PUBLIC_LEN} characters, _, {RANDOM_LEN} characters, _ and {CHECKSUM_LEN} \
             characters of A-Z a-z 0-9"
        )
    }

    /// Whether this is all of one, and nothing else.
    pub(crate) fn is(self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.prefix()) else { return false };
        let parts: Vec<_> = rest.split('_').collect();
        let is_alphanumeric =
            parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric()));
        let lens: Vec<_> = parts.iter().map(|part| part.len()).collect();
        is_alphanumeric && lens == [PUBLIC_LEN, RANDOM_LEN, CHECKSUM_LEN]
    }
}

/// Whether a text begins as one does.
pub(crate) fn begins_one(text: &str) -> bool {
    Kind::ALL.iter().any(|kind| text.starts_with(kind.prefix()))
}

/// A text with an ellipsis in the place of what is secret in each key and token, of whole ones and of
/// ones that were cut.
pub(crate) fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut shown = String::new();
    let mut from = 0;
    // All that is looked for is of ASCII, and so are the characters beside it.
    while let Some((at, _)) =
        rest.get(from..).and_then(|rest| rest.char_indices().find(is_of_family))
    {
        let at = from + at;
        match rest.get(at..).and_then(begin_of_secret).map(|begin| rest.split_at(at + begin)) {
            Some((before, secret)) => {
                shown.extend([before, "…"]);
                rest = secret.trim_start_matches(is_of_secret);
                from = 0;
            }
            None => from = at + 1,
        }
    }
    if shown.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(shown + rest) }
}

fn is_of_family((_, character): &(usize, char)) -> bool {
    matches!(character, 'f' | 'F')
}

/// Where the secret of a text begins that begins with a key or a token; none where it does not, or ends
/// before that.
fn begin_of_secret(text: &str) -> Option<usize> {
    const BEGIN: usize = PREFIX_LEN + PUBLIC_LEN + 1;
    let (prefix, rest) = text.split_at_checked(PREFIX_LEN)?;
    let (public, rest) = rest.split_at_checked(PUBLIC_LEN)?;
    let is_one = Kind::ALL.iter().any(|kind| prefix.eq_ignore_ascii_case(kind.prefix()));
    let is_named = public.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let has_secret = rest.strip_prefix('_')?.starts_with(is_of_secret);
    (is_one && is_named && has_secret).then_some(BEGIN)
}

fn is_of_secret(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";

    #[test]
    fn a_key_is_told_from_what_only_looks_like_one() {
        assert!(Kind::Key.is(KEY) && !Kind::Token.is(KEY));
        assert!(Kind::Token.is(&KEY.replace("fgk_", "fga_")));
        let longer = format!("{KEY}d");
        let with_an_escape = KEY.replace("0123", "\u{1b}[2J");
        for text in ["", "fgk_", "fgk_a_b_c", &KEY[1..], &KEY[..60], &longer, &with_an_escape] {
            assert!(!Kind::Key.is(text), "{text}");
        }
        assert!(!Kind::Key.is(&KEY.replace('g', "é")));
    }

    #[test]
    fn what_is_secret_is_left_out_wherever_it_stands_and_however_it_is_cut() {
        let token = KEY.replace("fgk_", "fga_");
        for (text, shown) in [
            (KEY.to_owned(), "fgk_abcDEF123456_…"),
            (format!("not Bearer {token}, é"), "not Bearer fga_abcDEF123456_…, é"),
            (format!("éfgfgk_{KEY}"), "éfgfgk_fgk_abcDEF123456_…"),
            (format!("[{KEY},{token}]"), "[fgk_abcDEF123456_…,fga_abcDEF123456_…]"),
            (KEY[..18].to_owned(), "fgk_abcDEF123456_…"),
            (KEY.to_uppercase(), "FGK_ABCDEF123456_…"),
        ] {
            assert_eq!(without_secrets(&text), shown);
        }
        for text in
            ["", "f", "ffé", "fgk_made_up", &KEY[..17], &KEY[..16], &KEY[1..], "fgb_abcDEF123456_0"]
        {
            assert_eq!(without_secrets(text), text);
        }
    }
}
