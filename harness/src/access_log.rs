//! Envoy's access log, as somebody reads it who looks for one request.

use serde_json::Value;

use crate::deadline::eventually;
use crate::envoy::Envoy;

/// One request's line.
#[derive(Clone, Debug)]
pub struct Line {
    /// All of it.
    pub line: Value,
    /// What FlowGuard says in it; null where it says nothing.
    pub flowguard: Value,
}

impl Line {
    fn read(line: &str) -> Self {
        let read = |text: &str| -> Value {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        let line = read(line);
        let flowguard = line["flowguard"].as_str().map_or(Value::Null, read);
        Self { line, flowguard }
    }
}

/// Every line so far, in the order in which the requests ended.
pub fn lines(envoy: &Envoy) -> Vec<Line> {
    let log = envoy.access_log();
    // The last one may be half written.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(Line::read).collect()
}

/// The line in which `field` is `value`, once it is written.
pub async fn line_with(envoy: &Envoy, field: &str, value: &str) -> Line {
    eventually(&format!("a line whose {field} is {value}"), || {
        let line = lines(envoy).into_iter().find(|line| line.line[field] == value);
        async move { line }
    })
    .await
}
