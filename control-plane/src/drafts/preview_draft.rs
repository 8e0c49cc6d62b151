//! What somebody supposes: one client, one limit or a whole configuration other than it is.

use super::{Draft, FieldError, FieldErrors, Given, LimitDraft, SentDocument};

/// What a caller gave.
#[derive(Debug, Default)]
pub struct PreviewDraft {
    /// A client, as it is written.
    pub client: Given<Draft>,
    /// A limit, as it is written.
    pub limit: Given<LimitDraft>,
    /// A whole configuration, as a document.
    pub config: Given<SentDocument>,
    /// What was found wrong with the draft itself.
    pub errors: FieldErrors,
}

/// What is supposed, of which all but its parts was judged.
#[derive(Debug)]
pub enum Supposition {
    /// Nothing.
    Nothing,
    /// A client is so.
    Client(Box<Draft>),
    /// A limit is so.
    Limit(Box<LimitDraft>),
    /// Everything is so.
    Everything(SentDocument),
}

impl PreviewDraft {
    /// What is supposed: one thing at most.
    pub fn validate(self) -> Result<Supposition, FieldErrors> {
        let Self { client, limit, config, mut errors } = self;
        let mut supposed: Option<(&'static str, Supposition)> = None;
        let mut take = |field, given: Result<Option<Supposition>, FieldError>| match given {
            Ok(None) => {}
            Ok(Some(second)) => match &supposed {
                None => supposed = Some((field, second)),
                Some((first, _)) => {
                    errors.push(FieldError::SecondSupposed { first, second: field });
                }
            },
            Err(error) => errors.push(error),
        };
        take("client", one("client", client, |draft| Supposition::Client(Box::new(draft))));
        take("limit", one("limit", limit, |draft| Supposition::Limit(Box::new(draft))));
        take("config", one("config", config, Supposition::Everything));
        if errors.is_empty() {
            Ok(supposed.map_or(Supposition::Nothing, |(_, supposed)| supposed))
        } else {
            Err(errors)
        }
    }
}

fn one<T>(
    field: &'static str,
    given: Given<T>,
    of: impl FnOnce(T) -> Supposition,
) -> Result<Option<Supposition>, FieldError> {
    match given {
        Given::Absent => Ok(None),
        Given::Value(value) => Ok(Some(of(value))),
        Given::Wrong(value) => Err(FieldError::Object { field, value }),
    }
}
