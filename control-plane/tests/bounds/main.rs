//! What anybody can take of a control plane, whatever he sends: memory, time, places. A program of
//! its own, because it looks at its own memory.

mod clients;
mod http1;
mod journal;
mod keys;
mod large_bodies;
mod large_documents;
mod large_messages;
mod many_workers;
mod memory;
mod served;
mod slow_disk;
mod strangers;
mod unread_lists;
mod waiting;
mod worker;

use tokio::sync::Mutex;

/// One test at a time: the memory is the whole process's.
static ALONE: Mutex<()> = Mutex::const_new(());
