//! A JSON number that counts something: read byte by byte, fractions rounded up.

/// A number as far as it has been read.
///
/// It stands for `digits` times ten to the power of `scale` plus `exponent`, and a little more
/// when `more` is set. Values up to 10^18 are exact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    part: Part,
    digits: u64,
    scale: i64,
    exponent: i64,
    exponent_sign: i64,
    /// A digit other than 0 did not fit in `digits`.
    more: bool,
    /// Some digit did not fit: none after it may.
    full: bool,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Start,
    /// A 0 that no digit may follow.
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
    /// Negative or no number at all: nothing can be counted by it.
    NoFigure,
}

const EXPONENT_MAX: i64 = 1 << 40;

impl Number {
    pub(super) const fn new() -> Self {
        Self {
            part: Part::Start,
            digits: 0,
            scale: 0,
            exponent: 0,
            exponent_sign: 1,
            more: false,
            full: false,
        }
    }

    pub(super) fn beginning_with(first: u8) -> Self {
        let mut number = Self::new();
        number.push(first);
        number
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.part = match (self.part, byte) {
            (Part::Start, b'0') => Part::Zero,
            (Part::Start, b'1'..=b'9') | (Part::Integer, b'0'..=b'9') => {
                self.push_digit(byte);
                Part::Integer
            }
            (Part::Zero | Part::Integer, b'.') => Part::Point,
            (Part::Point | Part::Fraction, b'0'..=b'9') => {
                self.scale = self.scale.saturating_sub(1);
                self.push_digit(byte);
                Part::Fraction
            }
            (Part::Zero | Part::Integer | Part::Fraction, b'e' | b'E') => Part::E,
            (Part::E, b'+') => Part::Sign,
            (Part::E, b'-') => {
                self.exponent_sign = -1;
                Part::Sign
            }
            (Part::E | Part::Sign | Part::Exponent, b'0'..=b'9') => {
                let exponent = self.exponent * 10 + i64::from(byte - b'0');
                self.exponent = exponent.min(EXPONENT_MAX);
                Part::Exponent
            }
            _ => Part::NoFigure,
        };
    }

    /// The number rounded up, or nothing when it is no number or negative.
    pub(super) fn get(&self) -> Option<u64> {
        let (Part::Zero | Part::Integer | Part::Fraction | Part::Exponent) = self.part else {
            return None;
        };
        if self.digits == 0 {
            return Some(0);
        }
        let power = self.scale.saturating_add(self.exponent_sign * self.exponent);
        let ten_to = |power: u64| u32::try_from(power).ok().and_then(|p| 10_u64.checked_pow(p));
        let whole = if power < 0 {
            match ten_to(power.unsigned_abs()) {
                Some(divisor) => {
                    let rounds_up = self.more || !self.digits.is_multiple_of(divisor);
                    self.digits / divisor + u64::from(rounds_up)
                }
                None => 1,
            }
        } else {
            let factor = ten_to(power.unsigned_abs()).unwrap_or(u64::MAX);
            self.digits.saturating_mul(factor).saturating_add(u64::from(self.more))
        };
        Some(whole)
    }

    fn push_digit(&mut self, byte: u8) {
        let digit = u64::from(byte - b'0');
        let digits = self.digits.checked_mul(10).and_then(|tens| tens.checked_add(digit));
        match digits {
            Some(digits) if !self.full => self.digits = digits,
            _ => {
                self.full = true;
                self.more |= digit != 0;
                self.scale = self.scale.saturating_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        let mut number = Number::new();
        for byte in text.bytes() {
            number.push(byte);
        }
        assert_eq!(number.get(), expected, "{text}");
    }

    #[test]
    fn integers_are_exact() {
        check("0", Some(0));
        check("1234567890", Some(1_234_567_890));
        check("9007199254740993", Some(9_007_199_254_740_993));
        check("18446744073709551615", Some(u64::MAX));
    }

    #[test]
    fn what_is_too_large_saturates() {
        check("184467440737095516150", Some(u64::MAX));
        check(&"9".repeat(100_000), Some(u64::MAX));
        check("1e20", Some(u64::MAX));
        check("1e99999999999999999999999", Some(u64::MAX));
    }

    #[test]
    fn fractions_are_rounded_up() {
        check("12.0", Some(12));
        check("12.5", Some(13));
        check("0.000", Some(0));
        check("0.1", Some(1));
        check("1e-99999999999999999999", Some(1));
        check("0e99", Some(0));
        check(&format!("12.{}1", "0".repeat(1_000)), Some(13));
        check(&format!("12.{}", "0".repeat(1_000)), Some(12));
    }

    #[test]
    fn exponents_move_the_point() {
        check("1e3", Some(1_000));
        check("1.25E+2", Some(125));
        check("1250e-2", Some(13));
        check("1200E-2", Some(12));
        check(&format!("0.{}12e1002", "0".repeat(1_000)), Some(12));
        check(&format!("12{}e-1000", "0".repeat(1_000)), Some(12));
    }

    #[test]
    fn what_is_negative_or_no_number_is_no_figure() {
        for text in [
            "", "-1", "-0", "+1", "01", "00", ".5", "1.", "1.e1", "1e", "1e+", "1e1.5", "1-",
            "0x10", "NaN", "Infinity", "null", "true", "1_000", "1e+-1",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn any_integer_is_itself(value in any::<u64>()) {
            check(&value.to_string(), Some(value));
        }

        #[test]
        fn a_float_is_rounded_up(whole in 0..1_000_000_000_u64, fraction in 0..1_000_000_u64) {
            check(&format!("{whole}.{fraction:06}"), Some(whole + u64::from(fraction > 0)));
            let thousandths = format!("{whole}{fraction:06}e-6");
            if whole > 0 {
                check(&thousandths, Some(whole + u64::from(fraction > 0)));
            }
        }
    }
}
