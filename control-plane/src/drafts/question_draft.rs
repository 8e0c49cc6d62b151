//! A request that nobody makes, as somebody asks what would become of it.

use limiter::{ClientId, Tokens};
use proto::model_name;

use super::{Allowed, FieldError, FieldErrors, Given, judge};
use crate::excerpt::Excerpt;

/// What a caller gave.
#[derive(Clone, Debug, Default)]
pub struct QuestionDraft {
    /// Whose request it would be.
    pub client_id: String,
    /// The tokens that it would say it needs.
    pub tokens: Given<Option<u64>>,
    /// The model that it would name.
    pub model: Given<String>,
}

/// A request that could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whose it would be: no client of this id has to be configured.
    pub client: String,
    /// The tokens that it would say it needs.
    pub tokens: Option<Tokens>,
    /// The model that it would name.
    pub model: Option<String>,
}

impl QuestionDraft {
    /// What is asked, or all that no request could have.
    pub fn validate(self) -> Result<Question, FieldErrors> {
        let mut errors = FieldErrors::default();
        let client = errors.keep(id(&self.client_id));
        let tokens = self.tokens.judged(
            None,
            |tokens| judge::number(*tokens, Tokens::new),
            |value| FieldError::Value { field: "tokens", allowed: Allowed::Tokens, value },
        );
        let tokens = errors.keep(tokens);
        let model = judge::optional("model", &self.model, Allowed::RequestModel, |text| {
            model_name(text.as_bytes()).map(str::to_owned).ok_or(())
        });
        let model = errors.keep(model);
        match (client, tokens, model) {
            (Some(client), Some(tokens), Some(model)) if errors.is_empty() => {
                Ok(Question { client, tokens, model })
            }
            _ => Err(errors),
        }
    }
}

/// An id that a request can have, whether somebody is configured under it or not.
fn id(text: &str) -> Result<String, FieldError> {
    judge::no_secret("client_id", text)?;
    match ClientId::check(text.as_bytes()) {
        Ok(id) => Ok(id.to_owned()),
        Err(allowed) => Err(FieldError::Id { allowed, value: Excerpt::quoted(text) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_request_could_have_is_told_all_at_once() {
        let draft = QuestionDraft {
            client_id: "a b".to_owned(),
            tokens: Given::Value(Some(1_000_000_000_001)),
            model: Given::Value("a*".to_owned()),
        };
        let errors = draft.validate().expect_err("all of it is wrong").to_string();
        for told in [
            "client_id must be 1 to 128 characters",
            "tokens must be an integer from 0 to 1000000000000, not 1000000000001",
            "model must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / -, not \"a*\"",
        ] {
            assert!(errors.contains(told), "{errors}");
        }
        // Nobody is configured under these, and requests may have them.
        for client in ["unknown", "other", "nobody"] {
            let client_id = client.to_owned();
            let question = QuestionDraft { client_id, ..QuestionDraft::default() }.validate();
            assert_eq!(question.map(|question| question.client).as_deref(), Ok(client));
        }
    }
}
