//! How a limit's window is written.

use std::fmt;

use limiter::Window;

/// The units of a window and their seconds, the longest first.
pub const UNITS: [(char, u32); 4] = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

/// A window as it is written: `30s`, `1m`, `12h`, `31d`. It is shown in the longest unit that gives
/// a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Per(pub Window);

impl TryFrom<&str> for Per {
    type Error = InvalidPer;

    fn try_from(text: &str) -> Result<Self, InvalidPer> {
        let unit = UNITS.iter().find_map(|(unit, secs)| Some((text.strip_suffix(*unit)?, secs)));
        let (digits, secs) = unit.ok_or(InvalidPer)?;
        // What parses here may begin with a plus sign or zeros, which nobody means.
        if !digits.starts_with(|c: char| matches!(c, '1'..='9')) {
            return Err(InvalidPer);
        }
        let count: u32 = digits.parse().map_err(|_| InvalidPer)?;
        let window = count.checked_mul(*secs).and_then(|secs| Window::from_secs(secs).ok());
        window.map(Self).ok_or(InvalidPer)
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.secs();
        let whole = UNITS.iter().find(|(_, of_unit)| secs.is_multiple_of(*of_unit));
        let (unit, of_unit) = whole.unwrap_or(&('s', 1));
        write!(f, "{}{unit}", secs / of_unit)
    }
}

/// Text that is no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time from \"1s\" to \"31d\", an integer and s, m, h or d")]
pub struct InvalidPer;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_is_an_integer_and_a_unit() {
        for (text, secs, shown) in [
            ("1s", 1, "1s"),
            ("30s", 30, "30s"),
            ("60s", 60, "1m"),
            ("90s", 90, "90s"),
            ("1m", 60, "1m"),
            ("90m", 5_400, "90m"),
            ("12h", 43_200, "12h"),
            ("24h", 86_400, "1d"),
            ("31d", 2_678_400, "31d"),
            ("2678400s", 2_678_400, "31d"),
        ] {
            let per = Per::try_from(text).expect(text);
            assert_eq!((per.0.secs(), &*per.to_string()), (secs, shown), "{text}");
        }
        for text in [
            "",
            "1",
            "s",
            "0s",
            "00s",
            "01s",
            "+1s",
            "-1s",
            "1.5m",
            "1 m",
            " 1m",
            "1m ",
            "1M",
            "1w",
            "1ms",
            "1h30m",
            "32d",
            "2678401s",
            "4294967296s",
            "49711d",
            "1e3s",
            "\u{661}s",
        ] {
            assert_eq!(Per::try_from(text), Err(InvalidPer), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(secs in 1_u32..=31 * 86_400) {
            let per = Per(Window::from_secs(secs).expect("a window"));
            prop_assert_eq!(Per::try_from(&*per.to_string()), Ok(per));
        }
    }
}
