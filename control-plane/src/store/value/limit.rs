//! A limit.

use std::num::NonZeroU64;

use limiter::{AMOUNT_MAX, ClientId, Quota, Window};

use super::{FORMAT, ValueReader, ValueWriter, value_reader::decoded};
use crate::{
    clients::Revision,
    limits::{
        Each, Group, InvalidName, Limit, LimitMode, LimitName, Match, Measure, ModelName, Name,
    },
    store::unreadable::Unreadable,
};

/// The format in which there were limits first.
const FIRST_FORMAT: u8 = 2;

const OF_CLIENT: u8 = 1;
const OF_GROUP: u8 = 1 << 1;
const OF_PLAN: u8 = 1 << 2;
const OF_MODEL: u8 = 1 << 3;
const HAS_TRIAL: u8 = 1 << 4;
const FLAGS: u8 = OF_CLIENT | OF_GROUP | OF_PLAN | OF_MODEL | HAS_TRIAL;

const REQUESTS: u8 = 0;
const TOKENS: u8 = 1;
const CONCURRENT: u8 = 2;

const ENFORCE: u8 = 0;
const SHADOW: u8 = 1;
const OFF: u8 = 2;

/// The bytes of `limit` without its name, which is their key: a byte each of the measure, the mode
/// and what has buckets of its own, the amount; unless it is of requests at a time the window in
/// seconds and the burst; then the trial, and which requests it is for.
pub(super) fn encode(limit: &Limit, revision: Revision) -> Vec<u8> {
    let Match { client, group, plan, model } = &limit.matches;
    let texts = [
        (OF_CLIENT, client.as_ref().map(ClientId::as_str)),
        (OF_GROUP, group.as_ref().map(Group::as_str)),
        (OF_PLAN, plan.as_ref().map(Name::as_str)),
        (OF_MODEL, model.as_ref().map(ModelName::as_str)),
    ];
    let mut flags = if limit.trial.is_some() { HAS_TRIAL } else { 0 };
    for (flag, text) in texts {
        flags |= if text.is_some() { flag } else { 0 };
    }
    let mut value = ValueWriter::begin(flags, revision);
    value.byte(match limit.measure {
        Measure::Requests(_) => REQUESTS,
        Measure::Tokens(_) => TOKENS,
        Measure::Concurrent(_) => CONCURRENT,
    });
    value.byte(match limit.mode {
        LimitMode::Enforce => ENFORCE,
        LimitMode::Shadow => SHADOW,
        LimitMode::Off => OFF,
    });
    let Each { client, group, plan, model } = limit.each;
    let each = [(OF_CLIENT, client), (OF_GROUP, group), (OF_PLAN, plan), (OF_MODEL, model)];
    value.byte(each.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).sum());
    value.number(limit.measure.amount());
    match limit.measure {
        Measure::Requests(quota) | Measure::Tokens(quota) => {
            value.number(quota.window().secs().into());
            value.number(quota.burst());
        }
        Measure::Concurrent(_) => {}
    }
    if let Some(trial) = limit.trial {
        value.number(trial.get());
    }
    for text in texts.into_iter().filter_map(|(_, text)| text) {
        value.text(text);
    }
    value.end()
}

/// The limit whose key and bytes these are.
pub(in crate::store) fn decode(key: &[u8], bytes: &[u8]) -> Result<(Limit, Revision), Unreadable> {
    decoded("limit", key, bytes, read)
}

fn read(name: &str, mut value: ValueReader<'_>) -> Option<(Limit, Revision)> {
    let is_known = (FIRST_FORMAT..=FORMAT).contains(&value.format) && value.flags & !FLAGS == 0;
    let (measure, mode, each) = (value.byte()?, value.byte()?, value.byte()?);
    let amount = value.number()?;
    let measure = match measure {
        CONCURRENT => Measure::Concurrent(positive(amount)?),
        REQUESTS => Measure::Requests(quota(amount, &mut value)?),
        TOKENS => Measure::Tokens(quota(amount, &mut value)?),
        _ => return None,
    };
    let mode = match mode {
        ENFORCE => LimitMode::Enforce,
        SHADOW => LimitMode::Shadow,
        OFF => LimitMode::Off,
        _ => return None,
    };
    let trial = match value.number_if(HAS_TRIAL).ok()? {
        Some(trial) => Some(positive(trial)?),
        None => None,
    };
    let (client, group) = (value.text_if(OF_CLIENT).ok()?, value.text_if(OF_GROUP).ok()?);
    let (plan, model) = (value.text_if(OF_PLAN).ok()?, value.text_if(OF_MODEL).ok()?);
    let limit = Limit {
        name: LimitName::try_from(name).ok()?,
        matches: Match {
            client: client.map(ClientId::try_from).transpose().ok()?,
            group: group.map(Group::try_from).transpose().ok()?,
            plan: plan.map(Name::try_from).transpose().ok()?,
            model: model.map(model_name).transpose().ok()?,
        },
        each: Each {
            client: each & OF_CLIENT != 0,
            group: each & OF_GROUP != 0,
            plan: each & OF_PLAN != 0,
            model: each & OF_MODEL != 0,
        },
        measure,
        mode,
        trial,
    };
    let is_each = each & !(OF_CLIENT | OF_GROUP | OF_PLAN | OF_MODEL) == 0;
    (is_known && is_each && value.is_at_its_end()).then_some((limit, value.revision))
}

fn quota(amount: u64, value: &mut ValueReader<'_>) -> Option<Quota> {
    let window = Window::from_secs(value.number()?.try_into().ok()?).ok()?;
    Quota::new(amount, window, Some(value.number()?)).ok()
}

fn positive(number: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(number).filter(|number| number.get() <= AMOUNT_MAX)
}

fn model_name(name: &str) -> Result<ModelName, InvalidName> {
    match name {
        ClientId::OTHER => Ok(ModelName::Other),
        name => Name::try_from(name).map(ModelName::Named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(amount: u64, secs: u32, burst: u64) -> Quota {
        Quota::new(amount, Window::from_secs(secs).unwrap(), Some(burst)).unwrap()
    }

    fn limit(measure: Measure) -> Limit {
        Limit {
            name: LimitName::try_from("org").unwrap(),
            matches: Match::default(),
            each: Each::default(),
            measure,
            mode: LimitMode::Enforce,
            trial: None,
        }
    }

    fn full() -> Limit {
        Limit {
            matches: Match {
                client: ClientId::try_from("a/b").ok(),
                group: Group::try_from("acme/research").ok(),
                plan: Name::try_from("pro").ok(),
                model: Some(ModelName::Named(Name::try_from("gpt-4o").unwrap())),
            },
            each: Each { client: true, group: true, plan: true, model: true },
            mode: LimitMode::Shadow,
            trial: NonZeroU64::new(3),
            ..limit(Measure::Tokens(quota(0x1234, 86_400, 7)))
        }
    }

    #[test]
    fn format_3_is_these_bytes() {
        let expected = [
            &[3, 0b1_1111][..],
            &[9, 0, 0, 0, 0, 0, 0, 0],
            &[TOKENS, SHADOW, 0b1111],
            &[0x34, 0x12, 0, 0, 0, 0, 0, 0],
            &[0x80, 0x51, 1, 0, 0, 0, 0, 0],
            &[7, 0, 0, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0, 0, 0, 0, 0],
            b"\x03\0a/b\x0d\0acme/research\x03\0pro\x06\0gpt-4o",
        ];
        assert_eq!(encode(&full(), Revision::new(9)), expected.concat());
        let places = limit(Measure::Concurrent(NonZeroU64::new(8).unwrap()));
        let expected = [&[3, 0, 1, 0, 0, 0, 0, 0, 0, 0][..], &[CONCURRENT, ENFORCE, 0, 8], &[0; 7]];
        assert_eq!(encode(&places, Revision::new(1)), expected.concat());
    }

    #[test]
    fn what_is_written_is_read() {
        let most = NonZeroU64::new(AMOUNT_MAX).unwrap();
        for written in [
            full(),
            limit(Measure::Requests(quota(1, 1, 1))),
            limit(Measure::Concurrent(most)),
            Limit { trial: Some(most), ..limit(Measure::Concurrent(NonZeroU64::MIN)) },
            Limit { mode: LimitMode::Off, ..limit(Measure::Tokens(quota(AMOUNT_MAX, 60, 1))) },
            Limit {
                matches: Match { model: Some(ModelName::Other), ..Match::default() },
                each: Each { model: true, ..Each::default() },
                ..limit(Measure::Requests(quota(60, 60, 60)))
            },
            Limit {
                matches: Match { client: Some(ClientId::unknown()), ..Match::default() },
                ..limit(Measure::Requests(quota(60, 60, 60)))
            },
        ] {
            let bytes = encode(&written, Revision::new(u64::MAX));
            let read = decode(b"org", &bytes).expect("written here");
            assert_eq!(read, (written, Revision::new(u64::MAX)));
        }
    }

    #[test]
    fn what_was_not_written_so_is_refused() {
        let bytes = encode(&full(), Revision::new(1));
        for length in 0..bytes.len() {
            assert!(decode(b"org", &bytes[..length]).is_err(), "{length} bytes");
        }
        let changed = |at: usize, byte| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            bytes
        };
        for (name, bytes) in [
            (&b"org"[..], [&bytes[..], &[0]].concat()),
            (b"org", changed(0, 1)),
            (b"org", changed(1, 0b11_1111)),
            (b"org", changed(10, 3)),
            (b"org", changed(11, 3)),
            (b"org", changed(12, 0b1_1111)),
            (b"org", changed(20, 1)),
            (b"rpm", bytes.clone()),
            (b"", bytes.clone()),
            (b"\xff", bytes.clone()),
        ] {
            let refused = decode(name, &bytes);
            assert!(matches!(refused, Err(Unreadable::Damaged(_))), "{name:?} {bytes:?}");
        }
        assert!(matches!(decode(b"org", &[4]), Err(Unreadable::Newer(4))));
    }
}
