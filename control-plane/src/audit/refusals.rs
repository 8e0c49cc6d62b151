//! Of what is refused, a line a second and address.

use std::{collections::HashSet, net::IpAddr};

use limiter::UnixMillis;
use serde::Serialize;

use super::Refusal;
use crate::rfc3339::rfc3339;

/// Addresses that have a line of their own within a second. Those of others are counted.
const ADDRESSES_MAX: usize = 64;

/// Who has a line.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    second: u64,
    told: HashSet<Option<IpAddr>>,
    untold: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    refusal: &'a Refusal,
    outcome: &'static str,
    /// Refusals since the line before that have none of their own.
    #[serde(skip_serializing_if = "is_zero")]
    untold: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A line that is to be written.
#[derive(Debug)]
pub struct RefusalLine(pub(super) String);

impl Refusals {
    /// The line of a refusal, unless it has none of its own.
    pub(super) fn line(&mut self, refusal: &Refusal, now: UnixMillis) -> Option<RefusalLine> {
        let second = now.0 / 1_000;
        if second != self.second {
            self.second = second;
            self.told.clear();
        }
        let from = refusal.from();
        if self.told.contains(&from) || self.told.len() >= ADDRESSES_MAX {
            self.untold += 1;
            return None;
        }
        self.told.insert(from);
        let time = rfc3339(now).unwrap_or_default();
        let line = Line { time, refusal, outcome: "refused", untold: self.untold };
        self.untold = 0;
        serde_json::to_string(&line).ok().map(RefusalLine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, ActorKind};

    #[test]
    fn whoever_is_refused_often_fills_a_line_a_second() {
        let mut refusals = Refusals::default();
        let mut lines = Vec::new();
        let refusal = |host: u8| Refusal {
            actor: Actor::of(ActorKind::Anybody),
            address: Some(([192, 0, 2, host], 40_000).into()),
            call: "GET /api/v1/clients".to_owned(),
            status: 401,
            error: "missing_token".to_owned(),
        };
        for millis in 0..2_500 {
            lines.extend(refusals.line(&refusal(1), UnixMillis(1_000_000 + millis)));
        }
        for host in 0..200 {
            lines.extend(refusals.line(&refusal(host), UnixMillis(1_010_000)));
        }
        assert_eq!(lines.len(), 3 + ADDRESSES_MAX);
        assert_eq!(
            lines[1].0,
            "{\"time\":\"1970-01-01T00:16:41.000Z\",\"actor\":{\"kind\":\"anybody\"},\
             \"address\":\"192.0.2.1:40000\",\"call\":\"GET /api/v1/clients\",\"status\":401,\
             \"error\":\"missing_token\",\"outcome\":\"refused\",\"untold\":999}"
        );
    }
}
