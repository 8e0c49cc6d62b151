//! One client's configuration as bytes.
//!
//! A byte that says the format, a byte of flags, then numbers of eight bytes, the lowest first: the
//! revision, and as far as the flags say that they are there, `rpm`, `tpm` and `min_estimate`. What
//! is in no format is refused, so that nothing is ever read half.

use bytes::{Buf as _, BufMut as _};
use limiter::{ClientId, PerMinute, Tokens};

use super::unreadable::Unreadable;
use crate::clients::{ClientConfig, Limits, Revision};

/// The format that is written.
pub(super) const FORMAT: u8 = 1;

const HAS_RPM: u8 = 1;
const HAS_TPM: u8 = 1 << 1;
const HAS_MIN_ESTIMATE: u8 = 1 << 2;
const IS_DISABLED: u8 = 1 << 3;
const FLAGS: u8 = HAS_RPM | HAS_TPM | HAS_MIN_ESTIMATE | IS_DISABLED;

/// The bytes of `config` without its id, which is their key.
pub(super) fn encode(config: &ClientConfig, revision: Revision) -> Vec<u8> {
    let numbers = [
        (HAS_RPM, config.limits.rpm.map(PerMinute::get)),
        (HAS_TPM, config.limits.tpm.map(PerMinute::get)),
        (HAS_MIN_ESTIMATE, config.min_estimate.map(Tokens::get)),
    ];
    let mut flags = if config.enabled { 0 } else { IS_DISABLED };
    for (flag, number) in numbers {
        flags |= if number.is_some() { flag } else { 0 };
    }
    let mut bytes = vec![FORMAT, flags];
    bytes.put_u64_le(revision.get());
    for number in numbers.into_iter().filter_map(|(_, number)| number) {
        bytes.put_u64_le(number);
    }
    bytes
}

/// The configuration of the client whose key and bytes these are.
pub(super) fn decode(id: &[u8], bytes: &[u8]) -> Result<(ClientConfig, Revision), Unreadable> {
    match bytes.first() {
        Some(&format) if format > FORMAT => return Err(Unreadable::Newer(format.into())),
        _ => {}
    }
    let client = || {
        let id = ClientId::try_from(str::from_utf8(id).ok()?).ok()?;
        let mut rest = bytes;
        let (format, flags) = (rest.try_get_u8().ok()?, rest.try_get_u8().ok()?);
        let revision = Revision::new(rest.try_get_u64_le().ok()?);
        let mut number = |flag| (flags & flag != 0).then(|| rest.try_get_u64_le()).transpose().ok();
        let (rpm, tpm) = (number(HAS_RPM)?, number(HAS_TPM)?);
        let min_estimate = number(HAS_MIN_ESTIMATE)?;
        let is_whole = format == FORMAT && flags & !FLAGS == 0 && rest.is_empty();
        let limit = |number: Option<u64>| number.map(PerMinute::new).transpose().ok();
        let config = ClientConfig {
            id,
            limits: Limits { rpm: limit(rpm)?, tpm: limit(tpm)? },
            enabled: flags & IS_DISABLED == 0,
            min_estimate: min_estimate.map(Tokens::new).transpose().ok()?,
            group: None,
            plan: None,
        };
        is_whole.then_some((config, revision))
    };
    client().ok_or_else(|| {
        Unreadable::damaged(format!("the client \"{}\" cannot be read", id.escape_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(rpm: Option<u64>, tpm: Option<u64>, min_estimate: Option<u64>) -> ClientConfig {
        let limit = |number: Option<u64>| number.map(|number| PerMinute::new(number).unwrap());
        ClientConfig {
            id: ClientId::try_from("a/b").unwrap(),
            limits: Limits { rpm: limit(rpm), tpm: limit(tpm) },
            enabled: true,
            min_estimate: min_estimate.map(|tokens| Tokens::new(tokens).unwrap()),
            group: None,
            plan: None,
        }
    }

    #[test]
    fn format_1_is_these_bytes() {
        let whole = config(Some(60), Some(0x1234), Some(0));
        let expected = [
            &[1, 0b0111][..],
            &[7, 0, 0, 0, 0, 0, 0, 0],
            &[60, 0, 0, 0, 0, 0, 0, 0],
            &[0x34, 0x12, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0],
        ];
        assert_eq!(encode(&whole, Revision::new(7)), expected.concat());
        let disabled = ClientConfig { enabled: false, ..config(None, None, None) };
        assert_eq!(encode(&disabled, Revision::new(1)), [1, 0b1000, 1, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn what_is_written_is_read() {
        const MOST: u64 = limiter::PER_MINUTE_MAX;
        for numbers in [None, Some(1), Some(MOST)] {
            for config in [
                config(numbers, None, None),
                config(None, numbers, None),
                config(None, None, numbers),
                ClientConfig { enabled: false, ..config(numbers, numbers, numbers) },
            ] {
                let bytes = encode(&config, Revision::new(u64::MAX));
                let read = decode(b"a/b", &bytes).expect("written here");
                assert_eq!(read, (config, Revision::new(u64::MAX)));
            }
        }
    }

    #[test]
    fn what_was_not_written_so_is_refused() {
        let bytes = encode(&config(Some(60), None, None), Revision::new(1));
        for length in 0..bytes.len() {
            assert!(decode(b"a", &bytes[..length]).is_err(), "{length} bytes");
        }
        let zero_rpm = encode(&config(None, None, Some(0)), Revision::new(1));
        for (id, bytes) in [
            (&b"a"[..], [&bytes[..], &[0]].concat()),
            (b"a", [&[1, HAS_RPM], &zero_rpm[2..]].concat()),
            (b"a", [&[1, 1 << 4], &bytes[2..]].concat()),
            (b"a", [&[0], &bytes[1..]].concat()),
            (b"", bytes.clone()),
            (b"no spaces", bytes.clone()),
            (b"\xff", bytes.clone()),
        ] {
            let refused = decode(id, &bytes);
            assert!(matches!(refused, Err(Unreadable::Damaged(_))), "{id:?} {bytes:?}");
        }
        let newer = decode(b"a", &[2]);
        assert!(matches!(newer, Err(Unreadable::Newer(2))));
    }
}
