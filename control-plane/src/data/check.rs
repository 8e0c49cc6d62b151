//! `flowguard data check`: tells what is in a folder, or in a store that control planes share.

use std::fmt::{self, Write as _};

use super::{DataError, Place, found::FoundFolder};
use crate::{
    counted::counted,
    excerpt::path_in_one_line,
    rfc3339::rfc3339,
    store::{
        ConfigStore as _, Configuration,
        shared::{SharedStore, Standing},
        state::{CutOff, FORMAT, Found},
    },
};

/// What is in the folder, a line a thing, all of which was read and is in order.
pub async fn check(place: &Place) -> Result<String, DataError> {
    let found = FoundFolder::read(place).await?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, place, &found);
    Ok(text)
}

/// What is configured in a store, in one line. Nothing is changed, and whoever uses it may go on.
pub async fn check_shared(store: &SharedStore) -> Result<String, DataError> {
    let standing = Standing::of(store.link()).await?;
    standing.refuse_unfinished(store.link())?;
    let contents = store.configuration.load().await.map_err(DataError::Configuration)?;
    let [clients, limits, models, control_planes] = [
        counted(contents.clients.len(), "client"),
        counted(contents.limits.len(), "limit"),
        counted(contents.models.len(), "model"),
        counted(standing.control_planes, "control plane"),
    ];
    let mut others = String::new();
    for (count, noun) in [(contents.keys.len(), "key"), (contents.tokens.len(), "token")] {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(others, ", {}", counted(count, noun));
        }
    }
    let revision = contents.newest.get();
    Ok(format!(
        "STORE_PREFIX={}: {clients}, {limits}, {models}{others}, revision {revision}, used by {control_planes}\n",
        store.link().prefix()
    ))
}

fn write(text: &mut String, place: &Place, found: &FoundFolder) -> fmt::Result {
    writeln!(text, "{}:", path_in_one_line(found.folder.path()))?;
    write_configuration(text, found.configuration.as_ref())?;
    if let (Some(file), Some(clients)) = (&place.config_file, found.owned_by_file) {
        let clients = counted(clients, "client");
        writeln!(text, "  {} (CONFIG_FILE): {clients}", path_in_one_line(file))?;
    }
    write_state(text, &found.state)?;
    let requests = counted(found.ledger.held(), "request");
    let workers = counted(found.ledger.holders(), "worker");
    writeln!(text, "  under way: {requests} of {workers}")
}

fn write_configuration(text: &mut String, found: Option<&Configuration>) -> fmt::Result {
    let Some(Configuration { file, format, contents }) = found else {
        return writeln!(text, "  configuration: none was made yet");
    };
    let name = file.file_name().unwrap_or_default().display();
    let clients = counted(contents.clients.len(), "client");
    write!(text, "  {name}: format {format}, {clients}")?;
    for (count, noun) in [
        (contents.limits.len(), "limit"),
        (contents.models.len(), "model"),
        (contents.keys.len(), "key"),
        (contents.tokens.len(), "token"),
    ] {
        if count > 0 {
            write!(text, ", {}", counted(count, noun))?;
        }
    }
    writeln!(text, ", revision {}", contents.newest.get())
}

fn write_state(text: &mut String, found: &Found) -> fmt::Result {
    let Found { last, entries, records, cut_off } = found;
    match last {
        Some(last) => {
            let last = rfc3339(*last).unwrap_or_else(|| format!("{} ms after 1970", last.0));
            let (entries, records) = (counted(*entries, "entry"), counted(*records, "record"));
            writeln!(
                text,
                "  snapshot and journal: format {FORMAT}, {entries} behind the snapshot, {records} \
                 in all, last written at {last}"
            )?;
        }
        None => writeln!(text, "  snapshot and journal: nothing was written yet")?,
    }
    if let Some(CutOff { entries, bytes }) = cut_off {
        let (entries, bytes) = (counted(*entries, "entry"), counted(*bytes, "byte"));
        writeln!(text, "  cut off by a power failure: {entries}, {bytes}")?;
    }
    Ok(())
}
