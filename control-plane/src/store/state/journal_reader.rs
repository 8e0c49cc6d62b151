//! One file of the journal, read entry by entry.

use std::io;

use super::{
    Disk, DiskFile, StateError,
    entry::{ENTRY_BYTES_MAX, EntryHead},
    frame::{FrameReader, Next},
    generation::JournalHeader,
    header::HEADER_BYTES,
    names::JournalName,
};

#[derive(Debug)]
pub(super) struct JournalReader {
    name: JournalName,
    header: JournalHeader,
    frames: FrameReader,
    bytes: u64,
    /// Entries from this number on were cut off before a later process began.
    cut_off_from: u64,
    /// The entry that comes next.
    head: Option<EntryHead>,
    /// The bytes from the next entry on.
    unused_bytes: u64,
    has_entries: bool,
    has_used_entries: bool,
    end: Option<End>,
    /// What its entries say of others.
    durable: u64,
}

/// What is behind the last entry that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Nothing,
    NoEntry,
    EntriesThatWereCutOff,
}

impl JournalReader {
    pub(super) fn open(disk: &dyn Disk, name: JournalName) -> Result<Self, StateError> {
        let text = name.to_string();
        let unusable = || StateError::unusable(disk, &text);
        let file = disk.open(&text).map_err(unusable())?;
        let bytes = file.len().map_err(unusable())?;
        let (header, checksum) = JournalHeader::read(disk, name, &*file)?;
        let frames = FrameReader::new(file, HEADER_BYTES as u64, checksum, ENTRY_BYTES_MAX)
            .map_err(unusable())?;
        Ok(Self {
            name,
            header,
            frames,
            bytes,
            cut_off_from: u64::MAX,
            head: None,
            unused_bytes: 0,
            has_entries: false,
            has_used_entries: false,
            end: None,
            durable: 0,
        })
    }

    pub(super) fn name(&self) -> JournalName {
        self.name
    }

    pub(super) fn header(&self) -> JournalHeader {
        self.header
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Entries from this number on do not count: a later process began with it.
    pub(super) fn cut_off_from(&mut self, number: u64) {
        self.cut_off_from = number;
    }

    /// Goes on to the next entry that counts, if there is one.
    pub(super) fn advance(&mut self) -> io::Result<()> {
        self.head = None;
        if self.end.is_some() {
            return Ok(());
        }
        self.unused_bytes = self.frames.left();
        let head = match self.frames.advance()? {
            Next::Frame => EntryHead::split(self.frames.body()).map(|(head, _)| head),
            Next::End => {
                self.end = Some(End::Nothing);
                return Ok(());
            }
            Next::Torn => None,
        };
        let Some(head) = head else {
            self.end = Some(End::NoEntry);
            return Ok(());
        };
        self.has_entries = true;
        if head.number >= self.cut_off_from {
            self.end = Some(End::EntriesThatWereCutOff);
            return Ok(());
        }
        self.durable = self.durable.max(head.durable);
        self.head = Some(head);
        Ok(())
    }

    /// The entry that comes next.
    pub(super) fn head(&self) -> Option<EntryHead> {
        self.head
    }

    /// Its records, which are used from now on.
    pub(super) fn use_records(&mut self) -> &[u8] {
        self.has_used_entries = true;
        EntryHead::split(self.frames.body()).map_or(&[], |(_, records)| records)
    }

    /// The bytes from the next entry on.
    pub(super) fn unused_bytes(&self) -> u64 {
        self.unused_bytes
    }

    pub(super) fn has_entries(&self) -> bool {
        self.has_entries
    }

    pub(super) fn has_used_entries(&self) -> bool {
        self.has_used_entries
    }

    /// Whether it ends with something that is no entry.
    pub(super) fn is_torn(&self) -> bool {
        self.end == Some(End::NoEntry)
    }

    /// All entries with smaller numbers were durable, as far as this file tells.
    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    pub(super) fn into_file(self) -> Box<dyn DiskFile> {
        self.frames.into_file()
    }
}
