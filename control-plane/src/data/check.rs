//! `flowguard data check`: tells what is in a folder.

use std::fmt::Write as _;

use super::{DataError, Place, found::FoundFolder};
use crate::{
    counted::counted,
    rfc3339::rfc3339,
    store::{
        Configuration,
        state::{CutOff, FORMAT, Found},
    },
};

/// What is in the folder, a line a thing, all of which was read and is in order.
pub async fn check(place: &Place) -> Result<String, DataError> {
    let found = FoundFolder::read(place).await?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}:", found.folder.path().display());
    let _ = match &found.configuration {
        Some(configuration) => write_configuration(&mut text, configuration),
        None => writeln!(text, "  configuration: none was made yet"),
    };
    if let (Some(file), Some(clients)) = (&place.config_file, found.owned_by_file) {
        let _ =
            writeln!(text, "  {} (CONFIG_FILE): {}", file.display(), counted(clients, "client"));
    }
    let _ = write_state(&mut text, &found.state);
    let (held, holders) = (found.ledger.held(), found.ledger.holders());
    let _ = writeln!(
        text,
        "  under way: {} of {}",
        counted(held, "request"),
        counted(holders, "worker")
    );
    Ok(text)
}

fn write_configuration(text: &mut String, found: &Configuration) -> std::fmt::Result {
    let Configuration { file, format, contents } = found;
    let name = file.file_name().unwrap_or_default().display();
    let clients = counted(contents.configs.len(), "client");
    writeln!(text, "  {name}: format {format}, {clients}, revision {}", contents.newest.get())
}

fn write_state(text: &mut String, found: &Found) -> std::fmt::Result {
    let Found { last, entries, records, cut_off } = found;
    let Some(last) = last else { return writeln!(text, "  state: nothing was written yet") };
    let last = rfc3339(*last).unwrap_or_else(|| format!("{} ms after 1970", last.0));
    let (entries, records) = (counted(*entries, "entry"), counted(*records, "record"));
    writeln!(
        text,
        "  snapshot and journal: format {FORMAT}, {entries} behind the snapshot, {records} in all, \
         last written at {last}"
    )?;
    match cut_off {
        Some(CutOff { entries, bytes }) => {
            let (entries, bytes) = (counted(*entries, "entry"), counted(*bytes, "byte"));
            writeln!(text, "  cut off by a power failure: {entries}, {bytes}")
        }
        None => Ok(()),
    }
}
