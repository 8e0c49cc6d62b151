//! What somebody gave, before it is judged: by whichever API, in a file, in a backup. Of each thing that
//! can be configured all that is wrong is told at once, in the order of its fields.

mod credential_draft;
mod draft;
mod field_error;
mod given;
mod identities;
mod judge;
mod key_draft;
mod limit_draft;
mod match_draft;
mod model_draft;
mod preview_draft;
mod question_draft;
mod sent_document;
mod token_draft;

pub use credential_draft::{KeyRecordDraft, TokenRecordDraft};
pub use draft::Draft;
pub use field_error::{Allowed, FieldError, FieldErrors, Fields};
pub use given::Given;
pub use key_draft::KeyDraft;
pub use limit_draft::LimitDraft;
pub use match_draft::MatchDraft;
pub use model_draft::ModelDraft;
pub use preview_draft::{PreviewDraft, Supposition};
pub use question_draft::{Question, QuestionDraft};
pub use sent_document::{Notation, SentDocument};
pub use token_draft::TokenDraft;
