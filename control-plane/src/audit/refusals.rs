//! Of what is refused, a line a second and address.

use std::{collections::HashSet, net::IpAddr};

use limiter::UnixMillis;
use serde::Serialize;

use super::{AuditError, Refusal, file::AuditFile};
use crate::rfc3339::rfc3339;

/// Addresses that have a line of their own within a second. Those of others are counted.
const ADDRESSES_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Refusals {
    file: AuditFile,
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

impl Refusals {
    pub(super) fn new(file: AuditFile) -> Self {
        Self { file, second: 0, told: HashSet::new(), untold: 0 }
    }

    pub(super) fn write(&mut self, refusal: &Refusal, now: UnixMillis) -> Result<(), AuditError> {
        let second = now.0 / 1_000;
        if second != self.second {
            self.second = second;
            self.told.clear();
        }
        let from = refusal.from();
        if self.told.contains(&from) || self.told.len() >= ADDRESSES_MAX {
            self.untold += 1;
            return Ok(());
        }
        self.told.insert(from);
        let time = rfc3339(now).unwrap_or_default();
        let line = Line { time, refusal, outcome: "refused", untold: self.untold };
        self.untold = 0;
        self.file.write(&serde_json::to_string(&line).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Actor;

    #[test]
    fn whoever_is_refused_often_fills_a_line_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refused.jsonl");
        let mut refusals = Refusals::new(AuditFile::open(&path).unwrap());
        let refusal = |host: u8| Refusal {
            actor: Actor::anybody(),
            address: Some(([192, 0, 2, host], 40_000).into()),
            call: "GET /api/v1/clients".to_owned(),
            status: 401,
            error: "missing_token".to_owned(),
        };
        for millis in 0..2_500 {
            refusals.write(&refusal(1), UnixMillis(1_000_000 + millis)).unwrap();
        }
        for host in 0..200 {
            refusals.write(&refusal(host), UnixMillis(1_010_000)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3 + ADDRESSES_MAX);
        assert_eq!(
            lines[1],
            "{\"time\":\"1970-01-01T00:16:41.000Z\",\"actor\":{\"kind\":\"anybody\"},\
             \"address\":\"192.0.2.1:40000\",\"call\":\"GET /api/v1/clients\",\"status\":401,\
             \"error\":\"missing_token\",\"outcome\":\"refused\",\"untold\":999}"
        );
    }
}
