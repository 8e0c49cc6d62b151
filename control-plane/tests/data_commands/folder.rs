//! The commands that read a folder.

use std::{ffi::OsStr, fs, path::PathBuf, process::Command};

use flowguard::store::DataFolder;

use super::world::{World, check, contents, mode, text};

#[test]
fn check_tells_what_is_there_and_changes_no_byte() {
    let world = World::used();
    let folder = world.data();
    let before = contents(&folder);
    let expected = format!(
        "{}:\n  \
         configuration.redb: format 3, 2 clients, revision 1\n  \
         snapshot and journal: format 2, 4 entries behind the snapshot, 15 records in all, last \
         written at 2023-11-14T22:13:21.500Z\n  \
         under way: 2 requests of 2 workers\n",
        folder.display()
    );
    check(&world.run(&["check"]), 0, &expected, "");
    assert_eq!(contents(&folder), before);
    world.run(&["export"]);
    assert_eq!(contents(&folder), before);
}

/// How a file of the journal begins, before its first entry.
const HEADER_BYTES: usize = 40;

/// Where it says its format.
const FORMAT_AT: usize = 8;

/// The file of the journal that has the entries.
fn journal(world: &World) -> PathBuf {
    let files = fs::read_dir(world.data()).expect("a folder").map(|file| file.expect("a file"));
    let journals = files.map(|file| file.path()).filter(|path| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name.starts_with("state.journal"))
    });
    let journal = journals.max_by_key(|path| fs::metadata(path).expect("a file").len());
    journal.expect("a journal")
}

/// What is told of a used folder whose journal is cut to as many of its bytes as `length` says.
fn checked_after_a_cut(length: impl FnOnce(usize) -> usize) -> String {
    let world = World::used();
    let journal = journal(&world);
    let bytes = fs::read(&journal).expect("a file");
    fs::write(&journal, &bytes[..length(bytes.len())]).expect("written");
    let output = world.run(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    text(&output.stdout).to_owned()
}

#[test]
fn check_tells_what_a_power_failure_cut_off() {
    let told = checked_after_a_cut(|length| length - 1);
    assert!(told.contains("3 entries behind the snapshot"), "{told}");
    assert!(told.contains("\n  cut off by a power failure: 0 entries, "), "{told}");
    assert!(told.contains("\n  under way: 3 requests of 2 workers\n"), "{told}");

    let told = checked_after_a_cut(|_| HEADER_BYTES + 1);
    assert!(told.contains("\n  snapshot and journal: nothing was written yet\n"), "{told}");
    assert!(told.contains("\n  cut off by a power failure: 0 entries, 1 byte\n"), "{told}");
}

#[test]
fn of_an_empty_folder_it_is_told_that_there_is_nothing() {
    let world = World::new();
    fs::create_dir(world.data()).expect("a folder");
    let expected = format!(
        "{}:\n  configuration: none was made yet\n  snapshot and journal: nothing was written \
         yet\n  under way: 0 requests of 0 workers\n",
        world.data().display()
    );
    check(&world.run(&["check"]), 0, &expected, "");
    assert_eq!(contents(&world.data()).len(), 0);
}

#[test]
fn a_folder_that_is_not_there_is_refused_and_not_made() {
    let world = World::new();
    let line = format!(
        "DATA_DIR={} (--data-dir) is not there: name the folder that a control plane has made\n",
        world.data().display()
    );
    for command in [&["check"][..], &["export"], &["export", "file"]] {
        check(&world.run(command), 73, "", &line);
    }
    assert_eq!(contents(world.0.path()).len(), 0);
}

#[test]
fn a_folder_that_somebody_has_is_refused() {
    let world = World::used();
    let folder = world.data();
    let _taken = DataFolder::open(&folder).expect("a folder");
    let line = format!(
        "DATA_DIR={} (--data-dir) is in use by another process: stop that one, or choose another \
         folder\n",
        folder.display()
    );
    for command in ["check", "export"] {
        check(&world.run(&[command]), 73, "", &line);
    }
}

#[test]
fn without_a_folder_there_is_nothing_to_look_into() {
    let world = World::new();
    for arguments in [&["check"][..], &["export"], &["import", "file"]] {
        let mut command = world.command(arguments);
        let output = command.env("DATA_DIR", "memory").output().expect("the binary runs");
        let line = "DATA_DIR=memory (--data-dir) is not allowed here: a folder is\n";
        check(&output, 64, "", line);
    }
}

#[test]
fn a_damaged_file_is_told_with_65_and_left_as_it_is() {
    for name in ["configuration.redb", "state.snapshot"] {
        let world = World::used();
        let file = world.data().join(name);
        fs::write(&file, "no such file").expect("written");
        for command in [&["check"][..], &["export", "file"]] {
            let output = world.run(command);
            assert_eq!(output.status.code(), Some(65), "{output:?}");
            let line = text(&output.stderr);
            assert!(line.starts_with(&format!("{} is damaged (", file.display())), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
            assert_eq!(fs::read(&file).expect("a file"), b"no such file");
        }
        assert!(!world.path("file").exists());
    }
}

#[test]
fn an_exported_file_is_its_owners_and_is_never_overwritten() {
    let world = World::used();
    let file = world.path("file");
    check(&world.run(&["export", "file"]), 0, "file: 2 clients, 5 records\n", "");
    assert_eq!(mode(&file), 0o600);
    let document = fs::read_to_string(&file).expect("text");
    let line = "file is there already, and was left as it is: choose another name\n";
    check(&world.run(&["export", "file"]), 73, "", line);
    assert_eq!(fs::read_to_string(&file).expect("text"), document);
    for arguments in [&["export"][..], &["export", "-"]] {
        check(&world.run(arguments), 0, &document, "2 clients, 5 records\n");
    }
}

#[test]
fn a_file_that_cannot_be_written_to_its_end_is_told() {
    let world = World::used();
    let line = "nowhere/file cannot be written: No such file or directory (os error 2)\n";
    check(&world.run(&["export", "nowhere/file"]), 73, "", line);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let output = world.command(&["export"]).stdout(full).output().expect("the binary runs");
    let line = "stdout cannot be written: No space left on device (os error 28)\n";
    check(&output, 73, "", line);
}

#[test]
fn a_file_of_a_later_version_is_told_with_65_and_left_as_it_is() {
    let world = World::used();
    let file = journal(&world);
    let mut later = fs::read(&file).expect("a file");
    later[FORMAT_AT] += 1;
    fs::write(&file, &later).expect("written");
    let line = format!(
        "{} has format 3, and flowguard {} reads up to format 2: start the version that wrote it; \
         it was left as it is\n",
        file.display(),
        env!("CARGO_PKG_VERSION")
    );
    for command in ["check", "export"] {
        check(&world.run(&[command]), 65, "", &line);
        assert_eq!(fs::read(&file).expect("a file"), later);
    }
}

#[test]
fn of_a_file_that_finds_no_room_nothing_is_left() {
    let world = World::used();
    // One KiB a file, over which the process gets an error and no signal.
    let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" data export file";
    let mut bash = Command::new("bash");
    bash.env_clear().env("DATA_DIR", "data").current_dir(world.0.path()).args(["-c", limited]);
    let output = bash.arg(env!("CARGO_BIN_EXE_flowguard")).output().expect("bash runs");
    check(&output, 73, "", "file cannot be written: File too large (os error 27)\n");
    assert!(!world.path("file").exists());
}

#[test]
fn clients_of_the_file_of_clients_are_exported_with_their_balances_as_they_would_be_served() {
    let world = World::used();
    fs::write(world.path("clients.yaml"), "clients: {b: {rpm: 7}, c: {}}\n").expect("written");
    let config_file = "--config-file=clients.yaml";
    let output = world.run(&["export", config_file]);
    let document = text(&output.stdout);
    let b = r#"{"client":{"client_id":"b","rpm":7,"tpm":null,"enabled":true}}"#;
    let (_, behind) = document.split_once(b).expect("the client of the file");
    assert!(behind.starts_with("\n{\"bucket\":{\"bucket\":{\"rpm\":\"b\"}"), "{document}");
    assert!(document.ends_with("{\"end\":{\"clients\":3,\"records\":5}}\n"), "{document}");
    let output = world.run(&["check", config_file]);
    assert!(text(&output.stdout).contains("\n  clients.yaml (CONFIG_FILE): 2 clients\n"));

    fs::write(world.path("clients.yaml"), "clients: 1\n").expect("written");
    let line = "clients.yaml:1:10: clients must be an object of clients by their ids, not 1\n";
    check(&world.run(&["export", config_file]), 64, "", line);
}
