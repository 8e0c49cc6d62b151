//! What an operator may do, once: every API calls these same functions, and only translates.
//!
//! Each call says who calls. A write is stored first, then put in force, then acknowledged.

mod audited;
mod backup;
mod bucket_page;
mod caller;
mod calls;
mod change;
mod credential_change;
mod cursor;
mod difference;
mod document;
mod error;
mod everything;
mod explain;
mod follow;
mod followed;
pub mod grpc;
mod identities;
mod keys;
mod kind;
mod limits;
mod models;
mod owned;
mod page;
mod past;
mod plan;
mod precondition;
mod preview;
pub mod rest;
mod revisions;
mod rule_change;
mod rules;
pub mod start;
mod stats;
mod system;
mod tag;
mod tokens;
mod told;
mod wanted;
mod wanted_credentials;
mod writer;

pub use caller::{Call, Caller};
pub use calls::Operator;
pub use change::{Change, Removal, Write};
pub use credential_change::{KeyRemoval, NewKey, NewToken, TokenRemoval};
pub use difference::{ByKind, Difference, Names, Replacement};
pub use document::DOCUMENT_BYTES_MAX;
pub use error::{ErrorRow, OperatorError};
pub use everything::Run;
pub use explain::Explanation;
pub use followed::FollowMetrics;
pub use kind::Kind;
pub use owned::FileChange;
pub use precondition::Precondition;
pub use rule_change::{LimitChange, ModelChange, RuleRemoval};
pub(crate) use rules::{judge_clients, put_rules_in_force};
pub use stats::ClientStats;
pub use system::{StoreKind, Surroundings, System, WorkerStanding};
pub use tag::{Tag, Tagged};
pub use wanted::{Wanted, WrongDocument};

pub use crate::{
    clients::CLIENTS_MAX,
    drafts::{
        Allowed, Draft, FieldError, FieldErrors, Fields, Given, KeyDraft, KeyRecordDraft,
        LimitDraft, MatchDraft, ModelDraft, Notation, PreviewDraft, QuestionDraft, SentDocument,
        TokenDraft, TokenRecordDraft,
    },
};
