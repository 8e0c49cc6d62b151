//! What the server says of all clients at one moment.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use crate::{
    call::Call,
    connection::Connection,
    failure::Failure,
    json::{self, Wrong},
    session::Session,
};

/// All clients at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// When, by a clock that only goes forward.
    pub at: Duration,
    /// By id.
    pub clients: BTreeMap<String, Figures>,
}

/// One client at one moment. The first four count since it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Requests.
    pub requests: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Tokens of ended requests.
    pub tokens: u64,
    /// How many were refused by what: `rpm`, `tpm`, and limits by their names.
    pub refused_by: BTreeMap<String, u64>,
    /// The group that it is in.
    pub group: Option<String>,
    /// What is left of its requests per minute, if they are limited.
    pub rpm: Option<Share>,
    /// What is left of its tokens per minute, if they are limited.
    pub tpm: Option<Share>,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Negative in debt.
    pub left: i64,
    /// All of it.
    pub limit: u64,
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unseen(String);

impl Sample {
    /// Asks for it.
    pub async fn take(connection: &Connection, at: Duration) -> Result<Self, Unseen> {
        let session = Session { connection: connection.clone() };
        Self::ask(&session, at).await.map_err(|failure| Unseen(failure.to_string()))
    }

    pub(super) async fn ask(session: &Session, at: Duration) -> Result<Self, Failure> {
        let wrong =
            |wrong| Failure::Answer { server: session.connection.server().to_string(), wrong };
        let clients = session.call(Call::get(&["clients"])?).await?;
        let clients = json::read(&clients.body).map_err(wrong)?;
        let stats = session.call(Call::get(&["stats"])?).await?;
        let stats = json::read(&stats.body).map_err(wrong)?;
        Self::read(&clients, &stats, at).map_err(wrong)
    }

    fn read(clients: &Value, stats: &Value, at: Duration) -> Result<Self, Wrong> {
        let configured = json::object(clients, "clients")?;
        let stats = json::object(stats, "stats")?;
        let figures =
            |(id, stats): (&String, &Value)| (id.clone(), Figures::read(configured.get(id), stats));
        Ok(Self { at, clients: stats.iter().map(figures).collect() })
    }
}

impl Figures {
    /// `unknown` has statistics and no configuration.
    fn read(client: Option<&Value>, stats: &Value) -> Self {
        let number = |name: &str| stats.get(name).and_then(Value::as_u64).unwrap_or_default();
        let mut refused_by: BTreeMap<_, _> =
            ["rpm", "tpm"].map(|name| (name.to_owned(), number(&format!("{name}_dropped")))).into();
        for limit in stats.get("limits").and_then(Value::as_array).into_iter().flatten() {
            let refused = limit.get("refused").and_then(Value::as_u64);
            if let (Some(name), Some(refused)) =
                (limit.get("name").and_then(Value::as_str), refused)
            {
                refused_by.insert(name.to_owned(), refused);
            }
        }
        let of_client = |name: &str| client.and_then(|client| client.get(name));
        let share = |name: &str| {
            let limit = of_client(name).and_then(Value::as_u64)?;
            let balance = stats.get(format!("{name}_balance")).and_then(Value::as_i64);
            let left = stats.get(format!("{name}_remaining")).and_then(Value::as_i64)?;
            // What would pass is never negative; a debt stands in the balance.
            let left = balance.filter(|balance| *balance < 0).unwrap_or(left);
            Some(Share { left, limit })
        };
        Self {
            requests: number("total_requests"),
            refused: number("dropped_requests"),
            tokens: number("tokens_used"),
            refused_by,
            group: of_client("group").and_then(Value::as_str).map(str::to_owned),
            rpm: share("rpm"),
            tpm: share("tpm"),
        }
    }
}

impl Share {
    /// Of all of it, 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "it is drawn in tenths")]
    pub fn part(self) -> f64 {
        (self.left.max(0) as f64 / (self.limit.max(1) as f64)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_client_is_what_both_answers_say_of_it() {
        let clients = json!({"clients": {"a": {"rpm": 60, "tpm": 1000, "group": "org"}}});
        let stats = json!({"stats": {
            "a": {
                "total_requests": 9, "dropped_requests": 4, "tokens_used": 1200, "rpm_dropped": 1,
                "tpm_dropped": 2, "rpm_remaining": 51, "tpm_remaining": 0, "tpm_balance": -200,
                "limits": [{"name": "org", "refused": 1}]
            },
            "unknown": {"total_requests": 1, "rpm_remaining": 3, "tpm_remaining": 3}
        }});
        let sample = Sample::read(&clients, &stats, Duration::ZERO).unwrap();
        let expected = Figures {
            requests: 9,
            refused: 4,
            tokens: 1_200,
            refused_by: [("rpm", 1), ("tpm", 2), ("org", 1)]
                .map(|(name, count)| (name.to_owned(), count))
                .into(),
            group: Some("org".to_owned()),
            rpm: Some(Share { left: 51, limit: 60 }),
            tpm: Some(Share { left: -200, limit: 1_000 }),
        };
        assert_eq!(sample.clients["a"], expected);
        let unknown = &sample.clients["unknown"];
        assert_eq!((unknown.requests, unknown.rpm, unknown.tpm), (1, None, None));
        assert!(Sample::read(&json!({}), &stats, Duration::ZERO).is_err());
    }

    #[test]
    fn a_share_is_between_nothing_and_all() {
        for (left, limit, part) in [(30, 60, 0.5), (-5, 60, 0.0), (70, 60, 1.0), (0, 0, 0.0)] {
            assert!((Share { left, limit }.part() - part).abs() < f64::EPSILON);
        }
    }
}
