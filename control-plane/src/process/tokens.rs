//! `flowguard tokens create --local`: makes a token while no control plane runs, so that there is one
//! before the first that has to be shown one.

use std::{io, process::ExitCode, sync::Arc};

use tokio::runtime;

use super::{
    exit,
    kept::{self, ShareError},
    serve,
};
use crate::{
    audit::{Audit, AuditError},
    excerpt::path_in_one_line,
    ledger::{Clock, Ledger, Policy, SystemClock},
    operator::{Caller, NewToken, Operator, OperatorError, Precondition, TokenDraft, start},
    settings::Settings,
    store::{ConfigStore, DataDir, DataFolder, OpenError, RedbStore},
};

/// Why none was made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Nothing is kept.
    #[error(
        "DATA_DIR=memory (--data-dir) is not allowed here: a folder is, which keeps the token for the \
         control plane that is started with it"
    )]
    NoFolder,
    /// The operating system refuses what every process may have.
    #[error("the process cannot be set up: {0}")]
    Process(#[from] io::Error),
    /// The folder cannot be used: a control plane has it.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// The store that is shared cannot be called.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// Nobody could be told who made it.
    #[error("{0}; choose a file that can be written: no token was made")]
    Audit(#[from] AuditError),
    /// It was not made.
    #[error(transparent)]
    Operator(OperatorError),
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        match error {
            // No log has the cause here.
            OperatorError::Audit(error) => Self::Audit(error),
            error => Self::Operator(error),
        }
    }
}

/// Makes it, and says it alone on stdout.
pub(super) fn create(draft: TokenDraft, settings: &Settings) -> ExitCode {
    match work(draft, settings) {
        Ok((new, place)) => {
            let scopes = new.token.scopes;
            exit::done(&format!("{new}; scopes {scopes}; in {place}\n"));
            exit::print(&format!("{}\n", new.secret.expose()))
        }
        Err(Failure::Operator(OperatorError::Invalid(errors))) => exit::refuse(&errors),
        Err(Failure::Operator(error @ OperatorError::TooManyTokens)) => exit::cannot_create(&error),
        Err(Failure::Share(error @ ShareError::File(_))) => exit::refuse(&error),
        Err(error) => match error {
            Failure::NoFolder => exit::refuse(&error),
            Failure::Folder(OpenError::Damaged { .. } | OpenError::Newer(_)) => {
                exit::wrong_data(&error)
            }
            Failure::Folder(_) | Failure::Audit(_) => exit::cannot_create(&error),
            Failure::Process(_) | Failure::Share(_) | Failure::Operator(_) => {
                exit::unavailable(&error)
            }
        },
    }
}

/// Tells where it is kept, too.
fn work(draft: TokenDraft, settings: &Settings) -> Result<(NewToken, String), Failure> {
    // Before a folder is made for it.
    draft.validate(Clock::from(SystemClock::start()).now()).map_err(OperatorError::from)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match (&settings.store.url, &settings.data_dir) {
            (Some(url), _) => {
                let store = kept::look_at(url, &settings.store).await?;
                // The store keeps who made it. The file is that of a control plane which may run.
                let audit = Audit::default();
                let new = create_in(Box::new(store.configuration), audit, draft).await?;
                Ok((new, url.to_string()))
            }
            (None, DataDir::Memory) => Err(Failure::NoFolder),
            (None, DataDir::Folder(path)) => {
                let folder = DataFolder::open(path)?;
                let audit = serve::open_audit(settings.audit_file.as_deref(), Some(&folder))?;
                let store = RedbStore::open(&folder).await?;
                let new = create_in(Box::new(store), audit, draft).await?;
                Ok((new, path_in_one_line(folder.path())))
            }
        }
    })
}

/// As a control plane makes one, which has nothing else to do.
async fn create_in(
    store: Box<dyn ConfigStore>,
    audit: Audit,
    draft: TokenDraft,
) -> Result<NewToken, Failure> {
    let ledger = Ledger::new(Policy::default(), SystemClock::start());
    let operator = Operator::new(Arc::new(ledger), store).audited_in(Arc::new(audit));
    let operator = Arc::new(operator);
    start::load(&operator).await?;
    Ok(operator.create_token(draft, Precondition::Anything, &Caller::Local).await?)
}
