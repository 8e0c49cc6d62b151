//! The files in a real folder.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use flowguard::store::{
    DataFolder,
    state::{FolderDisk, StateFiles},
};
use tempfile::TempDir;

use crate::{
    journal::bucket,
    things::{Thing, Things},
    world::NOW,
};

fn open(folder: &DataFolder) -> (StateFiles, Things) {
    let mut things = Things::default();
    let disk = Arc::new(FolderDisk::new(folder));
    let opened = StateFiles::open(disk, |record| things.apply(&record));
    (opened.expect("opened").0, things)
}

#[test]
fn what_is_written_to_a_folder_is_found_there_and_is_its_owners_alone() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = DataFolder::open(&parent.path().join("data")).expect("a folder");
    let (files, _) = open(&folder);
    for (client, whole) in [("a", 1), ("b", 2)] {
        files.append(NOW, |entry| bucket(client, whole).record(|record| entry.push(record)));
        files.sync();
    }
    files
        .snapshot(|| NOW, |writer| bucket("a", 1).record(|record| writer.push(record)))
        .expect("a snapshot");
    files.append(NOW, |entry| bucket("c", 3).record(|record| entry.push(record)));
    drop(files);

    let (_, things) = open(&folder);
    assert_eq!(things.all(), ["a", "c"].map(|client| Thing::Bucket(client.to_owned())));
    for file in fs::read_dir(folder.path()).expect("a folder") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
}
