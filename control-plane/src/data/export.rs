//! `flowguard data export`: writes down what is in a folder.

use std::{
    io::{self, Write},
    sync::Arc,
};

use limiter::UnixMillis;

use super::{DataError, Destination, Place, found::FoundFolder, output::Output};
use crate::{
    backup::{Counts, Document, Step},
    ledger::Ledger,
};

/// Writes a backup of a folder that no control plane has now.
pub async fn export(place: &Place, destination: &Destination) -> Result<Counts, DataError> {
    let found = FoundFolder::read(place).await?;
    let at = found.at();
    let mut output = Output::create(destination)?;
    let written = write(found.ledger, at, &mut output);
    let counts = written.map_err(|error| output.failed(error))?;
    output.finish()?;
    Ok(counts)
}

fn write(ledger: Ledger, at: UnixMillis, output: &mut impl Write) -> io::Result<Counts> {
    let mut document = Document::of(Arc::new(ledger), at);
    let mut text = String::new();
    loop {
        let step = document.write(&mut text);
        output.write_all(text.as_bytes())?;
        text.clear();
        if step == Step::End {
            return Ok(document.counts());
        }
    }
}
