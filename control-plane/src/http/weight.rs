//! How much a caller likes something that a header lists (RFC 9110, section 12.4.2).

/// In thousandths: what is liked most, and what has no weight.
const MOST: u16 = 1_000;

/// The weight among the parameters of something, in thousandths: what is liked not at all has 0. `None`: what
/// stands there is no weight.
pub(crate) fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Option<u16> {
    let told = parameters.find_map(|parameter| {
        let parameter = parameter.trim();
        parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))
    });
    told.map_or(Some(MOST), thousandths)
}

/// From 0 to 1, with three decimal places at most.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !are_digits {
        return None;
    }
    format!("{whole}{decimals:0<3}").parse().ok().filter(|weight| *weight <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_from_nothing_to_one() {
        for (told, read) in [
            ("", Some(1_000)),
            ("level=1", Some(1_000)),
            ("q=1", Some(1_000)),
            ("q=1.000", Some(1_000)),
            ("Q=0.5", Some(500)),
            ("level=1; q=0.25", Some(250)),
            ("q=0.001", Some(1)),
            ("q=0.", Some(0)),
            ("q=0", Some(0)),
            ("q=2", None),
            ("q=1.001", None),
            ("q=0.1234", None),
            ("q=.5", None),
            ("q=-0", None),
            ("q=+1", None),
            ("q=abc", None),
            ("q=nan", None),
            ("q=\"1\"", None),
            ("q=", None),
        ] {
            assert_eq!(weight(told.split(';')), read, "{told}");
        }
    }
}
