//! From what an operator wrote to a configuration, or to everything that is wrong with it.

use limiter::{ClientId, InvalidClientId, Limit, Limits, Tokens};
use serde_json::Value;

use super::{FieldError, FieldErrors, Shown};
use crate::ledger::ClientConfig;

/// A configuration that nobody has judged yet.
///
/// Values are JSON texts, whichever API they come from: the one notation that can hold every
/// wrong value as it was written, such as `"60"` or `60.0`. `None` is a field that is not there.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The id that the call is addressed to, not as JSON; it wins over `client_id`, which then
    /// need not be there, and has to say the same if it is.
    pub addressed_to: Option<String>,
    /// A string.
    pub client_id: Option<String>,
    /// `null` or a number.
    pub rpm: Option<String>,
    /// `null` or a number.
    pub tpm: Option<String>,
    /// `true` or `false`.
    pub enabled: Option<String>,
    /// `null` or a number.
    pub min_estimate: Option<String>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

impl Draft {
    /// A draft whose values have the right types already.
    pub fn new(client_id: &str, rpm: Option<i64>, tpm: Option<i64>, enabled: bool) -> Self {
        Self {
            client_id: Some(Value::from(client_id).to_string()),
            rpm: rpm.map(|rpm| rpm.to_string()),
            tpm: tpm.map(|tpm| tpm.to_string()),
            enabled: Some(enabled.to_string()),
            ..Self::default()
        }
    }

    /// The configuration, or all that is wrong. What is not there is not limited.
    pub fn validate(&self) -> Result<ClientConfig, FieldErrors> {
        self.over(None)
    }

    /// `before` with the fields that are there, or all that is wrong.
    pub fn apply_to(&self, before: &ClientConfig) -> Result<ClientConfig, FieldErrors> {
        self.over(Some(before))
    }

    fn over(&self, before: Option<&ClientConfig>) -> Result<ClientConfig, FieldErrors> {
        let mut errors = FieldErrors::default();
        let id = errors.keep(self.id());
        if let Err(error) = self.id_agrees() {
            errors.push(error);
        }
        let rpm = errors.keep(match (&self.rpm, before) {
            (None, Some(before)) => Ok(before.limits.rpm),
            (rpm, _) => limit("rpm", rpm.as_deref()),
        });
        let tpm = errors.keep(match (&self.tpm, before) {
            (None, Some(before)) => Ok(before.limits.tpm),
            (tpm, _) => limit("tpm", tpm.as_deref()),
        });
        let enabled = errors.keep(match (&self.enabled, before) {
            (None, Some(before)) => Ok(before.enabled),
            (given, _) => enabled(given.as_deref()),
        });
        let min_estimate = errors.keep(match (&self.min_estimate, before) {
            (None, Some(before)) => Ok(before.min_estimate),
            (given, _) => min_estimate(given.as_deref()),
        });
        errors.append(&self.errors);
        match (id, rpm, tpm, enabled, min_estimate) {
            (Some(id), Some(rpm), Some(tpm), Some(enabled), Some(min_estimate))
                if errors.is_empty() =>
            {
                Ok(ClientConfig { id, limits: Limits { rpm, tpm }, enabled, min_estimate })
            }
            _ => Err(errors),
        }
    }

    fn id(&self) -> Result<ClientId, FieldError> {
        let (id, json) = match (&self.addressed_to, &self.client_id) {
            (Some(id), _) => (Some(id.clone()), Value::from(id.as_str()).to_string()),
            (None, Some(json)) => (serde_json::from_str::<String>(json).ok(), json.clone()),
            (None, None) => return Err(FieldError::Missing { field: "client_id" }),
        };
        let id = id.ok_or(InvalidClientId).and_then(|id| ClientId::try_from(id.as_str()));
        match id {
            Ok(id) if id.is_reserved() => Err(FieldError::ReservedId(id)),
            Ok(id) => Ok(id),
            Err(allowed) => Err(FieldError::Id { allowed, value: Shown::new(&json) }),
        }
    }

    fn id_agrees(&self) -> Result<(), FieldError> {
        let (Some(path), Some(json)) = (&self.addressed_to, &self.client_id) else {
            return Ok(());
        };
        if serde_json::from_str::<String>(json).is_ok_and(|id| id == *path) {
            return Ok(());
        }
        let path = Shown::new(&Value::from(path.as_str()).to_string());
        Err(FieldError::OtherId { path, value: Shown::new(json) })
    }
}

fn limit(field: &'static str, json: Option<&str>) -> Result<Option<Limit>, FieldError> {
    let Some(json) = json.filter(|&json| json != "null") else { return Ok(None) };
    // JSON allows neither a plus sign nor leading zeros: what parses here is what JSON calls an
    // integer. A number such as 60.0 or 6e1 is not what anybody means to write as a limit.
    let limit = json.parse().ok().and_then(|per_minute| Limit::new(per_minute).ok());
    match limit {
        Some(limit) => Ok(Some(limit)),
        None => Err(FieldError::Limit { field, value: Shown::new(json) }),
    }
}

fn enabled(json: Option<&str>) -> Result<bool, FieldError> {
    match json {
        None | Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(FieldError::Enabled { value: Shown::new(other) }),
    }
}

fn min_estimate(json: Option<&str>) -> Result<Option<Tokens>, FieldError> {
    let Some(json) = json.filter(|&json| json != "null") else { return Ok(None) };
    match json.parse().ok().and_then(|tokens| Tokens::new(tokens).ok()) {
        Some(tokens) => Ok(Some(tokens)),
        None => Err(FieldError::MinEstimate { value: Shown::new(json) }),
    }
}

#[cfg(test)]
mod tests {
    use limiter::PER_MINUTE_MAX;

    use super::*;

    fn told(draft: &Draft) -> String {
        draft.validate().map_or_else(|errors| errors.to_string(), |config| format!("{config:?}"))
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_fields() {
        let mut draft =
            Draft::new("no spaces", Some(0), Some(PER_MINUTE_MAX.cast_signed() + 1), true);
        draft.enabled = Some("\"yes\"".to_owned());
        draft.min_estimate = Some("-1".to_owned());
        draft.errors.push(FieldError::Unknown { name: Shown::new("\"rmp\"") });
        assert_eq!(
            told(&draft),
            "client_id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone, not \"no spaces\"; \
             rpm must be null or an integer from 1 to 1000000000000, not 0; \
             tpm must be null or an integer from 1 to 1000000000000, not 1000000000001; \
             enabled must be true or false, not \"yes\"; \
             min_estimate must be null or an integer from 0 to 1000000000000, not -1; \
             \"rmp\" is not a field: client_id, rpm, tpm, enabled and min_estimate are"
        );
    }

    #[test]
    fn of_very_many_errors_the_first_are_told_and_the_others_counted() {
        let mut draft = Draft::new("a", None, None, true);
        for _ in 0..1_000 {
            draft.errors.push(FieldError::Repeated { field: "rpm" });
        }
        draft.rpm = Some("0".to_owned());
        let told = told(&draft);
        assert!(told.starts_with("rpm must be null or an integer"), "{told}");
        assert!(told.ends_with("; and 981 more"), "{told}");
        assert!(told.len() < 2_000, "{told}");
    }
}
