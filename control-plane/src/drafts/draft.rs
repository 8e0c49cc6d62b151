//! From what an operator gave to a client's configuration, or to everything that is wrong with it.

use limiter::{ClientId, InvalidClientId, PER_MINUTE_MAX, PerMinute, Tokens};

use super::{FieldError, FieldErrors, Given, identities, judge};
use crate::{
    clients::{ClientConfig, Limits},
    excerpt::Excerpt,
    limits::{Group, InvalidGroup, InvalidName, Name},
};

/// A configuration that nobody has judged yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The id that the call is addressed to, by its path. `client_id` need not be there then, and is
    /// an error where it differs.
    pub addressed_to: Option<String>,
    /// Who is limited.
    pub client_id: Given<String>,
    /// Requests per minute; `None`: not limited.
    pub rpm: Given<Option<u64>>,
    /// Tokens per minute; `None`: not limited.
    pub tpm: Given<Option<u64>>,
    /// Whether the limits are in force.
    pub enabled: Given<bool>,
    /// Tokens that a request reserves at least; `None`: what holds for all.
    pub min_estimate: Given<Option<u64>>,
    /// The group that it is in; `None`: in none.
    pub group: Given<Option<String>>,
    /// The plan that it is on; `None`: on none.
    pub plan: Given<Option<String>>,
    /// What its verified requests are known by; `None`: by its id.
    pub identities: Given<Option<Vec<Given<String>>>>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

impl Draft {
    /// A client with these limits, and nothing else said.
    pub fn new(client_id: &str, rpm: Option<u64>, tpm: Option<u64>) -> Self {
        Self {
            client_id: Given::Value(client_id.to_owned()),
            rpm: Given::Value(rpm),
            tpm: Given::Value(tpm),
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
        let limits = before.map(|before| before.limits).unwrap_or_default();
        let mut errors = FieldErrors::default();
        let id = errors.keep(self.id());
        if let Err(error) = self.id_agrees() {
            errors.push(error);
        }
        let rpm = errors.keep(limit("rpm", &self.rpm, limits.rpm));
        let tpm = errors.keep(limit("tpm", &self.tpm, limits.tpm));
        let enabled = errors.keep(self.enabled.judged(
            before.is_none_or(|before| before.enabled),
            |enabled| Ok(*enabled),
            |value| FieldError::Enabled { value },
        ));
        let min_estimate = errors.keep(self.min_estimate.judged(
            before.and_then(|before| before.min_estimate),
            |tokens| judge::number(*tokens, Tokens::new),
            |value| FieldError::MinEstimate { value },
        ));
        let group = errors.keep(judge::text(
            "group",
            &self.group,
            before.and_then(|before| before.group.clone()),
            InvalidGroup.into(),
            |text| Group::try_from(text),
        ));
        let plan = errors.keep(judge::text(
            "plan",
            &self.plan,
            before.and_then(|before| before.plan.clone()),
            InvalidName.into(),
            |text| Name::try_from(text),
        ));
        let listed = before.map(|before| &before.identities);
        let identities = identities::judged(&self.identities, listed, &mut errors);
        errors.append(&self.errors);
        match (id, rpm, tpm, enabled, min_estimate, group, plan, identities) {
            (
                Some(id),
                Some(rpm),
                Some(tpm),
                Some(enabled),
                Some(min_estimate),
                Some(group),
                Some(plan),
                Some(identities),
            ) if errors.is_empty() => {
                let limits = Limits { rpm, tpm };
                Ok(ClientConfig { id, limits, enabled, min_estimate, group, plan, identities })
            }
            _ => Err(errors),
        }
    }

    fn id(&self) -> Result<ClientId, FieldError> {
        let allowed = InvalidClientId;
        let id = match (&self.addressed_to, &self.client_id) {
            (Some(id), _) | (None, Given::Value(id)) => id,
            (None, Given::Wrong(value)) => {
                return Err(FieldError::Id { allowed, value: value.clone() });
            }
            (None, Given::Absent) => return Err(FieldError::Missing { field: "client_id" }),
        };
        judge::no_secret("client_id", id)?;
        match ClientId::try_from(id.as_str()) {
            Ok(id) if id.is_reserved() => Err(FieldError::ReservedId(id)),
            Ok(id) => Ok(id),
            Err(allowed) => Err(FieldError::Id { allowed, value: Excerpt::quoted(id) }),
        }
    }

    fn id_agrees(&self) -> Result<(), FieldError> {
        judge::agrees("client_id", self.addressed_to.as_deref(), &self.client_id)
    }
}

fn limit(
    field: &'static str,
    given: &Given<Option<u64>>,
    before: Option<PerMinute>,
) -> Result<Option<PerMinute>, FieldError> {
    given.judged(
        before,
        |per_minute| judge::number(*per_minute, PerMinute::new),
        |value| FieldError::Limit { field, max: PER_MINUTE_MAX, value },
    )
}

#[cfg(test)]
mod tests {
    use limiter::PER_MINUTE_MAX;

    use super::{super::Fields, *};

    fn told(draft: &Draft) -> String {
        draft.validate().map_or_else(|errors| errors.to_string(), |config| format!("{config:?}"))
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_fields() {
        let mut draft = Draft::new("no spaces", Some(0), Some(PER_MINUTE_MAX + 1));
        draft.enabled = Given::Wrong(Excerpt::quoted("yes"));
        draft.min_estimate = Given::Wrong(Excerpt::new("-1"));
        draft.group = Given::Value(Some("a//b".to_owned()));
        draft.plan = Given::Wrong(Excerpt::new("5"));
        let identities = ["a", "a\nb", "a"].map(|text| Given::Value(text.to_owned()));
        draft.identities = Given::Value(Some(identities.to_vec()));
        draft.errors.push(FieldError::Unknown { of: Fields::Client, name: Excerpt::quoted("rmp") });
        assert_eq!(
            told(&draft),
            "client_id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone, not \"no spaces\"; \
             rpm must be null or an integer from 1 to 1000000000000, not 0; \
             tpm must be null or an integer from 1 to 1000000000000, not 1000000000001; \
             enabled must be true or false, not \"yes\"; \
             min_estimate must be null or an integer from 0 to 1000000000000, not -1; \
             group must be 1 to 4 names with / between, each of 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, but not . or .. alone, and neither \"unknown\" nor \"other\", not \"a//b\"; \
             plan must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, but not . or .. alone, and neither \"unknown\" nor \"other\", not 5; \
             identities[1] must be a text of 1 to 512 bytes without control characters, not \"a\\nb\"; \
             identities must have each value once, not \"a\" twice; \
             \"rmp\" is not a field: client_id, rpm, tpm, enabled, min_estimate, group, plan and identities are"
        );
    }

    #[test]
    fn a_key_where_a_name_belongs_is_refused_and_not_repeated() {
        let key = "fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
        let mut draft = Draft::new(key, None, None);
        draft.plan = Given::Value(Some(key.to_owned()));
        // One that was cut would fit.
        draft.group = Given::Value(Some(format!("a/{}", &key[..60])));
        draft.identities = Given::Value(Some(vec![Given::Value(format!("Bearer {key}"))]));
        let refused = "must not have a key or a token in it (fgk_…, fga_…): what is configured is \
                       shown, and written to logs";
        let fields = ["client_id", "group", "plan", "identities"];
        assert_eq!(told(&draft), fields.map(|field| format!("{field} {refused}")).join("; "));
    }

    #[test]
    fn a_client_lists_its_identities_or_is_known_by_its_id() {
        let given = |texts: &[&str]| {
            Given::Value(Some(texts.iter().map(|text| Given::Value((*text).to_owned())).collect()))
        };
        let draft = |identities| Draft { identities, ..Draft::new("a", None, None) };
        let listed = draft(given(&["x", "y"])).validate().expect("a client");
        assert_eq!(listed.identities.as_slice().len(), 2);
        let kept = Draft::new("a", Some(1), None).apply_to(&listed).expect("a client");
        assert_eq!(kept.identities, listed.identities);
        for none in [Given::Value(None), given(&[])] {
            assert!(draft(none).apply_to(&listed).expect("a client").identities.is_empty());
        }
        let many: Vec<_> = (0..17).map(|n| n.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let refused = "identities must be a list of at most 16 identities, not";
        assert_eq!(told(&draft(given(&many))), format!("{refused} one of 17"));
        assert_eq!(told(&draft(Given::Wrong(Excerpt::new("5")))), format!("{refused} 5"));
    }

    #[test]
    fn of_very_many_errors_the_first_are_told_and_the_others_counted() {
        let mut draft = Draft::new("a", None, None);
        for _ in 0..1_000 {
            draft.errors.push(FieldError::Repeated { field: "rpm" });
        }
        draft.rpm = Given::Value(Some(0));
        let told = told(&draft);
        assert!(told.starts_with("rpm must be null or an integer"), "{told}");
        assert!(told.ends_with("; and 981 more"), "{told}");
        assert!(told.len() < 2_000, "{told}");
    }
}
