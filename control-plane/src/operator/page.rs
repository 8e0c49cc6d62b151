//! A part of a list by names, for whichever API shows it. Where it goes on is a place in the order of the
//! names, so that what comes and goes meanwhile moves nothing from one page to another.

use std::str::FromStr;

use limiter::ClientId;

/// How many things a page of a list has at most.
pub(super) const PAGE_MAX: usize = 1_000;

/// A number in decimal digits as JSON has it: what is parsed as one may begin with a plus sign, or with
/// zeros.
pub(super) fn number<N: FromStr>(text: &str) -> Option<N> {
    let is_number = text == "0" || text.starts_with(|digit: char| matches!(digit, '1'..='9'));
    text.parse().ok().filter(|_| is_number)
}

/// Which part is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// Behind this name, which need not be there any more; `None`: from the first one on.
    pub(super) after: Option<String>,
    /// What names begin with.
    pub(super) prefix: String,
    /// How many; `None`: all that there are.
    pub(super) max: Option<usize>,
}

/// A part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Behind which name to go on; `None`: there are no more.
    pub(super) next: Option<String>,
}

impl Section {
    /// The part of `all`, which are in the order of their names.
    pub(super) fn of<T>(&self, all: impl Iterator<Item = T>, name: impl Fn(&T) -> &str) -> Page<T> {
        let is_wanted = |one: &T| {
            let name = name(one);
            name.starts_with(&*self.prefix)
                && self.after.as_deref().is_none_or(|after| name > after)
        };
        let max = self.max.unwrap_or(usize::MAX);
        // Nobody has to ask again only to learn that there is nothing more.
        let mut items: Vec<_> = all.filter(is_wanted).take(max.saturating_add(1)).collect();
        let has_more = items.len() > max;
        items.truncate(max);
        let next = items.last().filter(|_| has_more).map(|last| name(last).to_owned());
        Page { items, next }
    }
}

/// Whether a list of names that begin with `prefix` can go on behind `cursor`: that is one of its names.
pub(super) fn is_cursor<N: for<'a> TryFrom<&'a str>>(cursor: &str, prefix: &str) -> bool {
    cursor.starts_with(prefix) && N::try_from(cursor).is_ok()
}

/// The client behind which a list goes on; `None`: it cannot go on there.
pub(super) fn client_behind(cursor: &str, prefix: &str) -> Option<ClientId> {
    ClientId::try_from(cursor).ok().filter(|_| cursor.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(
        after: Option<&str>,
        prefix: &str,
        max: Option<usize>,
    ) -> (Vec<&'static str>, Option<String>) {
        let section = Section { after: after.map(str::to_owned), prefix: prefix.to_owned(), max };
        let page = section.of(["a", "aa", "ab", "b", "ba"].into_iter(), |name| name);
        (page.items, page.next)
    }

    #[test]
    fn a_page_is_what_is_behind_a_name_and_says_where_to_go_on() {
        let next = |name: &str| Some(name.to_owned());
        for (after, prefix, max, items, cursor) in [
            (None, "", None, &["a", "aa", "ab", "b", "ba"][..], None),
            (None, "", Some(5), &["a", "aa", "ab", "b", "ba"], None),
            (None, "", Some(2), &["a", "aa"], next("aa")),
            (Some("aa"), "", Some(2), &["ab", "b"], next("b")),
            (Some("b"), "", Some(2), &["ba"], None),
            (Some("gone"), "", None, &[], None),
            // It goes on behind what is gone by now.
            (Some("aaa"), "", Some(1), &["ab"], next("ab")),
            (None, "a", Some(2), &["a", "aa"], next("aa")),
            (Some("aa"), "a", Some(2), &["ab"], None),
            (None, "ab", None, &["ab"], None),
            (None, "c", Some(1), &[], None),
        ] {
            assert_eq!(page(after, prefix, max), (items.to_vec(), cursor), "{after:?} {prefix}");
        }
    }

    #[test]
    fn a_number_is_written_in_one_way() {
        for (text, read) in [("0", 0), ("7", 7), ("10", 10), ("18446744073709551615", u64::MAX)] {
            assert_eq!(number(text), Some(read));
        }
        for text in [
            "",
            "+5",
            " 5",
            "5 ",
            "01",
            "00",
            "-0",
            "-1",
            "5.0",
            "1e3",
            "0x1",
            "18446744073709551616",
        ] {
            assert_eq!(number::<u64>(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_cursor_is_a_name_of_the_list() {
        assert!(is_cursor::<ClientId>("acme", "ac"));
        assert!(!is_cursor::<ClientId>("acme", "b"), "it is of another list");
        assert!(!is_cursor::<ClientId>("a b", ""));
        assert_eq!(client_behind("acme", "acme2"), None);
    }
}
