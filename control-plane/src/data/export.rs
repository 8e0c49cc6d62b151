//! `flowguard data export`: writes down what is in a folder, or in a store that control planes share.

use std::{io::Write as _, sync::Arc};

use limiter::UnixMillis;

use super::{
    DataError, Destination, Place, found::FoundFolder, found_shared::FoundShared, output::Output,
};
use crate::{
    backup::{Counts, Document, Step},
    ledger::{Ledger, Policy},
    store::shared::{SharedStore, SpaceError},
};

/// Writes a backup of a folder that no control plane has now.
pub async fn export(place: &Place, destination: &Destination) -> Result<Counts, DataError> {
    let found = FoundFolder::read(place).await?;
    let at = found.at();
    write(found.ledger, at, destination).await
}

/// Writes a backup of a store that no control plane uses now.
pub async fn export_shared(
    store: &SharedStore,
    policy: Policy,
    destination: &Destination,
) -> Result<Counts, DataError> {
    let FoundShared { ledger, at } = FoundShared::read(store, policy).await?;
    write(ledger, at, destination).await
}

async fn write(
    ledger: Ledger,
    at: UnixMillis,
    destination: &Destination,
) -> Result<Counts, DataError> {
    let mut output = Output::create(destination)?;
    let mut document = Document::of(Arc::new(ledger), at);
    let mut text = String::new();
    loop {
        document.refresh().await.map_err(|_| SpaceError::Unread)?;
        let step = document.write(&mut text);
        output.write_all(text.as_bytes()).map_err(|error| output.failed(error))?;
        text.clear();
        if step == Step::End {
            output.finish()?;
            return Ok(document.counts());
        }
    }
}
