//! Why a call was not done, and the one table of how each API says so. What an API cannot even read
//! is its own to refuse (`rest/error.rs`, `grpc/convert.rs`).

use std::{path::Path, sync::Arc};

use http::StatusCode;
use limiter::ClientId;
use tonic::Code;

use super::{FieldError, FieldErrors, Kind, Tag, WrongDocument};
use crate::{
    audit::AuditError,
    credentials::{KEYS_A_CLIENT_MAX, KEYS_MAX, PublicPart, Scope, TOKENS_MAX},
    excerpt::{Excerpt, path_in_one_line},
    limits::{InvalidModels, LIMITS_MAX, LimitName, Name, TooManyBuckets},
    store::StoreError,
    turns::Shutdown,
};

/// How many limits are named in one message.
const NAMES_TOLD_MAX: usize = 20;

/// Why an operator's call was not done. The text is for people, and the same in every API.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The draft is no configuration.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// No such client, limit or model is configured.
    #[error("{} not found", capital(.0.word()))]
    NotFound(Kind),
    /// A file owns it.
    #[error("the {kind} stands in the file {}, which alone can change it", path_in_one_line(file))]
    ManagedByFile {
        /// What it is.
        kind: Kind,
        /// Its path.
        file: Arc<Path>,
    },
    /// One more client would be too many.
    #[error(
        "{clients_max} clients are configured, which is as many as there can be: delete one first"
    )]
    TooManyClients {
        /// How many there can be.
        clients_max: usize,
    },
    /// One more key of a client would be too many.
    #[error("client {client} can have {KEYS_A_CLIENT_MAX} keys: revoke one of them first")]
    TooManyKeysOfClient {
        /// Whose they are.
        client: ClientId,
    },
    /// One more key would be too many.
    #[error("there are {KEYS_MAX} keys, which is as many as there can be: revoke one first")]
    TooManyKeys,
    /// One more token would be too many.
    #[error("there are {TOKENS_MAX} tokens, which is as many as there can be: revoke one first")]
    TooManyTokens,
    /// A key is of a client that there is not.
    #[error("client_id of key {key} must be a configured client, not {client}")]
    KeyOfNobody {
        /// The key.
        key: PublicPart,
        /// Whose it would be.
        client: ClientId,
    },
    /// Two keys, or two tokens, are one.
    #[error("sha256 of {kind} {second} must not be that of {kind} {first}: make another one")]
    SameSecret {
        /// What they are.
        kind: Kind,
        /// The one that is there.
        first: PublicPart,
        /// The other one.
        second: PublicPart,
    },
    /// A client lists what another one does.
    #[error("the identity {identity} is client {owner}'s: take it away from that client first")]
    IdentityTaken {
        /// The identity.
        identity: Excerpt,
        /// Whose it is.
        owner: ClientId,
    },
    /// One more limit would be too many.
    #[error("there can be {LIMITS_MAX} limits: delete one first")]
    TooManyLimits,
    /// These models cannot be configured together.
    #[error(transparent)]
    Models(#[from] InvalidModels),
    /// A limit is for a model that is not configured.
    #[error(
        "match.model of limit {limit} must be \"other\" or the name of a configured model, not \
         \"{model}\": configure the model first"
    )]
    UndefinedModel {
        /// The limit.
        limit: LimitName,
        /// The model that it names.
        model: Name,
    },
    /// A client would have more buckets than a request can need.
    #[error("{0}: delete one of these, or give it mode off")]
    TooManyBuckets(#[from] TooManyBuckets),
    /// A model is named by limits.
    #[error("the model {model} is in use by {}: delete or change them first", names(limits))]
    InUse {
        /// The model.
        model: Name,
        /// Which limits these are.
        limits: Vec<LimitName>,
    },
    /// It was written since the caller read it.
    #[error(
        "{what} has the ETag {found} by now, not {wanted}: read it again and make the change anew"
    )]
    RevisionMismatch {
        /// What it is.
        what: String,
        /// Its tag.
        found: Tag,
        /// The tags that the caller named.
        wanted: Excerpt,
    },
    /// The caller wants nothing to be there, and something is.
    #[error(
        "{what} is there already, with the ETag {found}: leave If-None-Match out to replace it"
    )]
    AlreadyThere {
        /// What it is.
        what: String,
        /// Its tag.
        found: Tag,
    },
    /// The caller wants something to be there that is not.
    #[error("{what} is not there, so that no If-Match holds: leave that out to create it")]
    NothingToMatch {
        /// What it would be.
        what: String,
    },
    /// The caller wants something to be there, and nothing.
    #[error("If-Match and If-None-Match: * never hold both: leave one of them out")]
    NeverHolds,
    /// A write on condition that something is not what it was.
    #[error(
        "If-None-Match of a write must be *, or be left out, not {found}: tags go into If-Match"
    )]
    NoneOfTags {
        /// What the caller sent.
        found: Excerpt,
    },
    /// A document names what its sender may not change.
    #[error("the section {0} takes the scope {0}, which the token has not: leave the section out")]
    SectionOutOfScope(Scope),
    /// A document is wrong.
    #[error(transparent)]
    Document(#[from] WrongDocument),
    /// Nothing was changed, as far as this process can know.
    #[error("the configuration could not be stored{}, so that it is not in force", because(.0))]
    Store(#[from] StoreError),
    /// Nothing was changed, for nobody could have been told who did.
    #[error("the audit could not be written{}, so that nothing was changed", of_audit(.0))]
    Audit(#[from] AuditError),
    /// Who changed what is in a store that does not answer.
    #[error("the audit is in the shared store, which could not be read")]
    AuditUnread(#[source] StoreError),
    /// Nobody knows what is left.
    #[error("the shared store does not answer, and what is left of limits stands there")]
    StoreAway,
    /// Somebody else's preview is not done yet.
    #[error(
        "another preview is under way, and there is one at a time: ask again in a second or two"
    )]
    PreviewBusy,
    /// No decisions are kept.
    #[error("no decisions are kept (DECISIONS_KEPT=0), so that none can be decided again")]
    PreviewOff,
    /// None are kept, likewise.
    #[error(
        "no decisions are kept (DECISIONS_KEPT=0), so that none can be told: set it to how many are to \
         be, and start anew"
    )]
    DecisionsOff,
    /// A page of decisions would go on in another process.
    #[error(
        "the cursor is of another control plane or of a process before this one, whose decisions are not \
         kept here: begin again without it"
    )]
    CursorOfOther,
    /// What was left of limits is of others' decisions too.
    #[error(
        "the limits are shared (STORE_URL): what was left of them is of what other control planes \
         decided too, and nobody has kept all of that to decide it again"
    )]
    PreviewOfShared,
    /// The process ends before the call can be done.
    #[error("the process is stopping")]
    Stopping,
}

/// How an error is told to programs, which tell errors apart by it: a row never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorRow {
    /// Its code in the body of an answer over HTTP.
    pub code: &'static str,
    /// Its status over HTTP.
    pub http: StatusCode,
    /// Its status over gRPC.
    pub grpc: Code,
}

impl OperatorError {
    /// The table: one row an error.
    pub fn row(&self) -> ErrorRow {
        match self {
            // One answer tells all errors of a draft and has one row: the first one's.
            Self::Invalid(errors) => match errors.first() {
                Some(FieldError::Missing { .. }) => {
                    row("missing_field", StatusCode::BAD_REQUEST, Code::InvalidArgument)
                }
                _ => row("invalid_field", StatusCode::BAD_REQUEST, Code::InvalidArgument),
            },
            Self::NotFound(kind) => {
                let code = match kind {
                    Kind::Client => "client_not_found",
                    Kind::Limit => "limit_not_found",
                    Kind::Model => "model_not_found",
                    Kind::Key => "key_not_found",
                    Kind::Token => "token_not_found",
                };
                row(code, StatusCode::NOT_FOUND, Code::NotFound)
            }
            Self::ManagedByFile { .. } => {
                row("managed_by_file", StatusCode::CONFLICT, Code::FailedPrecondition)
            }
            Self::TooManyClients { .. } => {
                row("too_many_clients", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::TooManyKeys | Self::TooManyKeysOfClient { .. } => {
                row("too_many_keys", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::TooManyTokens => {
                row("too_many_tokens", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::TooManyLimits => {
                row("too_many_limits", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::Models(InvalidModels::TooMany { .. } | InvalidModels::TooManyPatterns { .. }) => {
                row("too_many_models", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::Models(InvalidModels::Ties(_))
            | Self::UndefinedModel { .. }
            | Self::TooManyBuckets(_)
            | Self::KeyOfNobody { .. }
            | Self::NeverHolds
            | Self::NoneOfTags { .. }
            | Self::SameSecret { .. }
            | Self::CursorOfOther => {
                row("invalid_field", StatusCode::BAD_REQUEST, Code::InvalidArgument)
            }
            Self::InUse { .. } | Self::IdentityTaken { .. } => {
                row("in_use", StatusCode::CONFLICT, Code::FailedPrecondition)
            }
            Self::RevisionMismatch { .. }
            | Self::AlreadyThere { .. }
            | Self::NothingToMatch { .. } => {
                row("revision_mismatch", StatusCode::PRECONDITION_FAILED, Code::Aborted)
            }
            Self::SectionOutOfScope(_) => {
                row("insufficient_scope", StatusCode::FORBIDDEN, Code::PermissionDenied)
            }
            Self::Document(_) => {
                row("invalid_document", StatusCode::BAD_REQUEST, Code::InvalidArgument)
            }
            Self::Store(StoreError::Unavailable(_)) | Self::AuditUnread(_) | Self::StoreAway => {
                row("store_unavailable", StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable)
            }
            Self::Store(StoreError::Full(_)) => {
                row("storage_full", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::Audit(error) if error.is_full() => {
                row("storage_full", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::Audit(_) => {
                row("audit_unavailable", StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable)
            }
            Self::PreviewBusy => {
                row("preview_busy", StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable)
            }
            Self::PreviewOff | Self::PreviewOfShared => {
                row("no_preview", StatusCode::CONFLICT, Code::FailedPrecondition)
            }
            Self::DecisionsOff => {
                row("no_decisions", StatusCode::CONFLICT, Code::FailedPrecondition)
            }
            Self::Stopping => row("stopping", StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
        }
    }
}

const fn row(code: &'static str, http: StatusCode, grpc: Code) -> ErrorRow {
    ErrorRow { code, http, grpc }
}

/// Names in a sentence; of many the first are told.
fn names(limits: &[LimitName]) -> String {
    let told: Vec<_> = limits.iter().take(NAMES_TOLD_MAX).map(LimitName::as_str).collect();
    let word = if limits.len() == 1 { "limit" } else { "limits" };
    match limits.len().saturating_sub(told.len()) {
        0 => format!("{word} {}", told.join(", ")),
        untold => format!("{word} {} and {untold} more", told.join(", ")),
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// What may be told of a store to whoever writes; all of it is for the log.
const fn because(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) => "",
        StoreError::Full(_) => ", for no space is left on the disk",
    }
}

/// What may be told of an audit, likewise.
fn of_audit(error: &AuditError) -> &'static str {
    if error.is_full() { ", for no space is left on the disk" } else { "" }
}

impl From<Shutdown> for OperatorError {
    fn from(_: Shutdown) -> Self {
        Self::Stopping
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn each_error_has_its_row() {
        let invalid = |error| {
            let mut errors = FieldErrors::default();
            errors.push(error);
            errors.push(FieldError::Repeated { field: "rpm" });
            OperatorError::Invalid(errors)
        };
        let unavailable = StoreError::Unavailable(Box::new(io::Error::other("no disk")));
        let silent = StoreError::Unavailable(Box::new(io::Error::other("no answer")));
        let full = StoreError::Full(io::ErrorKind::StorageFull.into());
        for (error, code, http, grpc) in [
            (
                invalid(FieldError::Missing { field: "client_id" }),
                "missing_field",
                400,
                Code::InvalidArgument,
            ),
            (
                invalid(FieldError::Repeated { field: "tpm" }),
                "invalid_field",
                400,
                Code::InvalidArgument,
            ),
            (OperatorError::NotFound(Kind::Client), "client_not_found", 404, Code::NotFound),
            (
                OperatorError::ManagedByFile {
                    kind: Kind::Client,
                    file: Path::new("/clients.yaml").into(),
                },
                "managed_by_file",
                409,
                Code::FailedPrecondition,
            ),
            (
                OperatorError::TooManyClients { clients_max: 1 },
                "too_many_clients",
                507,
                Code::ResourceExhausted,
            ),
            (OperatorError::Store(unavailable), "store_unavailable", 503, Code::Unavailable),
            (OperatorError::AuditUnread(silent), "store_unavailable", 503, Code::Unavailable),
            (OperatorError::Store(full), "storage_full", 507, Code::ResourceExhausted),
            (OperatorError::Stopping, "stopping", 503, Code::Unavailable),
            (OperatorError::PreviewBusy, "preview_busy", 503, Code::Unavailable),
            (OperatorError::PreviewOff, "no_preview", 409, Code::FailedPrecondition),
            (OperatorError::DecisionsOff, "no_decisions", 409, Code::FailedPrecondition),
            (OperatorError::CursorOfOther, "invalid_field", 400, Code::InvalidArgument),
            (OperatorError::PreviewOfShared, "no_preview", 409, Code::FailedPrecondition),
        ] {
            let row = error.row();
            assert_eq!((row.code, row.http.as_u16(), row.grpc), (code, http, grpc), "{error}");
        }
    }
}
