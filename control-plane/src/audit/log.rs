//! All that is written down of who changed what.

use std::path::{Path, PathBuf};

use limiter::UnixMillis;
use parking_lot::Mutex;

use super::{
    AuditError, Change, Entry, Filter, Page, Refusal, RefusalLine, file::AuditFile, recent::Recent,
    refusals::Refusals,
};

/// Where an audit is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFiles {
    /// What was changed.
    pub changes: PathBuf,
    /// What was refused.
    pub refusals: PathBuf,
}

impl AuditFiles {
    /// Refusals stand beside the changes: `audit.jsonl` has `audit-refused.jsonl`.
    pub fn of(changes: &Path) -> Self {
        let stem = changes.file_stem().unwrap_or_default().to_string_lossy();
        let extension = changes.extension().map(|extension| extension.to_string_lossy());
        let name = match extension {
            Some(extension) => format!("{stem}-refused.{extension}"),
            None => format!("{stem}-refused"),
        };
        Self { changes: changes.to_owned(), refusals: changes.with_file_name(name) }
    }
}

/// The audit: its files, and its newest entries in memory.
#[derive(Debug, Default)]
pub struct Audit {
    changes: Mutex<Changes>,
    refusals: Mutex<Refusals>,
    /// `None`: nothing outlives the process.
    refused: Option<Mutex<AuditFile>>,
}

#[derive(Debug, Default)]
struct Changes {
    file: Option<AuditFile>,
    recent: Recent,
    last: u64,
}

impl Audit {
    /// Goes on with what is in the files, or begins them.
    pub fn open(files: &AuditFiles) -> Result<Self, AuditError> {
        let file = AuditFile::open(&files.changes)?;
        let mut recent = Recent::default();
        file.read_all(|line| {
            // A line that was cut off is told by the file as it stands.
            if let Ok(entry) = serde_json::from_str(line) {
                recent.take(entry);
            }
        })?;
        let last = recent.last().map_or(0, |entry| entry.id);
        let refused = AuditFile::open(&files.refusals)?;
        Ok(Self {
            changes: Mutex::new(Changes { file: Some(file), recent, last }),
            refusals: Mutex::default(),
            refused: Some(Mutex::new(refused)),
        })
    }

    /// Whether it is in files, so that whoever writes waits for a disk.
    pub fn is_in_files(&self) -> bool {
        self.refused.is_some()
    }

    /// Writes down what is about to be done. While it cannot be, it must not be done. For threads that
    /// may block.
    pub fn write(&self, change: Change, now: UnixMillis) -> Result<Entry, AuditError> {
        let mut changes = self.changes.lock();
        let entry = Entry::of(change, changes.last + 1, now);
        changes.write(&entry)?;
        changes.last = entry.id;
        changes.recent.take(entry.clone());
        Ok(entry)
    }

    /// Writes down that it was not done after all. For threads that may block.
    pub fn failed(&self, entry: Entry, now: UnixMillis) -> Result<(), AuditError> {
        let mut changes = self.changes.lock();
        let entry = entry.failed(now);
        let written = changes.write(&entry);
        changes.recent.take(entry);
        written
    }

    /// The line of what was refused; `None`: it has none, for its caller had one within this second.
    pub fn refusal(&self, refusal: &Refusal, now: UnixMillis) -> Option<RefusalLine> {
        self.refused.as_ref().and_then(|_| self.refusals.lock().line(refusal, now))
    }

    /// Writes it down. For threads that may block.
    pub fn write_refusal(&self, line: &RefusalLine) -> Result<(), AuditError> {
        self.refused.as_ref().map_or(Ok(()), |file| file.lock().write(&line.0))
    }

    /// At most `max` of the newest entries that `filter` lets through.
    pub fn page(&self, filter: &Filter, max: usize) -> Page {
        self.changes.lock().recent.page(filter, max)
    }
}

impl Changes {
    fn write(&mut self, entry: &Entry) -> Result<(), AuditError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write(&serde_json::to_string(entry).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Action, Actor, ActorKind, Object, Outcome, RequestId};
    use serde_json::value::RawValue;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn change(client: &str) -> Change {
        let json = |text: &str| RawValue::from_string(text.to_owned()).ok();
        Change {
            actor: Actor::of(ActorKind::Anybody),
            address: Some(([127, 0, 0, 1], 5_000).into()),
            request_id: Some(RequestId::of(Some(b"r-1"))),
            action: Action::Change,
            object: Object::new("client", client),
            before: json("{\"rpm\":1}"),
            after: json("{\"rpm\":2}"),
            revision: Some(7),
        }
    }

    #[test]
    fn what_was_done_is_read_again_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let files = AuditFiles::of(&folder.path().join("audit.jsonl"));
        let audit = Audit::open(&files).unwrap();
        for client in ["a", "b", "a"] {
            audit.write(change(client), NOW).unwrap();
        }
        let failed = audit.write(change("c"), NOW).unwrap();
        audit.failed(failed, NOW).unwrap();
        drop(audit);

        let text = std::fs::read_to_string(&files.changes).unwrap();
        assert_eq!(
            text.lines().next().unwrap(),
            "{\"id\":1,\"time\":\"1970-01-01T00:16:40.000Z\",\"actor\":{\"kind\":\"anybody\"},\
             \"address\":\"127.0.0.1:5000\",\"action\":\"change\",\"object\":\"client/a\",\
             \"before\":{\"rpm\":1},\"after\":{\"rpm\":2},\"revision\":7,\"request_id\":\"r-1\",\
             \"outcome\":\"done\"}"
        );
        let audit = Audit::open(&files).unwrap();
        let all = audit.page(&Filter::default(), 10);
        let ids: Vec<_> = all.entries.iter().map(|entry| (entry.id, entry.outcome)).collect();
        let done = Outcome::Done;
        assert_eq!(ids, [(4, Outcome::Failed), (3, done), (2, done), (1, done)]);
        assert_eq!(all.next, None);
        assert_eq!(audit.write(change("d"), NOW).unwrap().id, 5);
    }

    #[test]
    fn it_is_read_in_pages_and_by_object() {
        let audit = Audit::default();
        for client in ["a", "b", "a", "b", "a"] {
            audit.write(change(client), NOW).unwrap();
        }
        let ids = |page: &Page| page.entries.iter().map(|entry| entry.id).collect::<Vec<_>>();
        let first = audit.page(&Filter::default(), 2);
        assert_eq!((ids(&first), first.next), (vec![5, 4], Some(4)));
        let next = audit.page(&Filter { before: first.next, object: None }, 10);
        assert_eq!((ids(&next), next.next), (vec![3, 2, 1], None));
        let of_a = Filter { object: Some("client/a".to_owned()), before: Some(5) };
        assert_eq!(ids(&audit.page(&of_a, 10)), [3, 1]);
    }

    #[test]
    fn what_cannot_be_written_down_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let files = AuditFiles::of(&folder.path().join("missing/audit.jsonl"));
        let told = Audit::open(&files).unwrap_err().to_string();
        assert!(told.starts_with("AUDIT_FILE=") && told.contains("missing"), "{told}");
    }

    #[test]
    fn a_value_that_is_too_large_is_told_by_its_size() {
        let audit = Audit::default();
        let large = format!("\"{}\"", "a".repeat(10_000));
        let change = Change { after: RawValue::from_string(large).ok(), ..change("a") };
        let entry = audit.write(change, NOW).unwrap();
        assert_eq!(entry.after.unwrap().get(), "{\"too_large\":true,\"bytes\":10002}");
    }
}
