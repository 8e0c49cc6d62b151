//! A whole configuration: written out, compared, put in force.

use super::world::World;

/// Everything that a configuration can have, as an operator writes it.
const EVERYTHING: &str = "\
# Of each kind two, with every field.
clients:
  acme:
    rpm: 60
    tpm: 100000
    enabled: true
    min_estimate: 10
    group: org/team
    plan: gold
    identities: [spiffe://acme, \"acme: the second\"]
  no:
    rpm: null
    enabled: false
  \"12\": {rpm: 1000000000000, tpm: 1}
models:
  gpt: [gpt-4o, \"gpt-4o-*\", \"*\"]
  claude: [claude-*]
limits:
- name: org
  match: {group: org, model: gpt}
  each: [client, model]
  tokens: 5000
  per: 24h
  burst: 5000
  mode: enforce
- name: places
  match: {client: unknown}
  concurrent: 4
- name: day
  match: {}
  each: [plan]
  requests: 100
  per: 90s
  burst: 7
  mode: shadow
- name: tried
  match: {plan: gold}
  requests: 100
  per: 31d
  trial: 50
";

#[tokio::test(flavor = "multi_thread")]
async fn diff_after_apply_of_a_dump_is_empty_for_a_configuration_with_everything_in_it() {
    let world = World::start().await;
    let wanted = world.shell.file("wanted.yaml", EVERYTHING, 0o644);
    let wanted = wanted.to_str().expect("UTF-8");
    let differs = world.run(&["diff", wanted]).await;
    assert_eq!(differs.code, Some(2), "{differs:?}");
    assert!(differs.stdout.contains("\n+  acme:\n"), "{}", differs.stdout);
    world.printed(&["apply", wanted]).await;
    same(&world, wanted).await;

    world.printed(&["keys", "create", "acme"]).await;
    world.printed(&["keys", "create", "no", "--expires-at", "2099-01-01T00:00:00Z"]).await;
    world.printed(&["tokens", "create", "--name", "ci", "--scopes", "read,write"]).await;
    // What it says nothing of is left alone.
    same(&world, wanted).await;

    for form in ["yaml", "json"] {
        let dump = world.printed(&["dump", "-o", form]).await;
        assert!(dump.contains("sha256") && !dump.contains("fgk_"), "{dump}");
        let file = world.shell.file(&format!("dump.{form}"), &dump, 0o600);
        let file = file.to_str().expect("UTF-8");
        same(&world, file).await;
        let applied = world.printed(&["apply", file]).await;
        assert_eq!(applied, "", "nothing was changed");
        same(&world, file).await;

        // Another control plane that was empty has all of it, keys and tokens too.
        let other = World::start().await;
        other.printed(&["apply", file]).await;
        same(&other, file).await;
        assert_eq!(other.printed(&["dump", "-o", form]).await, dump);
    }
}

async fn same(world: &World, file: &str) {
    let ran = world.run(&["diff", file]).await;
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_shown_as_a_unified_diff() {
    let world = World::start().await;
    world.printed(&["clients", "set", "acme", "--rpm", "60", "--tpm", "1000"]).await;
    world.printed(&["clients", "set", "b", "--rpm", "5", "--tpm", "none"]).await;
    let file = world.shell.file("wanted.yaml", "clients: {acme: {rpm: 61, tpm: 1000}}\n", 0o644);
    let ran = world.run(&["diff", file.to_str().expect("UTF-8")]).await;
    let expected = format!(
        "--- http://{}/\n+++ {}\n@@ -1,8 +1,6 @@\n clients:\n   acme:\n-    rpm: 60\n+    rpm: 61\n     \
         tpm: 1000\n-  b:\n-    rpm: 5\n limits: []\n models: {{}}\n",
        world.control_plane.rest_address(),
        file.display()
    );
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), expected.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_deleted_needs_a_yes_and_a_dry_run_changes_nothing() {
    let world = World::start().await;
    world.printed(&["clients", "set", "gone", "--rpm", "60", "--tpm", "none"]).await;
    let file = world.shell.file("wanted.yaml", "clients: {new: {rpm: 1, tpm: null}}\n", 0o644);
    let file = file.to_str().expect("UTF-8");
    let told = world.printed(&["apply", file, "--dry-run"]).await;
    assert_eq!(told, "created  client  new\ndeleted  client  gone\n");
    world
        .run(&["apply", file])
        .await
        .refused(64, "--yes is needed to delete client gone: there is no terminal to ask at");
    assert_eq!(world.printed(&["clients", "list", "-o", "name"]).await, "gone\n");
    assert_eq!(world.printed(&["apply", file, "--yes"]).await, told);
    assert_eq!(world.printed(&["clients", "list", "-o", "name"]).await, "new\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_document_is_told_by_line() {
    let world = World::start().await;
    let file = world.shell.file("wrong.yaml", "clients:\n  a:\n    rpm: 0\n  b c: {}\n", 0o644);
    let ran = world.run(&["apply", file.to_str().expect("UTF-8")]).await;
    ran.refused(1, "3:10: ");
    ran.refused(1, "(400 invalid_document)");
    world.run(&["apply", "nowhere.yaml"]).await.refused(64, "nowhere.yaml cannot be read: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_apply_refuses_diff_and_preview_refuse_in_the_same_words() {
    let world = World::start().await;
    for text in [
        "{}",
        "a: [",
        "- a\n",
        "limits: [{}]\n",
        "limits: [{name: x}]\n",
        "clients: {a: {rpm: 0, foo: 1}}\n",
        "clients: {a: {rpm: 60.0}}\n",
        "clients: {a: {rpm: 1}, a: {rpm: 2}}\n",
        "clients: {}\nlimits: [{name: x, tokens: 1e3, per: 1m}]\n",
        "clients: {x: &a {rpm: 1}, y: *a}\n",
        "clients: {}\nmodels: {m: *a}\n",
    ] {
        let file = world.shell.file("wrong.yaml", text, 0o644);
        let file = file.to_str().expect("UTF-8");
        let refused = world.run(&["apply", file, "--dry-run"]).await;
        refused.refused(1, "(400 invalid_document)");
        for command in [&["diff", file][..], &["preview", "config", file]] {
            assert_eq!(world.run(command).await, refused, "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_owns_is_compared_all_the_same() {
    let shell = super::world::Shell::new(None);
    let owned = shell.file("owned.yaml", "clients: {a: {rpm: 1, tpm: null}}\n", 0o644);
    let owned = owned.to_str().expect("UTF-8");
    let world = World::with(&[("CONFIG_FILE", owned)]).await;
    let wanted = world.shell.file("wanted.yaml", "clients: {a: {rpm: 2, tpm: null}}\n", 0o644);
    let ran = world.run(&["diff", wanted.to_str().expect("UTF-8")]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stdout.contains("\n-    rpm: 1\n+    rpm: 2\n"), "{ran:?}");
    let told = "warning: the server would not take the document: ";
    assert!(ran.stderr.starts_with(told) && ran.stderr.contains("managed_by_file"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_changes_nothing_says_so() {
    let world = World::start().await;
    let file = world.shell.file("wanted.yaml", "clients: {a: {rpm: 1, tpm: null}}\n", 0o644);
    let file = file.to_str().expect("UTF-8");
    world.printed(&["apply", file]).await;
    for (arguments, told) in [
        (&["apply", file][..], "Nothing was changed: this is the configuration in force\n"),
        (
            &["apply", file, "--dry-run"],
            "Nothing would be changed: this is the configuration in force\n",
        ),
    ] {
        let ran = world.run(arguments).await;
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", told));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_comes_from_stdin_too() {
    let world = World::start().await;
    let mut command = world.shell.command(&["apply", "-"]);
    let file = world.shell.file("wanted.yaml", EVERYTHING, 0o644);
    command.stdin(std::fs::File::open(file).expect("a file"));
    let ran = super::world::ran(command).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("created  client  acme\n"), "{ran:?}");
}
