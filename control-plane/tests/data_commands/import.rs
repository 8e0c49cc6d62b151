//! The command that makes a folder.

use std::{
    fs,
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

use flowguard::clients::ClientConfig;

use super::world::{World, check, config, contents, mode, text};

#[test]
fn an_import_makes_a_folder_for_its_owner_of_a_file_or_of_stdin() {
    let world = World::used();
    world.run(&["export", "file"]);
    let output = world.run(&["import", "file", "--data-dir=new"]);
    check(&output, 0, "new: 2 clients, 5 records\n", "");
    let new = world.path("new");
    assert_eq!(mode(&new), 0o700);
    for name in contents(&new).keys() {
        assert_eq!(mode(&new.join(name)), 0o600, "{name}");
    }

    fs::create_dir(world.path("empty")).expect("a folder");
    let mut import = world.command(&["import", "-", "--data-dir=empty"]);
    let mut import = import.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let document = fs::read(world.path("file")).expect("a file");
    import.stdin.take().expect("a pipe").write_all(&document).expect("it reads");
    check(&import.wait_with_output().expect("its end"), 0, "empty: 2 clients, 5 records\n", "");
    for folder in ["new", "empty"] {
        let output = world.run(&["export", &format!("--data-dir={folder}")]);
        assert_eq!(output.stdout, document);
    }
}

#[test]
fn a_disk_that_is_new_is_empty() {
    let world = World::used();
    world.run(&["export", "file"]);
    fs::create_dir_all(world.path("disk/lost+found")).expect("a folder");
    let output = world.run(&["import", "file", "--data-dir=disk"]);
    check(&output, 0, "disk: 2 clients, 5 records\n", "");
}

#[test]
fn an_import_touches_no_folder_in_which_there_is_anything() {
    let world = World::used();
    world.run(&["export", "file"]);
    let before = contents(&world.data());
    let line = |folder: &str| {
        format!(
            "DATA_DIR={} (--data-dir) is not empty, and was left as it is: name a folder that is \
             empty or not there\n",
            world.path(folder).display()
        )
    };
    check(&world.run(&["import", "file"]), 73, "", &line("data"));
    assert_eq!(contents(&world.data()), before);

    fs::create_dir(world.path("other")).expect("a folder");
    fs::write(world.path("other/mine"), "mine").expect("written");
    let output = world.run(&["import", "file", "--data-dir=other"]);
    check(&output, 73, "", &line("other"));
    assert_eq!(contents(&world.path("other")).keys().collect::<Vec<_>>(), ["mine"]);
}

#[test]
fn of_a_backup_that_is_not_in_order_nothing_is_made() {
    let world = World::new();
    fs::write(world.path("file"), "{}\n").expect("written");
    let line = "file:1: this is no backup: one begins with {\"flowguard\":{\"format\":…\n";
    check(&world.run(&["import", "file"]), 65, "", line);
    let line = "other cannot be read: No such file or directory (os error 2)\n";
    check(&world.run(&["import", "other"]), 73, "", line);
    assert_eq!(contents(world.0.path()).into_keys().collect::<Vec<_>>(), ["file"]);
}

#[test]
fn a_part_of_an_import_is_served_by_nobody() {
    let world = World::used();
    let folder = world.data();
    fs::write(folder.join("unfinished"), "").expect("written");
    let line = format!(
        "DATA_DIR={} (--data-dir) holds a part of an import, which was not finished: empty the \
         folder and import again\n",
        folder.display()
    );
    for arguments in [&["data", "check"][..], &["data", "export"], &["serve"]] {
        let mut command = world.flowguard();
        command.args(arguments).arg("--data-dir=data");
        for port in ["METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"] {
            command.env(port, "0");
        }
        check(&command.output().expect("the binary runs"), 73, "", &line);
    }
}

/// Whenever it is killed: the folder is not there, empty, refused, or whole.
#[test]
fn an_import_that_is_killed_leaves_nothing_that_would_be_served_in_part() {
    let world = World::new();
    let clients: Vec<ClientConfig> =
        (0..3_000).map(|number| config(&format!("client-{number}"), Some(60), None)).collect();
    world.has_clients(&clients);
    world.run(&["export", "file"]);
    let begun = Instant::now();
    world.run(&["import", "file", "--data-dir=whole"]);
    let took = begun.elapsed();
    let document = world.run(&["export", "--data-dir=whole"]).stdout;

    let rounds = 24;
    let mut refused = 0;
    for round in 0..rounds {
        let folder = world.path("killed");
        let mut import = world.command(&["import", "file", "--data-dir=killed"]);
        let mut import = import.stdout(Stdio::null()).spawn().expect("the binary runs");
        let until = Instant::now() + took * (round + 1) / rounds;
        while Instant::now() < until && import.try_wait().expect("a process").is_none() {
            #[expect(clippy::disallowed_methods, reason = "the moment of the kill is the test")]
            std::thread::sleep(Duration::from_micros(200));
        }
        import.kill().expect("a process");
        import.wait().expect("its end");
        if !folder.exists() {
            continue;
        }
        let files: Vec<_> = contents(&folder).into_keys().collect();
        if !files.iter().all(|name| name == "lock") {
            let output = world.run(&["export", "--data-dir=killed"]);
            match output.status.code() {
                Some(0) => assert!(output.stdout == document, "round {round}: a part is served"),
                code => {
                    assert_eq!(code, Some(73), "round {round}: {output:?}");
                    refused += 1;
                }
            }
        }
        fs::remove_dir_all(&folder).expect("removed");
    }
    assert!(refused > 0, "none was killed in the middle");
}

#[test]
fn clients_of_the_file_of_clients_are_not_stored_and_have_their_balances_all_the_same() {
    let world = World::used();
    fs::write(world.path("clients.yaml"), "clients: {b: {rpm: 5}}\n").expect("written");
    let config_file = "--config-file=clients.yaml";
    let document = world.run(&["export"]).stdout;
    world.run(&["export", "file"]);
    world.run(&["import", "file", "--data-dir=new", config_file]);
    let without_file = text(&world.run(&["export", "--data-dir=new"]).stdout).to_owned();
    assert!(without_file.ends_with("{\"end\":{\"clients\":1,\"records\":3}}\n"), "{without_file}");
    let with_file = world.run(&["export", "--data-dir=new", config_file]).stdout;
    assert_eq!(text(&with_file), text(&document));
}
