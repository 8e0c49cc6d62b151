//! What changes with every request, in files: a snapshot of all of it, and a journal of what came
//! after.
//!
//! # The journal
//!
//! An *entry* is what happened in one step: some records, all of them or none. Entries are numbered
//! in the order in which they were written, and each is one write. A process that is killed loses
//! none of them, since the kernel has them; what a power failure may take is what was not yet synced.
//!
//! Entries go into one of two files; at each sync the other one becomes the one that is written to,
//! so that no write ever waits for a sync. Whoever reads puts the entries of both in order by their
//! numbers. The first number that is missing ends what can be used. Each entry says up to which
//! number all of them were durable when it was written, and after each sync one without records says
//! so at once. Thus it is known what a missing number means: the end of what a power failure left,
//! which is cut off, or damage, over which nothing is served.
//!
//! Two files are a *generation*. A process begins one of its own and never writes to what was there,
//! and so does each snapshot. Generations of a process name it, by its *run*, and say with which
//! number it began: what earlier runs have from that number on was cut off and never comes back.
//!
//! # The snapshot
//!
//! It is written while entries go on, so that its parts are of different moments. They are put right
//! by the entries that were written meanwhile: it says the first and the last of them, and is put
//! in force, by its name, only when they are durable. Then it and the generations from its own on
//! are all that counts, and older ones are removed.
//!
//! # A disk that is full or fails
//!
//! After an entry that could not be written, or a sync that failed, no later one may be taken for
//! its follower. One number is left out for good, and nothing is written until a snapshot has begun
//! another generation; its entries count when that snapshot is in force.
//!
//! A sync that is tried again after one that failed says nothing, also when another process tries it.
//! So what a process finds behind the last word about what is durable is in doubt, and nothing more
//! is called durable before a snapshot of its own.

mod disk;
mod entry;
mod error;
mod files;
mod folder_disk;
mod found;
mod frame;
mod generation;
mod header;
mod journal;
mod journal_reader;
mod leftovers;
mod names;
mod read;
mod record;
mod records;
pub mod simulated;
mod snapshot_reader;
mod snapshot_writer;
mod status;

pub use disk::{Disk, DiskFile};
pub use entry::Entry;
pub use error::StateError;
pub use files::StateFiles;
pub use folder_disk::FolderDisk;
pub use found::{CutOff, Found};
pub use header::FORMAT;
pub use read::read;
pub use record::{
    BucketLevel, BucketName, BucketRecord, ChargeRecord, EndedRecord, ForgottenRecord,
    LearnedRecord, LimitBucketName, LimitForgottenRecord, LimitId, LimitTalliesRecord, LimitTally,
    ModelForgottenRecord, OpenedKind, OpenedRecord, Record, Tallies, TalliesRecord,
};
pub use records::Records;
pub use snapshot_writer::SnapshotWriter;
pub use status::{Cause, Condition, Status};
