//! A server that is not what it should be, and texts that strangers chose.

use serde_json::json;

use super::stub::answering;
use super::world::{Shell, World};

const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_only_calls_a_key_or_a_token_is_not_shown() {
    let other = "\u{1b}]0;OWNED\u{7}";
    let body = json!({
        "success": true, "message": "made", "key": other, "token": format!("fgk_abcDEF123456_{SECRET}"),
        "config": {"public_part": "abcDEF123456"}
    });
    let shell = Shell::new(Some(&answering("200 OK", &body.to_string())));
    for (arguments, told) in [
        (&["keys", "create", "acme"][..], "its key is none, which is fgk_, 12 characters, _, 43 "),
        (&["tokens", "create", "--name=a", "--scopes=read"], "its token is none, which is fga_, "),
    ] {
        let ran = shell.run(arguments).await;
        ran.refused(1, told);
        assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains("fgk_abc"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_server_repeats_is_not_shown() {
    for token in
        [format!("fga_abcDEF123456_{SECRET}"), "eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl".to_owned()]
    {
        let told = json!({"error": "invalid_token", "message": format!("no Bearer {token} here")});
        for body in [told.to_string(), format!("<html>{token}</html>")] {
            let shell = Shell::new(Some(&answering("401 Unauthorized", &body)));
            let file = shell.file("token", &token, 0o600);
            let file = file.to_str().expect("UTF-8");
            let ran = shell.run(&["clients", "list", "--token-file", file]).await;
            ran.refused(4, "…");
            assert!(!ran.stderr.contains(&token[20..]), "{ran:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_not_shown_as_if_it_were() {
    let shell = Shell::new(Some(&answering("200 OK", "\u{1b}[2J<html>")));
    for form in ["table", "json", "yaml", "name"] {
        let ran = shell.run(&["clients", "list", "-o", form]).await;
        ran.refused(1, "answered no JSON: \\u{1b}[2J<html>");
    }
    let events = "event: config\ndata: raw\u{1b}[31m\n\n";
    let shell = Shell::new(Some(&answering("200 OK", events)));
    for form in ["table", "json", "yaml"] {
        shell.run(&["events", "-o", form]).await.refused(1, "answered no JSON: raw\\u{1b}[31m");
    }
}

/// They turn a text round, or nobody sees them.
const HIDDEN: [char; 3] = ['\u{202e}', '\u{2028}', '\u{200b}'];

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_sees_in_a_text_is_shown_to_whoever_reads_it() {
    let world = World::start().await;
    let identities = HIDDEN.map(|character| format!("x{character}y"));
    let mut set = vec!["clients", "set", "bidi", "--rpm", "1", "--tpm", "none"];
    for identity in &identities {
        set.extend(["--identities", identity]);
    }
    world.printed(&set).await;
    let get = ["clients", "get", "bidi", "-o", "json"];
    assert!(world.printed(&get).await.contains(&identities[0]), "json is what the API said");
    let dump = world.printed(&["dump"]).await;
    let file = world.shell.file("dump.yaml", &dump, 0o644);
    let file = file.to_str().expect("UTF-8");
    let same = world.run(&["diff", file]).await;
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""), "{dump}");

    let other = world.shell.file("other.yaml", "clients: {bidi: {rpm: 2, tpm: null}}\n", 0o644);
    let other = other.to_str().expect("UTF-8");
    let evil = format!("x{}evil", HIDDEN[0]);
    for (arguments, told) in [
        (&["clients", "get", "bidi"][..], "x\\u{202e}y, "),
        (&["clients", "get", "bidi", "-o", "yaml"], "\"x\\u202Ey\""),
        (&["dump"], "\"x\\u200By\""),
        (&["diff", other], "\"x\\u202Ey\""),
        (&["clients", "get", &evil], ""),
        (&["clients", "delete", &evil], "--yes is needed to delete client x\\u{202e}evil: "),
        (&["apply", &evil], "x\\u{202e}evil cannot be read: "),
        (&["clients", &evil], "x\\u{202e}evil is not a command of clients"),
        (&["validate", &evil], "x\\u{202e}evil"),
    ] {
        let ran = world.run(arguments).await;
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(all.contains(told) && !all.contains(HIDDEN), "{arguments:?}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_none_is_refused_by_who_knows_what_is_one() {
    let world = World::start().await;
    world.printed(&["clients", "set", "acme", "--rpm", "1", "--tpm", "1"]).await;
    world.run(&["explain", "acme", "--tokens", "-1"]).await.refused(1, "tokens must be ");
    world.run(&["clients", "set", "acme", "--rpm", "-5"]).await.refused(1, "rpm must be ");
    for list in [&["decisions", "acme"][..], &["audit"], &["limits", "stats", "none"]] {
        let command = [list, &["--limit", "-1"]].concat();
        world.run(&command).await.refused(1, "limit must be ");
    }
}
