//! `flowguard data …`: what can be done with clients and balances besides serving them.

use std::{io, net::SocketAddr, path::PathBuf, process::ExitCode};

use tokio::runtime;

use super::{
    exit,
    kept::{self, ShareError},
    shown_token::{self, NoToken},
};
use crate::{
    backup::Counts,
    data::{self, BackupError, DataError, Destination, Place, Source},
    excerpt::path_in_one_line,
    http::Server,
    settings::Settings,
    store::{
        DataDir, OpenError,
        shared::{SpaceError, StoreUrl},
        state::StateError,
    },
    tls::TlsFileError,
};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataCommand {
    /// Tell what is in the folder.
    Check,
    /// Write a backup of the folder.
    Export(Destination),
    /// Make a folder of a backup.
    Import(Source),
    /// Fetch the backup of the control plane that runs with these settings.
    Backup {
        /// Where it goes.
        destination: Destination,
        /// The file of the token that is shown, if one is.
        token_file: Option<PathBuf>,
    },
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Nothing is kept that could be told, or there is nowhere to put it.
    #[error("DATA_DIR=memory (--data-dir) is not allowed here: a folder is")]
    NoFolder,
    /// The operating system refuses what every process may have.
    #[error("the process cannot be set up: {0}")]
    Process(#[from] io::Error),
    /// What was to be shown cannot be.
    #[error(transparent)]
    Token(#[from] NoToken),
    /// Nobody knows which certificate the control plane shows.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// The store that is shared cannot be called.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// Something is wrong with the folder, a file or the control plane that was asked.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What is said when it is done.
enum Said {
    /// On stdout.
    Out(String),
    /// On stderr, for stdout has the backup.
    Beside(String),
}

/// Does it, and says what came of it.
pub(super) fn run(command: &DataCommand, settings: &Settings) -> ExitCode {
    match work(command, settings) {
        Ok(Said::Out(text)) => exit::print(&text),
        Ok(Said::Beside(text)) => exit::done(&text),
        Err(Failure::NoFolder) => exit::refuse(&Failure::NoFolder),
        Err(Failure::Process(error)) => exit::unavailable(&Failure::Process(error)),
        Err(Failure::Token(error)) => exit::refuse(&error),
        Err(Failure::Tls(error)) => exit::refuse(&error),
        Err(Failure::Share(error @ ShareError::File(_))) => exit::refuse(&error),
        Err(Failure::Share(error)) => exit::unavailable(&error),
        Err(Failure::Data(error)) => match error {
            DataError::Folder(OpenError::Damaged { .. } | OpenError::Newer(_))
            | DataError::State(StateError::Damaged { .. } | StateError::Newer(_))
            | DataError::Invalid(_) => exit::wrong_data(&error),
            DataError::ConfigFile(_)
            | DataError::Rules(_)
            | DataError::Backup(BackupError::UnknownPort) => exit::refuse(&error),
            DataError::Folder(_)
            | DataError::State(_)
            | DataError::Output(_)
            | DataError::Unreadable { .. }
            | DataError::Space(
                SpaceError::Used { .. } | SpaceError::Unfinished { .. } | SpaceError::InUse { .. },
            ) => exit::cannot_create(&error),
            DataError::Space(_) | DataError::Configuration(_) | DataError::Backup(_) => {
                exit::unavailable(&error)
            }
        },
    }
}

fn work(command: &DataCommand, settings: &Settings) -> Result<Said, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match (command, &settings.store.url) {
            (DataCommand::Backup { destination, token_file }, _) => {
                let shown = token_file.as_deref().map(shown_token::authorization).transpose()?;
                let listeners = &settings.listeners;
                let address = SocketAddr::new(listeners.local_ip(), listeners.config_port);
                let server = Server::with(address, &settings.tls)?;
                Ok(written(data::backup(&server, shown, destination).await?, destination))
            }
            (_, Some(url)) => with_store(command, url, settings).await,
            (_, None) => with_folder(command, &place(settings)?).await,
        }
    })
}

async fn with_folder(command: &DataCommand, place: &Place) -> Result<Said, Failure> {
    match command {
        DataCommand::Check => Ok(Said::Out(data::check(place).await?)),
        DataCommand::Export(destination) | DataCommand::Backup { destination, .. } => {
            Ok(written(data::export(place, destination).await?, destination))
        }
        DataCommand::Import(source) => {
            let counts = data::import(source, place).await?;
            Ok(Said::Out(format!("{}: {counts}\n", path_in_one_line(&place.folder))))
        }
    }
}

async fn with_store(
    command: &DataCommand,
    url: &StoreUrl,
    settings: &Settings,
) -> Result<Said, Failure> {
    let Settings { store: config, policy, .. } = settings;
    match command {
        DataCommand::Check => {
            let store = kept::look_at(url, config).await?;
            Ok(Said::Out(format!("{url}: {}", data::check_shared(&store).await?)))
        }
        DataCommand::Export(destination) | DataCommand::Backup { destination, .. } => {
            let store = kept::look_at(url, config).await?;
            let counts = data::export_shared(&store, *policy, destination).await?;
            Ok(written(counts, destination))
        }
        DataCommand::Import(source) => {
            let links = kept::links_to(url, config).await?;
            let counts = data::import_shared(source, links, *policy).await?;
            Ok(Said::Out(format!("{url}: {counts}\n")))
        }
    }
}

/// What a control plane with these settings would start from.
fn place(settings: &Settings) -> Result<Place, Failure> {
    match &settings.data_dir {
        DataDir::Memory => Err(Failure::NoFolder),
        DataDir::Folder(folder) => {
            Ok(Place { folder: folder.clone(), config_file: settings.config_file.clone() })
        }
    }
}

fn written(counts: Counts, destination: &Destination) -> Said {
    match destination {
        Destination::Stdout => Said::Beside(format!("{counts}\n")),
        Destination::File(file) => Said::Out(format!("{}: {counts}\n", path_in_one_line(file))),
    }
}
