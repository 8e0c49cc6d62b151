//! What is kept of one decision: 32 bytes, in two halves. The first says who asked for what, and when;
//! the second how it was refused, or when it ended and what it cost.
//!
//! Halves stand in the order in which they took effect, so that a request's second half is where it
//! ended. What is neither stands between them with a half of its own and says where the rest is.

use limiter::{Tokens, Wait};

use crate::ledger::cost::Cost;

/// One half, as it is kept.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) struct Half {
    /// Milliseconds since the earliest moment of its segment.
    pub(super) at_ms: u32,
    /// A slot, a request's number or a place in one of the segment's lists.
    whom: u32,
    /// From the lowest bit: 40 of an amount and 16 of a number, or 56 of a wait, and 8 of what it is.
    bits: u64,
}

/// Two of them are a decision.
const _: () = assert!(size_of::<[Half; 2]>() == 32);

const AMOUNT_BITS: u32 = 40;
const KIND_SHIFT: u32 = 56;
const AMOUNT_MASK: u64 = (1 << AMOUNT_BITS) - 1;
const NUMBER_MASK: u64 = (1 << 48) - 1;

/// Every number of tokens fits.
const _: () = assert!(limiter::AMOUNT_MAX <= AMOUNT_MASK);

/// The longest wait that is kept, two million years: who owes very much to a limit that is very small now
/// was told a longer one.
pub(in crate::ledger) const WAIT_MS_MAX: u64 = (1 << KIND_SHIFT) - 1;

/// What a half says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Said {
    /// A request asked, and passed or not.
    Asked(Asked),
    /// It did not: the limit in this place of the list refused it, for so long.
    Refused { limit: u32, wait: Wait },
    /// The request of this number has ended; its charge is corrected to `cost`, or stands.
    Ended { number: u64, cost: Option<Cost> },
    /// Behind an end: its request asked in an earlier segment, reserved so much, and holds what is in
    /// this place of the list.
    Held { place: u32, reserved: Tokens },
    /// The next half is of a stranger with this number, who has buckets of its own.
    Stranger { number: u32 },
    /// From here on something is known, which is in this place of the list.
    Noted { place: u32 },
}

/// A request that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Asked {
    /// Its client's.
    pub(in crate::ledger) slot: u32,
    /// The place of what it calls its model; `None`: it names none.
    pub(in crate::ledger) model: Option<u16>,
    pub(in crate::ledger) reserved: Tokens,
    pub(in crate::ledger) is_admitted: bool,
    /// Whether its end is waited for.
    pub(in crate::ledger) is_followed: bool,
    /// Its filter lets pass what is refused.
    pub(in crate::ledger) in_shadow: bool,
}

const ASKED: u64 = 0;
const REFUSED: u64 = 1;
const ENDED: u64 = 2;
const HELD: u64 = 3;
const STRANGER: u64 = 4;
const NOTED: u64 = 5;
const KIND_MASK: u64 = 7;

const ADMITTED: u64 = 8;
const FOLLOWED: u64 = 16;
const IN_SHADOW: u64 = 32;
/// Of a refusal: no waiting helps.
const NEVER: u64 = 8;
/// Of an end: what it was charged stands.
const STANDS: u64 = 8;
/// Likewise: not even the request counts.
const NOTHING: u64 = 16;

impl Half {
    #[inline]
    pub(super) fn of(at_ms: u32, said: Said) -> Self {
        let half = |whom, kind, number: u64, amount: u64| Self {
            at_ms,
            whom,
            bits: kind << KIND_SHIFT | number << AMOUNT_BITS | amount.min(AMOUNT_MASK),
        };
        match said {
            Said::Asked(asked) => {
                let flags = flag(asked.is_admitted, ADMITTED)
                    | flag(asked.is_followed, FOLLOWED)
                    | flag(asked.in_shadow, IN_SHADOW);
                let model = asked.model.map_or(0, |model| u64::from(model) + 1);
                half(asked.slot, ASKED | flags, model, asked.reserved.get())
            }
            Said::Refused { limit, wait: Wait::Millis(ms) } => {
                let ms = ms.min(WAIT_MS_MAX);
                half(limit, REFUSED, ms >> AMOUNT_BITS, ms & AMOUNT_MASK)
            }
            Said::Refused { limit, wait: Wait::Never } => half(limit, REFUSED | NEVER, 0, 0),
            Said::Ended { number, cost } => {
                let (flags, used) = match cost {
                    Some(Cost::RequestAnd(used)) => (0, used.get()),
                    Some(Cost::Nothing) => (NOTHING, 0),
                    None => (STANDS, 0),
                };
                let number = number & NUMBER_MASK;
                let low = u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
                half(low, ENDED | flags, number >> u32::BITS, used)
            }
            Said::Held { place, reserved } => half(place, HELD, 0, reserved.get()),
            Said::Stranger { number } => half(number, STRANGER, 0, 0),
            Said::Noted { place } => half(place, NOTED, 0, 0),
        }
    }

    /// What it says.
    #[inline]
    pub(in crate::ledger) fn said(self) -> Said {
        let Self { whom, bits, at_ms: _ } = self;
        let (kind, amount) = (bits >> KIND_SHIFT, bits & AMOUNT_MASK);
        let number = bits >> AMOUNT_BITS & 0xffff;
        let tokens = || Tokens::new(amount).unwrap_or_default();
        match kind & KIND_MASK {
            ASKED => Said::Asked(Asked {
                slot: whom,
                model: number.checked_sub(1).and_then(|model| u16::try_from(model).ok()),
                reserved: tokens(),
                is_admitted: kind & ADMITTED != 0,
                is_followed: kind & FOLLOWED != 0,
                in_shadow: kind & IN_SHADOW != 0,
            }),
            REFUSED if kind & NEVER != 0 => Said::Refused { limit: whom, wait: Wait::Never },
            REFUSED => {
                let wait = Wait::Millis(number << AMOUNT_BITS | amount);
                Said::Refused { limit: whom, wait }
            }
            ENDED => Said::Ended {
                number: number << u32::BITS | u64::from(whom),
                cost: match kind & (STANDS | NOTHING) {
                    0 => Some(Cost::RequestAnd(tokens())),
                    NOTHING => Some(Cost::Nothing),
                    _ => None,
                },
            },
            HELD => Said::Held { place: whom, reserved: tokens() },
            STRANGER => Said::Stranger { number: whom },
            _ => Said::Noted { place: whom },
        }
    }
}

fn flag(is_set: bool, flag: u64) -> u64 {
    if is_set { flag } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_says_what_was_put_in() {
        let reserved = Tokens::of::<{ limiter::AMOUNT_MAX }>();
        let asked = |model, flags: [bool; 3]| {
            let [is_admitted, is_followed, in_shadow] = flags;
            Said::Asked(Asked {
                slot: u32::MAX,
                model,
                reserved,
                is_admitted,
                is_followed,
                in_shadow,
            })
        };
        for said in [
            asked(None, [true, false, false]),
            asked(Some(0), [false, true, false]),
            asked(Some(u16::MAX - 1), [false, false, true]),
            Said::Refused { limit: u32::MAX, wait: Wait::Never },
            Said::Refused { limit: 1, wait: Wait::Millis(31 * 24 * 60 * 60 * 1_000) },
            Said::Refused { limit: 1, wait: Wait::Millis(WAIT_MS_MAX) },
            Said::Ended { number: NUMBER_MASK, cost: Some(Cost::RequestAnd(reserved)) },
            Said::Ended { number: 1 << 40, cost: Some(Cost::Nothing) },
            Said::Ended { number: 0, cost: None },
            Said::Held { place: 7, reserved },
            Said::Stranger { number: u32::MAX },
            Said::Noted { place: 9 },
        ] {
            let half = Half::of(5, said);
            assert_eq!((half.at_ms, half.said()), (5, said));
        }
    }
}
