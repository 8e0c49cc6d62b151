//! A client.

use limiter::{ClientId, PerMinute, Tokens};

use super::{FORMAT, ValueReader, ValueWriter, value_reader::decoded};
use crate::{
    clients::{ClientConfig, Identities, Identity, Limits, Revision},
    limits::{Group, Name},
    store::unreadable::Unreadable,
};

const HAS_RPM: u8 = 1;
const HAS_TPM: u8 = 1 << 1;
const HAS_MIN_ESTIMATE: u8 = 1 << 2;
const IS_DISABLED: u8 = 1 << 3;
const FLAGS_1: u8 = HAS_RPM | HAS_TPM | HAS_MIN_ESTIMATE | IS_DISABLED;

// From format 2 on.
const HAS_GROUP: u8 = 1 << 4;
const HAS_PLAN: u8 = 1 << 5;
const FLAGS_2: u8 = FLAGS_1 | HAS_GROUP | HAS_PLAN;

// From format 3 on.
const HAS_IDENTITIES: u8 = 1 << 6;
const FLAGS: u8 = FLAGS_2 | HAS_IDENTITIES;

/// The bytes of `config` without its id, which is their key: as far as they are there `rpm`, `tpm`,
/// `min_estimate`, the group, the plan, and a byte with the number of identities and each of them.
pub(super) fn encode(config: &ClientConfig, revision: Revision) -> Vec<u8> {
    let numbers = [
        (HAS_RPM, config.limits.rpm.map(PerMinute::get)),
        (HAS_TPM, config.limits.tpm.map(PerMinute::get)),
        (HAS_MIN_ESTIMATE, config.min_estimate.map(Tokens::get)),
    ];
    let texts = [
        (HAS_GROUP, config.group.as_ref().map(Group::as_str)),
        (HAS_PLAN, config.plan.as_ref().map(Name::as_str)),
    ];
    let mut flags = if config.enabled { 0 } else { IS_DISABLED };
    for (flag, number) in numbers {
        flags |= if number.is_some() { flag } else { 0 };
    }
    for (flag, text) in texts {
        flags |= if text.is_some() { flag } else { 0 };
    }
    let identities = config.identities.as_slice();
    flags |= if identities.is_empty() { 0 } else { HAS_IDENTITIES };
    let mut value = ValueWriter::begin(flags, revision);
    numbers.into_iter().filter_map(|(_, number)| number).for_each(|number| value.number(number));
    texts.into_iter().filter_map(|(_, text)| text).for_each(|text| value.text(text));
    if !identities.is_empty() {
        let count = u8::try_from(identities.len());
        debug_assert!(count.is_ok(), "{} identities", identities.len());
        value.byte(count.unwrap_or(u8::MAX));
        for identity in identities {
            value.text(identity.as_str());
        }
    }
    value.end()
}

/// The configuration of the client whose key and bytes these are.
pub(in crate::store) fn decode(
    key: &[u8],
    bytes: &[u8],
) -> Result<(ClientConfig, Revision), Unreadable> {
    decoded("client", key, bytes, read)
}

fn read(id: &str, mut value: ValueReader<'_>) -> Option<(ClientConfig, Revision)> {
    let flags = match value.format {
        1 => FLAGS_1,
        2 => FLAGS_2,
        FORMAT => FLAGS,
        _ => return None,
    };
    let limit = |number: Option<u64>| number.map(PerMinute::new).transpose().ok();
    let (rpm, tpm) = (value.number_if(HAS_RPM).ok()?, value.number_if(HAS_TPM).ok()?);
    let min_estimate = value.number_if(HAS_MIN_ESTIMATE).ok()?;
    let (group, plan) = (value.text_if(HAS_GROUP).ok()?, value.text_if(HAS_PLAN).ok()?);
    let identities = identities(&mut value)?;
    let config = ClientConfig {
        id: ClientId::try_from(id).ok()?,
        limits: Limits { rpm: limit(rpm)?, tpm: limit(tpm)? },
        enabled: !value.has(IS_DISABLED),
        min_estimate: min_estimate.map(Tokens::new).transpose().ok()?,
        group: group.map(Group::try_from).transpose().ok()?,
        plan: plan.map(Name::try_from).transpose().ok()?,
        identities,
    };
    let is_whole = value.flags & !flags == 0 && value.is_at_its_end();
    is_whole.then_some((config, value.revision))
}

fn identities(value: &mut ValueReader<'_>) -> Option<Identities> {
    if !value.has(HAS_IDENTITIES) {
        return Some(Identities::default());
    }
    // A value with the flag has some.
    let count = value.byte().filter(|count| *count > 0)?;
    let identities: Option<Vec<_>> =
        (0..count).map(|_| Identity::try_from(value.text()?).ok()).collect();
    Identities::new(identities?)
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
            identities: Identities::default(),
        }
    }

    fn in_group(group: &str, plan: Option<&str>, config: ClientConfig) -> ClientConfig {
        ClientConfig {
            group: Some(Group::try_from(group).unwrap()),
            plan: plan.map(|plan| Name::try_from(plan).unwrap()),
            ..config
        }
    }

    fn known_by(identities: &[&str], config: ClientConfig) -> ClientConfig {
        let identities = identities.iter().map(|text| Identity::try_from(*text).unwrap());
        ClientConfig { identities: Identities::new(identities.collect()).unwrap(), ..config }
    }

    #[test]
    fn format_3_is_these_bytes() {
        let numbers = config(Some(60), Some(0x1234), Some(0));
        let whole = known_by(&["x", "yz"], in_group("a/b", Some("pro"), numbers));
        let expected = [
            &[3, 0b111_0111][..],
            &[7, 0, 0, 0, 0, 0, 0, 0],
            &[60, 0, 0, 0, 0, 0, 0, 0],
            &[0x34, 0x12, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0],
            b"\x03\0a/b\x03\0pro",
            b"\x02\x01\0x\x02\0yz",
        ];
        assert_eq!(encode(&whole, Revision::new(7)), expected.concat());
        let disabled = ClientConfig { enabled: false, ..config(None, None, None) };
        assert_eq!(encode(&disabled, Revision::new(1)), [3, 0b1000, 1, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn format_2_is_read() {
        let bytes = [&[2, 0b11_0000, 7][..], &[0; 7], b"\x03\0a/b\x03\0pro"].concat();
        let expected = in_group("a/b", Some("pro"), config(None, None, None));
        assert_eq!(decode(b"a/b", &bytes).expect("format 2"), (expected, Revision::new(7)));
    }

    #[test]
    fn format_1_is_read() {
        let bytes = [
            &[1, 0b1111][..],
            &[7, 0, 0, 0, 0, 0, 0, 0],
            &[60, 0, 0, 0, 0, 0, 0, 0],
            &[0x34, 0x12, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0],
        ];
        let expected = ClientConfig { enabled: false, ..config(Some(60), Some(0x1234), Some(0)) };
        let read = decode(b"a/b", &bytes.concat()).expect("format 1");
        assert_eq!(read, (expected, Revision::new(7)));
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
                in_group("a", None, config(numbers, None, None)),
                in_group(
                    &[[b'g'; 64]; 4]
                        .map(|part| str::from_utf8(&part).unwrap().to_owned())
                        .join("/"),
                    Some("p"),
                    config(None, None, None),
                ),
                known_by(&["x".repeat(512).as_str(), "é"], config(numbers, None, None)),
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
            (b"a", [&[2, HAS_RPM], &zero_rpm[2..]].concat()),
            (b"a", [&[3, 1 << 7 | HAS_RPM], &bytes[2..]].concat()),
            (b"a", [&[2, HAS_IDENTITIES | HAS_RPM], &bytes[2..], b"\x01\x01\0x"].concat()),
            (b"a", [&[3, HAS_IDENTITIES | HAS_RPM], &bytes[2..], b"\0"].concat()),
            (b"a", [&[3, HAS_IDENTITIES | HAS_RPM], &bytes[2..], b"\x01\x01\0\n"].concat()),
            (b"a", [&[3, HAS_IDENTITIES | HAS_RPM], &bytes[2..], b"\x02\x01\0x\x01\0x"].concat()),
            (b"a", [&[2, HAS_PLAN], &bytes[2..]].concat()),
            (b"a", [&[1, HAS_PLAN], &zero_rpm[2..10], b"\x01\0p"].concat()),
            (b"a", [&[2, HAS_PLAN], &zero_rpm[2..10], b"\x05\0other"].concat()),
            (b"a", [&[2, HAS_GROUP], &zero_rpm[2..10], b"\x02\0a/"].concat()),
            (b"a", [&[0], &bytes[1..]].concat()),
            (b"", bytes.clone()),
            (b"no spaces", bytes.clone()),
            (b"\xff", bytes.clone()),
        ] {
            let refused = decode(id, &bytes);
            assert!(matches!(refused, Err(Unreadable::Damaged(_))), "{id:?} {bytes:?}");
        }
        let newer = decode(b"a", &[4]);
        assert!(matches!(newer, Err(Unreadable::Newer(4))));
    }
}
