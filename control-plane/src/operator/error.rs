//! Why a call was not done, and the one table of how each API says so. What an API cannot even read
//! is its own to refuse (`rest/error.rs`, `grpc/convert.rs`).

use std::{path::Path, sync::Arc};

use http::StatusCode;
use tonic::Code;

use super::{FieldError, FieldErrors};
use crate::{excerpt::path_in_one_line, store::StoreError, turns::Shutdown};

/// Why an operator's call was not done. The text is for people, and the same in every API.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The draft is no configuration.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// No such client is configured.
    #[error("Client not found")]
    ClientNotFound,
    /// A file owns the client.
    #[error("the client stands in the file {}, which alone can change it", path_in_one_line(file))]
    ManagedByFile {
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
    /// Nothing was changed, as far as this process can know.
    #[error("the configuration could not be stored{}, so that it is not in force", because(.0))]
    Store(#[from] StoreError),
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
            Self::ClientNotFound => row("client_not_found", StatusCode::NOT_FOUND, Code::NotFound),
            Self::ManagedByFile { .. } => {
                row("managed_by_file", StatusCode::CONFLICT, Code::FailedPrecondition)
            }
            Self::TooManyClients { .. } => {
                row("too_many_clients", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::Store(StoreError::Unavailable(_)) => {
                row("store_unavailable", StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable)
            }
            Self::Store(StoreError::Full(_)) => {
                row("storage_full", StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted)
            }
            Self::Stopping => row("stopping", StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
        }
    }
}

const fn row(code: &'static str, http: StatusCode, grpc: Code) -> ErrorRow {
    ErrorRow { code, http, grpc }
}

/// What may be told of a store to whoever writes; all of it is for the log.
const fn because(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) => "",
        StoreError::Full(_) => ", for no space is left on the disk",
    }
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
            (OperatorError::ClientNotFound, "client_not_found", 404, Code::NotFound),
            (
                OperatorError::ManagedByFile { file: Path::new("/clients.yaml").into() },
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
            (OperatorError::Store(full), "storage_full", 507, Code::ResourceExhausted),
            (OperatorError::Stopping, "stopping", 503, Code::Unavailable),
        ] {
            let row = error.row();
            assert_eq!((row.code, row.http.as_u16(), row.grpc), (code, http, grpc), "{error}");
        }
    }
}
