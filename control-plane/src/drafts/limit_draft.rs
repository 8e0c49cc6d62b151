//! From what an operator gave to a limit, or to everything that is wrong with it.

use std::num::NonZeroU64;

use limiter::{AMOUNT_MAX, Quota};

use super::{Allowed, FieldError, FieldErrors, Given, MatchDraft, judge};
use crate::{
    excerpt::Excerpt,
    limits::{
        Each, InvalidEach, InvalidLimitName, InvalidPer, Limit, LimitMode, LimitName, Match,
        Measure, Per,
    },
};

/// A limit that nobody has judged yet. A number, or `per`, of `None` is none, as if it was absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitDraft {
    /// The name that the call is addressed to, by its path. `name` need not be there then, and is an
    /// error where it differs.
    pub addressed_to: Option<String>,
    /// What it is called.
    pub name: Given<String>,
    /// Which requests it is for. It has to be there: a limit that names nothing is for everybody.
    pub matches: Given<MatchDraft>,
    /// For each value of which it has a bucket of its own.
    pub each: Given<Vec<Given<String>>>,
    /// Requests in a window.
    pub requests: Given<Option<u64>>,
    /// Tokens in a window.
    pub tokens: Given<Option<u64>>,
    /// Requests at a time.
    pub concurrent: Given<Option<u64>>,
    /// The window.
    pub per: Given<Option<String>>,
    /// How much of it at once.
    pub burst: Given<Option<u64>>,
    /// Whether it refuses.
    pub mode: Given<String>,
    /// The number on trial.
    pub trial: Given<Option<u64>>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

/// What a limit counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Requests,
    Tokens,
    Concurrent,
}

impl LimitDraft {
    /// The limit, or all that is wrong.
    pub fn validate(&self) -> Result<Limit, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.keep(self.name());
        if let Err(error) = judge::agrees("name", self.addressed_to.as_deref(), &self.name) {
            errors.push(error);
        }
        let matches = self.matches(&mut errors);
        let each = self.each(&mut errors);
        let measure = self.measure(&mut errors);
        let mode = errors.keep(self.mode());
        let trial = errors.keep(number("trial", &self.trial, AMOUNT_MAX));
        errors.append(&self.errors);
        match (name, measure, mode, trial) {
            (Some(name), Some(measure), Some(mode), Some(trial)) if errors.is_empty() => {
                Ok(Limit { name, matches, each, measure, mode, trial })
            }
            _ => Err(errors),
        }
    }

    fn name(&self) -> Result<LimitName, FieldError> {
        let given = self.addressed_to.clone().map_or_else(|| self.name.clone(), Given::Value);
        judge::required("name", &given, InvalidLimitName.into(), |text| LimitName::try_from(text))
    }

    /// What is judged of it; the rest are errors.
    fn matches(&self, errors: &mut FieldErrors) -> Match {
        match &self.matches {
            Given::Value(matches) => matches.judged(errors),
            Given::Absent => {
                errors.push(FieldError::Missing { field: "match" });
                Match::default()
            }
            Given::Wrong(value) => {
                let (field, allowed, value) = ("match", Allowed::Match, value.clone());
                errors.push(FieldError::Value { field, allowed, value });
                Match::default()
            }
        }
    }

    fn each(&self, errors: &mut FieldErrors) -> Each {
        const FIELD: &str = "each";
        let mut each = Each::default();
        let list = match &self.each {
            Given::Absent => return each,
            Given::Value(list) => list,
            Given::Wrong(value) => {
                let allowed = Allowed::List("client, group, plan and model");
                errors.push(FieldError::Value { field: FIELD, allowed, value: value.clone() });
                return each;
            }
        };
        for (item, word) in list.iter().enumerate() {
            let unknown =
                |value| FieldError::Item { field: FIELD, item, allowed: Allowed::Each, value };
            let added = match word {
                Given::Value(word) => each.add(word).map_err(|error| match error {
                    InvalidEach::Unknown => unknown(Excerpt::quoted(word)),
                    InvalidEach::Repeated => FieldError::RepeatedItem {
                        field: FIELD,
                        item,
                        value: Excerpt::quoted(word),
                    },
                }),
                Given::Wrong(value) => Err(unknown(value.clone())),
                Given::Absent => Ok(()),
            };
            errors.keep(added);
        }
        each
    }

    /// What it counts, with the window and the burst.
    fn measure(&self, errors: &mut FieldErrors) -> Option<Measure> {
        let mut measure = None;
        let mut amount = None;
        for (kind, field, given) in [
            (Kind::Requests, "requests", &self.requests),
            (Kind::Tokens, "tokens", &self.tokens),
            (Kind::Concurrent, "concurrent", &self.concurrent),
        ] {
            let judged = errors.keep(number(field, given, AMOUNT_MAX));
            if !given.is_set() {
                continue;
            }
            match measure {
                None => {
                    measure = Some((kind, field));
                    amount = judged.flatten();
                }
                Some((_, first)) => {
                    errors.push(FieldError::SecondMeasure { first, second: field });
                }
            }
        }
        if measure.is_none() {
            errors.push(FieldError::Missing { field: "requests, tokens or concurrent" });
        }
        let kind = measure.map(|(kind, _)| kind);
        let per = self.per(kind, errors);
        let burst = errors.keep(self.burst(kind, amount));
        let quota = || Quota::new(amount?.get(), per?.0, burst?.map(NonZeroU64::get)).ok();
        match kind? {
            Kind::Requests => quota().map(Measure::Requests),
            Kind::Tokens => quota().map(Measure::Tokens),
            Kind::Concurrent => amount.map(Measure::Concurrent),
        }
    }

    fn per(&self, kind: Option<Kind>, errors: &mut FieldErrors) -> Option<Per> {
        const FIELD: &str = "per";
        let allowed = InvalidPer.into();
        let per = judge::text(FIELD, &self.per, None, allowed, |text| Per::try_from(text));
        let per = errors.keep(per)?;
        match kind {
            Some(Kind::Requests | Kind::Tokens) if per.is_none() => {
                errors.push(FieldError::Missing { field: FIELD });
            }
            Some(Kind::Concurrent) if per.is_some() => {
                errors.push(FieldError::WithoutWindow { field: FIELD });
            }
            _ => {}
        }
        per
    }

    fn burst(
        &self,
        kind: Option<Kind>,
        amount: Option<NonZeroU64>,
    ) -> Result<Option<NonZeroU64>, FieldError> {
        const FIELD: &str = "burst";
        if kind == Some(Kind::Concurrent) && self.burst.is_set() {
            return Err(FieldError::WithoutWindow { field: FIELD });
        }
        number(FIELD, &self.burst, amount.map_or(AMOUNT_MAX, NonZeroU64::get))
    }

    fn mode(&self) -> Result<LimitMode, FieldError> {
        let mode = |text: &String| {
            let named = LimitMode::ALL.into_iter().find(|mode| mode.word() == text);
            named.ok_or_else(|| Excerpt::quoted(text))
        };
        let refuse = |value| FieldError::Value { field: "mode", allowed: Allowed::Mode, value };
        self.mode.judged(LimitMode::default(), mode, refuse)
    }
}

/// A positive number up to `max`.
fn number(
    field: &'static str,
    given: &Given<Option<u64>>,
    max: u64,
) -> Result<Option<NonZeroU64>, FieldError> {
    let up_to = |number| NonZeroU64::new(number).filter(|number| number.get() <= max).ok_or(());
    let refuse = |value| FieldError::Limit { field, max, value };
    given.judged(None, |number| judge::number(*number, up_to), refuse)
}

#[cfg(test)]
mod tests {
    use limiter::ClientId;

    use super::{super::Fields, *};
    use crate::limits::ModelName;

    fn text(text: &str) -> Given<String> {
        Given::Value(text.to_owned())
    }

    /// So many requests a minute of everybody.
    fn draft() -> LimitDraft {
        LimitDraft {
            name: text("all"),
            matches: Given::Value(MatchDraft::default()),
            requests: Given::Value(Some(100)),
            per: Given::Value(Some("1m".to_owned())),
            ..LimitDraft::default()
        }
    }

    fn told(draft: &LimitDraft) -> String {
        draft.validate().map_or_else(|errors| errors.to_string(), |limit| format!("{limit:?}"))
    }

    /// A draft with one thing changed.
    fn check(change: impl FnOnce(&mut LimitDraft), expected: &str) {
        let mut changed = draft();
        change(&mut changed);
        assert_eq!(told(&changed), expected);
    }

    #[test]
    fn what_is_not_there_is_what_most_people_mean() {
        let limit = draft().validate().expect("a limit");
        let quota = limit.measure.quota().expect("a window");
        assert_eq!((quota.amount(), quota.burst(), quota.window().secs()), (100, 100, 60));
        assert_eq!((limit.mode, limit.trial), (LimitMode::Enforce, None));
        assert_eq!((limit.matches, limit.each), (Match::default(), Each::default()));
    }

    #[test]
    fn every_field_can_be_said() {
        let limit = LimitDraft {
            addressed_to: Some("a".to_owned()),
            name: text("a"),
            matches: Given::Value(MatchDraft {
                client: text("unknown"),
                group: text("acme/research"),
                plan: text("pro"),
                model: text("other"),
                errors: FieldErrors::default(),
            }),
            each: Given::Value(vec![text("model"), text("client")]),
            requests: Given::Value(None),
            tokens: Given::Value(Some(AMOUNT_MAX)),
            concurrent: Given::Value(None),
            per: Given::Value(Some("31d".to_owned())),
            burst: Given::Value(Some(1)),
            mode: text("shadow"),
            trial: Given::Value(Some(AMOUNT_MAX)),
            errors: FieldErrors::default(),
        };
        let limit = limit.validate().expect("a limit");
        assert_eq!(limit.matches.client, Some(ClientId::unknown()));
        assert_eq!(limit.matches.group.expect("a group").as_str(), "acme/research");
        assert_eq!(limit.matches.plan.expect("a plan").as_str(), "pro");
        assert_eq!(limit.matches.model, Some(ModelName::Other));
        assert_eq!(limit.each.words().collect::<Vec<_>>(), ["client", "model"]);
        assert_eq!((limit.measure.word(), limit.measure.amount()), ("tokens", AMOUNT_MAX));
        assert_eq!(
            (limit.mode, limit.trial.map(NonZeroU64::get)),
            (LimitMode::Shadow, Some(AMOUNT_MAX))
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_fields() {
        let mut draft = LimitDraft {
            name: text("rpm"),
            matches: Given::Value(MatchDraft {
                client: text("other"),
                group: text("a//b"),
                plan: Given::Wrong(Excerpt::new("null")),
                model: text("unknown"),
                errors: FieldErrors::default(),
            }),
            each: Given::Value(vec![
                text("team"),
                text("plan"),
                text("plan"),
                Given::Wrong(Excerpt::new("5")),
            ]),
            requests: Given::Value(Some(0)),
            tokens: Given::Value(Some(AMOUNT_MAX + 1)),
            concurrent: Given::Value(Some(1)),
            per: Given::Value(Some("1w".to_owned())),
            burst: Given::Wrong(Excerpt::new("1.5")),
            mode: text("on"),
            trial: Given::Value(Some(0)),
            ..LimitDraft::default()
        };
        draft.errors.push(FieldError::Unknown { of: Fields::Limit, name: Excerpt::quoted("rate") });
        let names = "1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -";
        let reserved = "but not . or .. alone, and neither \"unknown\" nor \"other\"";
        assert_eq!(
            told(&draft).split("; ").collect::<Vec<_>>(),
            [
                "name must be 1 to 64 characters of a-z 0-9 -, and neither \"rpm\" nor \"tpm\", not \"rpm\"",
                "match.client must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone, and not \"other\", not \"other\"",
                &format!(
                    "match.group must be 1 to 4 names with / between, each of {names}, {reserved}, not \"a//b\""
                ),
                &format!("match.plan must be {names}, {reserved}, not null"),
                "match.model must be \"other\" or the name of a model, 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, not \"unknown\"",
                "each[0] must be client, group, plan or model, not \"team\"",
                "each must have each value once, not \"plan\" twice",
                "each[3] must be client, group, plan or model, not 5",
                "requests must be null or an integer from 1 to 1000000000000, not 0",
                "tokens must be null or an integer from 1 to 1000000000000, not 1000000000001",
                "tokens must not be given with requests: a limit has one of requests, tokens and concurrent",
                "concurrent must not be given with requests: a limit has one of requests, tokens and concurrent",
                "per must be a time from \"1s\" to \"31d\", an integer and s, m, h or d, not \"1w\"",
                "burst must be null or an integer from 1 to 1000000000000, not 1.5",
                "mode must be enforce, shadow or off, not \"on\"",
                "trial must be null or an integer from 1 to 1000000000000, not 0",
                "\"rate\" is not a field: name, match, each, requests, tokens, concurrent, per, burst, mode and trial are",
            ]
        );
    }

    #[test]
    fn what_has_to_be_there_is_asked_for() {
        assert_eq!(
            told(&LimitDraft::default()),
            "name is required; match is required; requests, tokens or concurrent is required"
        );
        check(|draft| draft.per = Given::Absent, "per is required");
        check(|draft| draft.per = Given::Value(None), "per is required");
        check(
            |draft| draft.matches = Given::Wrong(Excerpt::new("5")),
            "match must be an object of client, group, plan and model, or {} for every request, not 5",
        );
        check(
            |draft| draft.each = Given::Wrong(Excerpt::quoted("client")),
            "each must be a list of client, group, plan and model, not \"client\"",
        );
    }

    #[test]
    fn places_have_neither_a_window_nor_a_burst() {
        check(
            |draft| {
                draft.requests = Given::Absent;
                draft.concurrent = Given::Value(Some(8));
                draft.burst = Given::Value(Some(8));
            },
            "per must not be given with concurrent: places come back, and none refills; \
             burst must not be given with concurrent: places come back, and none refills",
        );
    }

    #[test]
    fn a_burst_is_a_part_of_the_limit_and_a_trial_is_any_number() {
        check(
            |draft| draft.burst = Given::Value(Some(101)),
            "burst must be null or an integer from 1 to 100, not 101",
        );
        for trial in [1, 100, AMOUNT_MAX] {
            let draft = LimitDraft { trial: Given::Value(Some(trial)), ..draft() };
            assert!(draft.validate().expect("a limit").on_trial().is_some());
        }
    }

    #[test]
    fn another_name_than_the_paths_is_an_error() {
        let mut draft = draft();
        draft.addressed_to = Some("mine".to_owned());
        assert_eq!(told(&draft), "name must be \"mine\" as in the path, or absent, not \"all\"");
        draft.name = Given::Absent;
        assert_eq!(draft.validate().expect("a limit").name.as_str(), "mine");
    }
}
