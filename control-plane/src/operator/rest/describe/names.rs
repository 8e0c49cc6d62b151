//! How names are written. An alphabet is asked of the type that judges such names, so that what is
//! described and what is taken cannot be two things.

use limiter::{CLIENT_ID_LEN_MAX, ClientId, Dimension, Window};
use utoipa::openapi::schema::ObjectBuilder;

use super::parts::text;
use crate::{
    clients::IDENTITY_BYTES_MAX,
    credentials::{Digest, PublicPart, TOKEN_NAME_LEN_MAX, TokenName},
    limits::{GROUP_DEPTH_MAX, LimitName, MODEL_LEN_MAX, NAME_LEN_MAX, Name, Pattern, UNITS},
};

/// No path of a URL can have these for a segment.
const DOTS: [&str; 2] = [r"\.", r"\.\."];

/// Stand for what has no name.
const RESERVED: [&str; 2] = [ClientId::UNKNOWN, ClientId::OTHER];

/// The id of a client, as it can be configured.
pub(in crate::operator::rest) fn client_id() -> ObjectBuilder {
    of_letters(&client_letters(), &[DOTS, RESERVED].concat(), CLIENT_ID_LEN_MAX)
}

/// The same, or the one that stands for all clients that are not configured.
pub(super) fn client_or_unknown() -> ObjectBuilder {
    let not: Vec<_> = DOTS.into_iter().chain([ClientId::OTHER]).collect();
    of_letters(&client_letters(), &not, CLIENT_ID_LEN_MAX)
}

/// Such an id, or the beginning of ids and a star.
pub(super) fn client_filter() -> ObjectBuilder {
    let letters = client_letters();
    let pattern = format!(r"^(?!(?:\.|\.\.)$)(?:{letters}+|{letters}*\*)$");
    text().min_length(Some(1)).max_length(Some(CLIENT_ID_LEN_MAX)).pattern(Some(pattern))
}

fn client_letters() -> String {
    letters(|text| ClientId::check(text.as_bytes()).is_ok())
}

/// The name of a model or a plan.
pub(in crate::operator::rest) fn name() -> ObjectBuilder {
    of_letters(&name_letters(), &[DOTS, RESERVED].concat(), NAME_LEN_MAX)
}

/// The name of a model, or the one that stands for all requests without.
pub(super) fn name_or_other() -> ObjectBuilder {
    let not: Vec<_> = DOTS.into_iter().chain([ClientId::UNKNOWN]).collect();
    of_letters(&name_letters(), &not, NAME_LEN_MAX)
}

fn name_letters() -> String {
    letters(|text| Name::try_from(text).is_ok())
}

/// A group.
pub(super) fn group() -> ObjectBuilder {
    let part = format!("{}{{1,{NAME_LEN_MAX}}}", name_letters());
    let not = [DOTS, RESERVED].concat().join("|");
    let beneath = GROUP_DEPTH_MAX - 1;
    let pattern = format!("^(?!(?:[^/]*/)*(?:{not})(?:/|$)){part}(?:/{part}){{0,{beneath}}}$");
    let max = GROUP_DEPTH_MAX * NAME_LEN_MAX + beneath;
    text().min_length(Some(1)).max_length(Some(max)).pattern(Some(pattern))
}

/// The name of a limit.
pub(in crate::operator::rest) fn limit_name() -> ObjectBuilder {
    let own = [Dimension::Rpm.word(), Dimension::Tpm.word()];
    of_letters(&letters(|text| LimitName::try_from(text).is_ok()), &own, NAME_LEN_MAX)
}

/// A pattern of names of models.
pub(super) fn model_pattern() -> ObjectBuilder {
    of_letters(&letters(|text| Pattern::try_from(text).is_ok()), &[], MODEL_LEN_MAX)
}

/// What names a token to people.
pub(super) fn token_name() -> ObjectBuilder {
    of_letters(&letters(|text| TokenName::parse(text).is_some()), &[], TOKEN_NAME_LEN_MAX)
}

/// What names a key or a token to programs.
pub(in crate::operator::rest) fn public_part() -> ObjectBuilder {
    let filled = |text: &str| format!("{}{text}", "a".repeat(PublicPart::LEN - text.len()));
    let letters = letters(|text| PublicPart::try_from(&*filled(text)).is_ok());
    of_letters(&letters, &[], PublicPart::LEN).min_length(Some(PublicPart::LEN))
}

/// A SHA-256, in hexadecimal digits.
pub(super) fn digest() -> ObjectBuilder {
    let len = 2 * Digest::LEN;
    text().min_length(Some(len)).max_length(Some(len)).pattern(Some("^[0-9a-f]+$"))
}

/// What a verified request is known by. Its length counts bytes, of which a letter has one or more.
pub(super) fn identity() -> ObjectBuilder {
    text()
        .min_length(Some(1))
        .max_length(Some(IDENTITY_BYTES_MAX))
        .pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]+$"))
}

/// The time in which a bucket refills.
pub(super) fn window() -> ObjectBuilder {
    let of_unit =
        |(unit, secs): (char, u32)| format!("(?:{}){unit}", up_to(Window::SECS_MAX / secs));
    let units: Vec<_> = UNITS.into_iter().map(of_unit).collect();
    text().pattern(Some(format!("^(?:{})$", units.join("|"))))
}

/// 1 to `max` of `letters`, but none of `not`, which are patterns.
fn of_letters(letters: &str, not: &[&str], max: usize) -> ObjectBuilder {
    let not = if not.is_empty() { String::new() } else { format!("(?!(?:{})$)", not.join("|")) };
    text().min_length(Some(1)).max_length(Some(max)).pattern(Some(format!("^{not}{letters}+$")))
}

/// The pattern of a letter of which `allows` takes texts.
fn letters(allows: impl Fn(&str) -> bool) -> String {
    // Beside another letter: some alone are no name.
    let is_allowed = |letter: &char| allows(&format!("a{letter}"));
    let mut class = String::from("[");
    for run in ['A'..='Z', 'a'..='z', '0'..='9'] {
        if run.clone().all(|letter| is_allowed(&letter)) {
            class.extend([*run.start(), '-', *run.end()]);
        } else {
            class.extend(run.filter(is_allowed));
        }
    }
    let others = (' '..='~').filter(|letter| !letter.is_ascii_alphanumeric()).filter(is_allowed);
    // Only at its end a hyphen stands for itself.
    let (hyphen, others): (String, String) = others.partition(|letter| *letter == '-');
    class + &others + &hyphen + "]"
}

/// The pattern of an integer from 1 to `max`, without zeros before it.
fn up_to(max: u32) -> String {
    let digits = max.to_string();
    let any = |count: usize| "[0-9]".repeat(count);
    let mut ways = vec![digits.clone()];
    for (place, digit) in digits.char_indices() {
        // The same digits before this place, a smaller one here, and any behind it.
        let smallest = if place == 0 { '1' } else { '0' };
        let below = char::from_u32(u32::from(digit) - 1).filter(|below| *below >= smallest);
        if let Some(below) = below {
            let before = digits.get(..place).unwrap_or_default();
            ways.push(format!("{before}[{smallest}-{below}]{}", any(digits.len() - place - 1)));
        }
    }
    if let Some(behind) = digits.len().checked_sub(2) {
        ways.push(format!("[1-9][0-9]{{0,{behind}}}"));
    }
    ways.join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets_are_those_of_the_types_that_judge() {
        assert_eq!(client_letters(), "[A-Za-z0-9+./:=@_|~-]");
        assert_eq!(name_letters(), "[A-Za-z0-9+.:=@_~-]");
        assert_eq!(letters(|text| LimitName::try_from(text).is_ok()), "[a-z0-9-]");
    }

    #[test]
    fn the_pattern_of_a_number_has_all_up_to_the_highest() {
        assert_eq!(up_to(31), "31|[1-2][0-9]|3[0-0]|[1-9][0-9]{0,0}");
        assert_eq!(up_to(9), "9|[1-8]");
    }
}
