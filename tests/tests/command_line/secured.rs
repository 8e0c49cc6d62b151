//! Servers that take a token, and servers with TLS.

use harness::pki::{Authority, put};

use super::world::{Shell, World};

/// A control plane that takes tokens, and the file of one that was made before it was started.
async fn locked() -> (World, String) {
    let shell = Shell::new(None);
    let folder = shell.folder().join("data");
    let folder = folder.to_str().expect("UTF-8");
    let create = ["tokens", "create", "--local", "--name", "admin", "--data-dir", folder];
    let made = shell.run(&[&create[..], &["--scopes", "read,write,keys,tokens"]].concat()).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let mut world = World::with(&[("ADMIN_AUTH", "required"), ("DATA_DIR", folder)]).await;
    let own = world.shell.file("my.token", &made.stdout, 0o600);
    world.before = Some(shell);
    (world, own.to_str().expect("UTF-8").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_a_wrong_one_and_one_without_the_scope_end_with_4() {
    let (world, right) = locked().await;
    let ran = world.run(&["clients", "list"]).await;
    ran.refused(
        4,
        "(401 missing_token); name the file of a token with --token-file or FLOWGUARD_TOKEN_FILE",
    );
    let wrong = world.shell.file("wrong.token", "wrong\n", 0o600);
    let wrong = wrong.to_str().expect("UTF-8");
    let ran = world.run(&["clients", "list", "--token-file", wrong]).await;
    ran.refused(4, "(401 invalid_token)");

    world.printed(&["clients", "list", "--token-file", &right]).await;
    let create =
        ["tokens", "create", "--name", "reader", "--scopes", "read", "--token-file", &right];
    let reader = world.shell.file("reader.token", &world.printed(&create).await, 0o600);
    let reader = reader.to_str().expect("UTF-8");
    world.printed(&["clients", "list", "--token-file", reader]).await;
    let set = ["clients", "set", "acme", "--rpm", "1", "--token-file", reader];
    world.run(&set).await.refused(4, "(403 insufficient_scope)");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_read_compares_a_document_that_nobody_judged_and_is_told_so() {
    let (world, right) = locked().await;
    let create =
        ["tokens", "create", "--name", "reader", "--scopes", "read", "--token-file", &right];
    let reader = world.shell.file("reader.token", &world.printed(&create).await, 0o600);
    let reader = reader.to_str().expect("UTF-8");
    let file = world.shell.file("wanted.yaml", "clients: {a: {rpm: 1, tpm: null}}\n", 0o644);
    let file = file.to_str().expect("UTF-8");
    let ran = world.run(&["diff", file, "--token-file", reader]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stdout.contains("\n+  a:\n"), "{ran:?}");
    let told = "warning: the server did not judge the document: ";
    assert!(ran.stderr.starts_with(told) && ran.stderr.contains("insufficient_scope"), "{ran:?}");
    let ran = world.run(&["diff", file, "--token-file", &right]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(2), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_names_the_file_too_and_the_command_line_counts_before_it() {
    let (world, right) = locked().await;
    let mut command = world.shell.command(&["clients", "list"]);
    command.env("FLOWGUARD_TOKEN_FILE", &right);
    assert_eq!(super::world::ran(command).await.code, Some(0));
    let mut command = world.shell.command(&["clients", "list", "--token-file", &right]);
    command.env("FLOWGUARD_TOKEN_FILE", "/nowhere");
    assert_eq!(super::world::ran(command).await.code, Some(0));
    let mut command = world.shell.command(&["clients", "list"]);
    command.env("FLOWGUARD_TOKEN_FILE", "/nowhere");
    super::world::ran(command).await.refused(64, "the token's file /nowhere cannot be read: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_others_may_read_is_taken_with_a_warning_and_one_in_the_command_line_never() {
    let (world, right) = locked().await;
    let token = std::fs::read_to_string(right).expect("the file of the token");
    let open = world.shell.file("open.token", &token, 0o644);
    let ran = world.run(&["clients", "list", "--token-file", open.to_str().expect("UTF-8")]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let path = open.display();
    let told =
        format!("warning: others may read the token's file {path} (mode 0644): chmod 600 {path}\n");
    assert_eq!(ran.stderr, told);

    let ran = world.run(&["clients", "list", "--token-file", "fga_secret"]).await;
    ran.refused(64, "the file of a token is expected, not a token");
    assert!(!ran.stderr.contains("fga_secret"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_tls_is_known_by_its_authority() {
    let shell = Shell::new(None);
    let authority = Authority::new("of the server");
    let path = |name: &str| shell.folder().join(name).to_str().expect("UTF-8").to_owned();
    let (cert, key, ca, other) =
        (path("tls.crt"), path("tls.key"), path("ca.pem"), path("other.pem"));
    authority.issue(&["127.0.0.1"]).write(cert.as_ref(), key.as_ref());
    put(ca.as_ref(), authority.pem());
    put(other.as_ref(), Authority::new("of somebody else").pem());
    let world = World::with(&[("TLS_CERT_FILE", &cert), ("TLS_KEY_FILE", &key)]).await;
    let address = world.control_plane.rest_address();
    let server = format!("https://{address}");

    let list = ["clients", "list", "--server", &server, "--ca-file"];
    let with = |file| [&list[..], &[file]].concat();
    assert_eq!(world.printed(&with(&ca)).await, "CLIENT  RPM  TPM  ENABLED  GROUP  PLAN\n(none)\n");
    world.run(&with(&other)).await.refused(69, "--ca-file names the authority that signed it");
    world
        .run(&with("/nowhere"))
        .await
        .refused(64, "the file of authorities /nowhere cannot be read: ");
    // Who speaks without TLS is told so.
    world.run(&["clients", "list"]).await.refused(1, "(400 tls_required)");
}
