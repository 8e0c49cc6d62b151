//! Everything that is in the files: the snapshot, and the entries of the journal behind it.

use super::{
    CutOff, Disk, DiskFile, Found, Record, StateError,
    journal_reader::JournalReader,
    names::{self, JournalName},
    records,
    snapshot_reader::{self, Snapshot},
};

/// Reads everything and changes nothing.
///
/// Every record is given to `apply`, in the order in which they were written; what it was given is
/// worthless where this fails in the end.
pub fn read(disk: &dyn Disk, mut apply: impl FnMut(Record<'_>)) -> Result<Found, StateError> {
    read_all(disk, &mut apply).map(|contents| contents.found)
}

/// What the files hold, for whoever goes on writing.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) found: Found,
    /// The number of the first entry that is not there.
    pub(super) next: u64,
    /// All entries with smaller numbers are durable, by the word of those who wrote them.
    pub(super) durable: u64,
    /// Whether there are others that say anything.
    pub(super) is_in_doubt: bool,
    /// The newest generation of which there is any file.
    pub(super) newest_generation: u64,
    /// The first generation that counts.
    pub(super) first_generation: u64,
    pub(super) snapshot_bytes: u64,
    /// The journal's files that count.
    pub(super) journals: Vec<ReadJournal>,
}

/// A file of the journal that was read.
#[derive(Debug)]
pub(super) struct ReadJournal {
    pub(super) name: JournalName,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) bytes: u64,
    pub(super) has_entries: bool,
}

pub(super) fn read_all(
    disk: &dyn Disk,
    apply: &mut impl FnMut(Record<'_>),
) -> Result<Contents, StateError> {
    let names = disk.names().map_err(StateError::unusable(disk, ""))?;
    let mut names: Vec<_> = names.iter().filter_map(|name| JournalName::parse(name)).collect();
    names.sort_unstable();
    let snapshot = snapshot_reader::read(disk, apply)?;
    let first_generation = snapshot.map_or(0, |snapshot| snapshot.header.generation);
    let newest_generation = names.last().map_or(0, |name| name.generation).max(first_generation);
    let readers = names.into_iter().filter(|name| name.generation >= first_generation);
    let readers = readers.map(|name| JournalReader::open(disk, name)).collect::<Result<_, _>>()?;

    let mut merge = Merge::new(disk, snapshot, readers)?;
    while let Some(reader) = merge.next_entry() {
        merge.use_entry(reader, apply)?;
    }
    merge.cut_off()?;
    merge.judge()?;
    let durable = merge.durable();
    let is_in_doubt = merge.behind_records > durable;
    let Merge { found, next, readers, .. } = merge;
    let journals = readers.into_iter().map(|reader| ReadJournal {
        name: reader.name(),
        bytes: reader.bytes(),
        has_entries: reader.has_entries(),
        file: reader.into_file(),
    });
    Ok(Contents {
        found,
        next,
        durable: if is_in_doubt { durable } else { next },
        is_in_doubt,
        newest_generation,
        first_generation,
        snapshot_bytes: snapshot.map_or(0, |snapshot| snapshot.bytes),
        journals: journals.collect(),
    })
}

/// The entries of all files, in the order of their numbers.
struct Merge<'a> {
    disk: &'a dyn Disk,
    snapshot: Option<Snapshot>,
    readers: Vec<JournalReader>,
    /// Which one had the last entry: it likely has the next.
    latest: usize,
    next: u64,
    /// The number behind the last entry that has records.
    behind_records: u64,
    found: Found,
}

impl<'a> Merge<'a> {
    fn new(
        disk: &'a dyn Disk,
        snapshot: Option<Snapshot>,
        mut readers: Vec<JournalReader>,
    ) -> Result<Self, StateError> {
        let headers: Vec<_> = readers.iter().map(JournalReader::header).collect();
        for reader in &mut readers {
            let later = headers.iter().filter(|header| header.run > reader.header().run);
            if let Some(number) = later.map(|header| header.run_began).min() {
                reader.cut_off_from(number);
            }
        }
        let found = Found {
            last: snapshot.map(|snapshot| snapshot.header.at),
            records: snapshot.map_or(0, |snapshot| snapshot.records),
            ..Found::default()
        };
        let next = snapshot.map_or(0, |snapshot| snapshot.header.first);
        let mut merge = Self { disk, snapshot, readers, latest: 0, next, behind_records: 0, found };
        for index in 0..merge.readers.len() {
            merge.advance(index)?;
            // The snapshot has what was written before it was begun.
            while merge.head(index).is_some_and(|number| number < next) {
                merge.advance(index)?;
            }
        }
        Ok(merge)
    }

    /// Which file has the next entry. `None`: none has.
    fn next_entry(&self) -> Option<usize> {
        let has_next = |&index: &usize| self.head(index) == Some(self.next);
        Some(self.latest).filter(has_next).or_else(|| (0..self.readers.len()).find(has_next))
    }

    fn use_entry(
        &mut self,
        index: usize,
        apply: &mut impl FnMut(Record<'_>),
    ) -> Result<(), StateError> {
        let Some(reader) = self.readers.get_mut(index) else { return Ok(()) };
        let name = reader.name().to_string();
        let at = reader.head().map(|head| head.at);
        let used = records::decode(reader.use_records(), apply);
        let used = used.map_err(|_| {
            let cause = format!("a record of its entry {} cannot be read", self.next);
            StateError::damaged(self.disk, &name, cause)
        })?;
        // One without records only tells what is durable.
        if used > 0 {
            self.found.records += used;
            self.found.entries += 1;
            self.found.last = at;
            self.behind_records = self.next + 1;
        }
        self.next += 1;
        self.latest = index;
        self.advance(index)
    }

    /// What is behind the first missing entry does not count, but tells what was durable.
    fn cut_off(&mut self) -> Result<(), StateError> {
        let newest_run = self.readers.iter().map(|reader| reader.header().run).max();
        let mut cut_off = CutOff { entries: 0, bytes: 0 };
        for index in 0..self.readers.len() {
            let Some(reader) = self.readers.get(index) else { continue };
            // What earlier processes left was told when it was cut off.
            let is_new = Some(reader.header().run) == newest_run;
            cut_off.bytes += if is_new { reader.unused_bytes() } else { 0 };
            while self.head(index).is_some() {
                cut_off.entries += u64::from(is_new);
                self.advance(index)?;
            }
        }
        self.found.cut_off = (cut_off.bytes > 0).then_some(cut_off);
        Ok(())
    }

    /// Whether everything is there that once was durable.
    fn judge(&self) -> Result<(), StateError> {
        for reader in self.readers.iter().filter(|reader| reader.has_used_entries()) {
            let other = reader.name().other();
            if !self.readers.iter().any(|reader| reader.name() == other) {
                let cause = format!("it is missing beside {}", reader.name());
                return Err(StateError::damaged(self.disk, &other.to_string(), cause));
            }
        }
        let durable = self.durable();
        if self.next >= durable {
            return Ok(());
        }
        if self.snapshot.is_none() && self.next == 0 {
            let cause = "it is missing, and the journal goes on from one";
            return Err(StateError::damaged(self.disk, names::SNAPSHOT, cause));
        }
        let torn = self.readers.iter().find(|reader| reader.is_torn());
        let file = torn.or(self.readers.last()).map(|reader| reader.name().to_string());
        let cause = format!("entry {} is missing, of {durable} that were written", self.next);
        let file = file.unwrap_or_else(|| names::SNAPSHOT.to_owned());
        Err(StateError::damaged(self.disk, &file, cause))
    }

    fn durable(&self) -> u64 {
        let durable = self.readers.iter().map(JournalReader::durable).max().unwrap_or(0);
        durable.max(self.snapshot.map_or(0, |snapshot| snapshot.behind))
    }

    fn head(&self, index: usize) -> Option<u64> {
        self.readers.get(index)?.head().map(|head| head.number)
    }

    fn advance(&mut self, index: usize) -> Result<(), StateError> {
        let Some(reader) = self.readers.get_mut(index) else { return Ok(()) };
        let name = reader.name().to_string();
        reader.advance().map_err(StateError::unusable(self.disk, &name))
    }
}
