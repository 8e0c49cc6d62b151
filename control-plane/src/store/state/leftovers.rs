//! Files that count no more are removed. None is ever read again, so that one which cannot be
//! removed does no harm but for its space: the next snapshot or start tries again.

use super::{
    Disk,
    names::{self, JournalName, Side},
};

/// Removes what never became whole.
pub(super) fn remove_unfinished(disk: &dyn Disk) {
    remove(disk, names::is_unfinished);
}

/// Removes the generations before this one.
pub(super) fn remove_before(disk: &dyn Disk, generation: u64) {
    remove(disk, |name| JournalName::parse(name).is_some_and(|name| name.generation < generation));
}

/// Removes one generation.
pub(super) fn remove_generation(disk: &dyn Disk, generation: u64) {
    for side in [Side::A, Side::B] {
        let _ = disk.remove(&JournalName { generation, side }.to_string());
    }
}

fn remove(disk: &dyn Disk, is_left_over: impl Fn(&str) -> bool) {
    let names = disk.names().unwrap_or_default();
    for name in names.iter().filter(|name| is_left_over(name)) {
        let _ = disk.remove(name);
    }
}
