//! Servers by a name of one's own.

use std::os::unix::fs::PermissionsExt as _;

use super::world::{Shell, World, ran};

#[tokio::test(flavor = "multi_thread")]
async fn the_context_in_use_is_asked_unless_another_server_is_named() {
    let (here, there) = (World::start().await, World::start().await);
    here.printed(&["clients", "set", "here", "--rpm", "1", "--tpm", "1"]).await;
    there.printed(&["clients", "set", "there", "--rpm", "1", "--tpm", "1"]).await;
    let server = |world: &World| format!("http://{}", world.control_plane.rest_address());
    let shell = Shell::new(None);
    for (name, world) in [("here", &here), ("there", &there)] {
        let added = shell.run(&["context", "add", name, "--server", &server(world)]).await;
        let used = if name == "here" { "; it is in use" } else { "" };
        let told = format!("context {name} was added{used}\n");
        assert_eq!((added.code, added.stderr.as_str()), (Some(0), told.as_str()));
    }
    let names = async |arguments: &[&str]| {
        let ran = shell.run(&[&["clients", "list", "-o", "name"], arguments].concat()).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    };
    assert_eq!(names(&[]).await, "here\n", "the first one is in use");
    assert_eq!(names(&["--context", "there"]).await, "there\n");
    assert_eq!(names(&["--server", &server(&there)]).await, "there\n");
    assert_eq!(shell.run(&["context", "use", "there"]).await.code, Some(0));
    assert_eq!(names(&[]).await, "there\n");
    let mut variable = shell.command(&["clients", "list", "-o", "name"]);
    variable.env("FLOWGUARD_SERVER", server(&here));
    assert_eq!(ran(variable).await.stdout, "here\n", "a variable counts before the context");

    let list = shell.run(&["context", "list"]).await.stdout;
    let expected = [("   here   ", &here), ("*  there  ", &there)];
    for (line, (begin, world)) in list.lines().skip(1).zip(expected) {
        assert!(line.starts_with(&format!("{begin}  {}/", server(world))), "{list}");
    }
    shell
        .run(&["context", "use", "nowhere"])
        .await
        .refused(64, "there is no context nowhere: there is here, there");
    let removed = shell.run(&["context", "remove", "there"]).await;
    assert_eq!(
        (removed.code, removed.stderr.as_str()),
        (Some(0), "context there was removed; no context is in use now\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_ones_own_and_has_no_token() {
    let shell = Shell::new(None);
    let add = ["context", "add", "a", "--server", "https://a:1", "--token-file", "my.token"];
    let added = shell.run(&add).await;
    let told = format!(
        "warning: the token's file {} is not there\ncontext a was added; it is in use\n",
        shell.folder().join("my.token").display()
    );
    assert_eq!((added.code, added.stderr), (Some(0), told));
    let again =
        shell.run(&["context", "add", "a", "--server", "https://a:1", "--token-file", "my.token"]);
    let again = again.await.stderr;
    assert!(
        again.ends_with("context a was replaced; its server was https://a:1/; it is in use\n"),
        "{again}"
    );
    let file = shell.folder().join(".config/flowguard/contexts.yaml");
    let mode = || std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let text = std::fs::read_to_string(&file).expect("the file");
    let absolute = shell.folder().join("my.token");
    assert!(text.contains(absolute.to_str().expect("UTF-8")), "{text}");

    let ran =
        shell.run(&["context", "add", "b", "--server", "https://b", "--token-file", "fga_x"]).await;
    ran.refused(64, "the file of a token is expected, not a token");
    let ran = shell.run(&["context", "add", "b", "--server", "http://me:secret@h:1"]).await;
    ran.refused(64, "http://…@h:1 names a user before the @, and no server takes one");
    assert!(!ran.stderr.contains("secret"), "{ran:?}");

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("its mode");
    for arguments in [&["context", "list"][..], &["clients", "list"]] {
        let ran = shell.run(arguments).await;
        ran.refused(64, "others may read or write ");
        ran.refused(64, "(mode 0644): chmod 600 it");
    }
}
