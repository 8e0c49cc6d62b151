//! From what an operator gave to a model, or to everything that is wrong with it.

use std::collections::BTreeSet;

use super::{Allowed, FieldError, FieldErrors, Given, judge};
use crate::{
    excerpt::Excerpt,
    limits::{InvalidName, InvalidPattern, Name, PATTERNS_PER_MODEL_MAX, Pattern, Patterns},
};

/// A model that nobody has judged yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelDraft {
    /// The name that the call is addressed to, by its path. `name` need not be there then, and is an
    /// error where it differs.
    pub addressed_to: Option<String>,
    /// What it is called.
    pub name: Given<String>,
    /// The names in requests that are meant.
    pub patterns: Given<Vec<Given<String>>>,
    /// What is wrong with the fields themselves.
    pub errors: FieldErrors,
}

const PATTERNS: &str = "patterns";
const LIST: Allowed = Allowed::List("1 to 64 patterns");

impl ModelDraft {
    /// The model, or all that is wrong.
    pub fn validate(&self) -> Result<(Name, Patterns), FieldErrors> {
        let mut errors = FieldErrors::default();
        let given = self.addressed_to.clone().map_or_else(|| self.name.clone(), Given::Value);
        let name = judge::required("name", &given, InvalidName.into(), |text| Name::try_from(text));
        let name = errors.keep(name);
        if let Err(error) = judge::agrees("name", self.addressed_to.as_deref(), &self.name) {
            errors.push(error);
        }
        let patterns = self.patterns(&mut errors);
        errors.append(&self.errors);
        match (name, patterns) {
            (Some(name), Some(patterns)) if errors.is_empty() => Ok((name, patterns)),
            _ => Err(errors),
        }
    }

    fn patterns(&self, errors: &mut FieldErrors) -> Option<Patterns> {
        let list = match &self.patterns {
            Given::Value(list) => list,
            Given::Absent => {
                errors.push(FieldError::Missing { field: PATTERNS });
                return None;
            }
            Given::Wrong(value) => {
                let value = value.clone();
                errors.push(FieldError::Value { field: PATTERNS, allowed: LIST, value });
                return None;
            }
        };
        if !(1..=PATTERNS_PER_MODEL_MAX).contains(&list.len()) {
            let value = Excerpt::new(&format!("one of {}", list.len()));
            errors.push(FieldError::Value { field: PATTERNS, allowed: LIST, value });
            return None;
        }
        let mut seen = BTreeSet::new();
        let mut patterns = Vec::with_capacity(list.len());
        for (item, given) in list.iter().enumerate() {
            let judged = match given {
                Given::Value(text) => pattern(item, text, &mut seen),
                Given::Wrong(value) => Err(no_pattern(item, value.clone())),
                Given::Absent => continue,
            };
            patterns.extend(errors.keep(judged));
        }
        Patterns::new(patterns).ok()
    }
}

fn pattern(item: usize, text: &str, seen: &mut BTreeSet<String>) -> Result<Pattern, FieldError> {
    judge::no_secret(PATTERNS, text)?;
    let value = Excerpt::quoted(text);
    let Ok(pattern) = Pattern::try_from(text) else { return Err(no_pattern(item, value)) };
    if seen.insert(text.to_ascii_lowercase()) {
        Ok(pattern)
    } else {
        Err(FieldError::RepeatedItem { field: PATTERNS, item, value })
    }
}

fn no_pattern(item: usize, value: Excerpt) -> FieldError {
    FieldError::Item { field: PATTERNS, item, allowed: InvalidPattern.into(), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(patterns: &[&str]) -> ModelDraft {
        let patterns = patterns.iter().map(|text| Given::Value((*text).to_owned())).collect();
        let addressed_to = Some("small".to_owned());
        ModelDraft { addressed_to, patterns: Given::Value(patterns), ..ModelDraft::default() }
    }

    fn told(draft: &ModelDraft) -> Vec<String> {
        let errors = draft.validate().expect_err("wrong");
        errors.told().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_model_is_a_name_and_patterns_in_their_order() {
        let (name, patterns) = draft(&["*-mini", "*Haiku*"]).validate().expect("a model");
        let patterns: Vec<_> = patterns.as_slice().iter().map(Pattern::as_str).collect();
        assert_eq!((name.as_str(), patterns), ("small", vec!["*-mini", "*Haiku*"]));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut draft = draft(&["a b", "x*", "", "X*"]);
        draft.addressed_to = Some("other".to_owned());
        draft.name = Given::Value("mine".to_owned());
        let allowed = "must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / - *";
        assert_eq!(
            told(&draft),
            [
                "name must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, but not . or .. alone, and neither \"unknown\" nor \"other\", not \"other\"",
                "name must be \"other\" as in the path, or absent, not \"mine\"",
                &format!("patterns[0] {allowed}, not \"a b\""),
                &format!("patterns[2] {allowed}, not \"\""),
                "patterns must have each value once, not \"X*\" twice",
            ]
        );
    }

    #[test]
    fn a_model_has_1_to_64_patterns() {
        let list = "patterns must be a list of 1 to 64 patterns, not";
        assert_eq!(told(&draft(&[])), [format!("{list} one of 0")]);
        let many: Vec<_> = (0..65).map(|n| n.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(told(&draft(&many)), [format!("{list} one of 65")]);
        assert!(draft(&many[1..]).validate().is_ok());
        let wrong = Given::Wrong(Excerpt::quoted("*"));
        let wrong = ModelDraft { patterns: wrong, ..draft(&[]) };
        assert_eq!(told(&wrong), [format!("{list} \"*\"")]);
        let absent = ModelDraft { patterns: Given::Absent, ..draft(&[]) };
        assert_eq!(told(&absent), ["patterns is required"]);
    }
}
