//! An installation moves into a store that control planes share, and out of it again.

use std::{
    fmt::Write as _,
    fs,
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use harness::{deadline::eventually, redis_pair::By};

use super::{
    both::{Backup, Both, left_at},
    world::{World, check, text},
};

/// Where an import says that it is not finished.
const MARK: &[u8] = b"{flowguard}:import";

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("a time")
}

fn level(amount: u64, window_s: u32, whole: i64, rest: u32, at: u64) -> String {
    format!(
        r#"{{"amount":{amount},"burst":{amount},"window_s":{window_s},"revision":3,"whole":{whole},"rest":{rest},"refilled_at":{at}}}"#
    )
}

/// A backup with all that there can be: clients with and without limits, in groups and on plans, limits of
/// every kind and models, debts and rests, and what clients share.
fn document() -> String {
    let at = now();
    let each = |client: bool, model: bool| {
        format!(r#"{{"client":{client},"group":{},"plan":false,"model":{model}}}"#, !client)
    };
    let bucket = |name: &str, epoch: u32, level: &str| {
        format!(r#"{{"bucket":{{"bucket":{name},"epoch":{epoch},"level":{level}}}}}"#)
    };
    let limit = |of: &str, counts: &str, each: &str, rest: &str| {
        format!(
            r#"{{"limit":{{"limit":{{"name":"{of}","kind":{{"counts":"{counts}","each":{each}}}}},{rest}}}}}"#
        )
    };
    let (own, shared) = (each(true, true), each(false, false));
    let day = limit(
        "day",
        "tokens",
        &own,
        r#""client":"a","group":null,"plan":null,"model":"big","trial":false"#,
    );
    let other = day.replace("\"big\"", "\"other\"");
    let team = limit(
        "team",
        "requests",
        &shared,
        r#""client":null,"group":"acme/search","plan":null,"model":null,"trial":false"#,
    );
    let kind = format!(r#"{{"name":"team","kind":{{"counts":"requests","each":{shared}}}}}"#);
    let tallies = |client: &str, number: u64| {
        format!(
            r#"{{"tallies":{{"client":"{client}","tallies":{{"admitted":{number},"overcounted":0,"rpm_dropped":7,"tpm_dropped":3,"tokens_used":{},"last_request":{},"durations":5,"durations_us":123456}}}}}}"#,
            number * 1_000,
            at - 1_000
        )
    };
    let lines = [
        format!(r#"{{"flowguard":{{"format":3,"version":"0.1.0","at":{at}}}}}"#),
        r#"{"model":{"name":"big","patterns":["big-*","gpt-5"]}}"#.to_owned(),
        r#"{"limit":{"name":"at-a-time","match":{},"each":["client"],"concurrent":4}}"#.to_owned(),
        r#"{"limit":{"name":"day","match":{},"each":["client","model"],"tokens":5000000,"per":"1d"}}"#.to_owned(),
        r#"{"limit":{"name":"team","match":{},"each":["group"],"requests":1000,"per":"1h"}}"#.to_owned(),
        format!(
            r#"{{"token":{{"public_part":"ToKeNpArT001","name":"ci","scopes":["read","decide"],"sha256":"{}","created_at":"2026-11-27T09:00:00Z"}}}}"#,
            "0a".repeat(32)
        ),
        r#"{"client":{"client_id":"a","rpm":600,"tpm":90000,"group":"acme/search","plan":"gold","identities":["spiffe://mesh/a"]}}"#.to_owned(),
        format!(
            r#"{{"key":{{"public_part":"KeYpArT00001","client_id":"a","sha256":"{}","created_at":"2026-11-27T09:00:00Z","expires_at":"2099-01-01T00:00:00Z"}}}}"#,
            "0b".repeat(32)
        ),
        bucket(r#"{"rpm":"a"}"#, 2, &level(600, 60, 17, 59_999, at)),
        bucket(r#"{"tpm":"a"}"#, 2, &level(90_000, 60, -250_001, 1, at)),
        bucket(&day, 2, &level(5_000_000, 86_400, 1_234_567, 86_399_999, at)),
        bucket(&other, 2, &level(5_000_000, 86_400, -77, 5, at)),
        tallies("a", 42),
        format!(
            r#"{{"learned":{{"client":"a","used":[1,2,3],"learned_at":{at}}}}}"#
        ),
        format!(
            r#"{{"limit_tallies":{{"client":"a","dropped":9,"limits":[{{"limit":{kind},"refused":9,"would_refuse":2}}]}}}}"#
        ),
        r#"{"client":{"client_id":"b/c+d","rpm":5,"tpm":null,"enabled":false,"group":"acme/search"}}"#.to_owned(),
        bucket(r#"{"rpm":"b/c+d"}"#, 0, &level(5, 60, -3, 4, at)),
        // Of a limit that it has no more, which may come back.
        bucket(r#"{"tpm":"b/c+d"}"#, 0, &level(1_000_000, 60, -9_000_000, 4, at)),
        tallies("b/c+d", 1),
        r#"{"client":{"client_id":"idle","rpm":1,"tpm":1}}"#.to_owned(),
        tallies("unknown", 3),
        bucket(r#"{"rpm":"unknown"}"#, 0, &level(60, 60, -500, 0, at)),
        bucket(&team, 0, &level(1_000, 3_600, 12, 3_599_999, at)),
        r#"{"end":{"clients":3,"records":13,"limits":3,"models":1,"keys":1,"tokens":1}}"#.to_owned(),
    ];
    lines.iter().fold(String::new(), |mut document, line| {
        writeln!(document, "{line}").expect("a string");
        document
    })
}

const COUNTS: &str = "3 clients, 13 records, 3 limits, 1 model, 1 key, 1 token";

#[test]
fn what_clients_share_is_in_the_backup_of_a_folder_as_well() {
    let world = World::new();
    fs::write(world.path("first"), document()).expect("written");
    world.run(&["import", "first", "--data-dir=embedded"]);
    let document = world.run(&["export", "--data-dir=embedded"]).stdout;
    assert!(text(&document).contains(r#""group":"acme/search","plan":null,"model":null"#));
}

async fn check_that_nothing_is_lost_to_the_unit(both: Both) {
    both.write("first", &document());
    let told = format!("embedded: {COUNTS}\n");
    check(&both.world.run(&["import", "first", "--data-dir=embedded"]), 0, &told, "");
    let embedded = both.exported_folder("embedded");
    both.world.run(&["export", "moving", "--data-dir=embedded"]);

    let told = format!("{}: {COUNTS}\n", both.url());
    check(&both.run(&["import", "moving"]), 0, &told, "");
    let told = format!(
        "{}: STORE_PREFIX={{flowguard}}:: 3 clients, 3 limits, 1 model, 1 key, 1 token, revision ",
        both.url()
    );
    let output = both.run(&["check"]);
    assert!(text(&output.stdout).starts_with(&told), "{output:?}");
    assert!(text(&output.stdout).ends_with(", used by 0 control planes\n"), "{output:?}");
    let mut shared = both.exported();
    // Whoever has no such limit any more has its bucket in the store, where nobody reads it.
    let mut expected = embedded.left_at(shared.at);
    let gone = r#"{"tpm":"b/c+d"}"#;
    expected.remove(gone).expect("it was there");
    assert_eq!(shared.left_at(shared.at), expected);
    assert_eq!(shared.lines, embedded.lines);

    // The limit comes back, and the bucket goes on where it was.
    let again = both.control_plane();
    again.patch("b%2Fc%2Bd", r#"{"tpm":1000000}"#).await;
    drop(again);
    shared = both.exported();
    let gone = shared.left_at(shared.at).remove(gone).expect("it is there again");
    assert_eq!(gone, left_at(&embedded.levels[r#"{"tpm":"b/c+d"}"#], shared.at));

    both.run(&["export", "back"]);
    let output = both.world.run(&["import", "back", "--data-dir=again"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let again = both.exported_folder("again");
    assert_eq!(again.left_at(again.at), shared.left_at(again.at));
    assert_eq!(again.lines, shared.lines);
}

#[tokio::test]
async fn an_installation_moves_into_a_store_and_back_with_nothing_lost_to_the_unit() {
    check_that_nothing_is_lost_to_the_unit(Both::start().await).await;
}

#[tokio::test]
async fn an_installation_moves_into_a_cluster_and_back_with_nothing_lost_to_the_unit() {
    check_that_nothing_is_lost_to_the_unit(Both::start_several(By::Cluster).await).await;
}

#[tokio::test]
async fn an_installation_moves_behind_sentinels_and_back_with_nothing_lost_to_the_unit() {
    check_that_nothing_is_lost_to_the_unit(Both::start_several(By::Sentinels).await).await;
}

#[tokio::test]
async fn control_planes_go_on_with_what_was_imported_and_are_backed_up_while_they_run() {
    let both = Both::start().await;
    both.write("first", &document());
    both.run(&["import", "first"]);
    let imported = both.exported();

    let running = [both.control_plane(), both.control_plane()];
    for control_plane in &running {
        let backup = control_plane.get("/api/v1/backup").await;
        let backup = Backup::of(&backup);
        // Each bucket is told as it stood when its turn came.
        let later = now() + 1_000;
        assert_eq!(backup.left_at(later), imported.left_at(later));
        assert_eq!(backup.lines, imported.lines);
        let stats = control_plane.get("/api/v1/clients/a/stats").await;
        assert!(stats.contains(r#""tokens_used":42000"#), "{stats}");
    }
    // What it would write changes while it is written.
    let output = both.run(&["export"]);
    let line = "control planes use the store now, 2 of them: stop them, or have one of them write the \
                backup, with flowguard data backup\n";
    check(&output, 73, "", line);
}

#[tokio::test]
async fn an_import_touches_no_space_that_was_used_and_any_number_have_room_in_a_store() {
    let both = Both::start().await;
    both.write("first", &document());
    let line = |prefix: &str| {
        format!(
            "the store has clients already whose keys begin with STORE_PREFIX={prefix}, and was left \
             as it is: choose another STORE_PREFIX, or another store\n"
        )
    };
    // Whoever starts there has used it, also without clients.
    drop(both.control_plane());
    check(&both.run(&["import", "first"]), 73, "", &line("{flowguard}:"));
    for _ in 0..2 {
        let mut command = both.world.command(&["import", "first"]);
        command.env("STORE_URL", both.url()).env("STORE_PREFIX", "{other}:");
        let output = command.output().expect("the binary runs");
        if output.status.success() {
            continue;
        }
        check(&output, 73, "", &line("{other}:"));
    }
    assert!(both.exists(b"{other}:config:rows").await);
    assert!(!both.exists(b"{other}:import").await);
}

#[tokio::test]
async fn of_a_backup_that_is_not_in_order_or_of_a_later_version_nothing_comes_into_a_store() {
    let both = Both::start().await;
    both.write("later", &document().replace(r#""format":3"#, r#""format":4"#));
    let line = format!(
        "later:1: the backup has format 4, and flowguard {} reads up to format 3: import it with the \
         version that wrote it\n",
        env!("CARGO_PKG_VERSION")
    );
    check(&both.run(&["import", "later"]), 65, "", &line);
    both.write("torn", document().rsplit_once("{\"end\"").expect("an end").0);
    let output = both.run(&["import", "torn"]);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert_eq!(both.server().command(&[b"DBSIZE"]).await, b":0\r\n+OK\r\n");
}

/// How many clients are imported before the import is killed.
const CLIENTS: usize = 60_000;

#[tokio::test]
async fn an_import_that_is_killed_halfway_is_served_by_nobody_and_begins_anew() {
    let both = Both::start().await;
    let mut large =
        format!("{{\"flowguard\":{{\"format\":2,\"version\":\"0.1.0\",\"at\":{}}}}}\n", now());
    for number in 0..CLIENTS {
        let _ = writeln!(large, r#"{{"client":{{"client_id":"c{number}","rpm":7,"tpm":null}}}}"#);
    }
    let _ = writeln!(large, r#"{{"end":{{"clients":{CLIENTS},"records":0}}}}"#);
    both.write("large", &large);
    let mut import = both.world.command(&["import", "large"]);
    import.env("STORE_URL", both.url()).stdout(Stdio::null());
    let mut import = import.spawn().expect("the binary runs");
    eventually("a part of an import", || async {
        both.exists(b"{flowguard}:config:rows").await.then_some(())
    })
    .await;
    import.kill().expect("a process");
    import.wait().expect("its end");
    assert!(both.exists(MARK).await, "it was too fast to be killed halfway");

    let line = "the store holds a part of an import whose keys begin with STORE_PREFIX={flowguard}:: \
                import once more, which begins anew, or choose another STORE_PREFIX\n";
    for command in ["export", "check"] {
        check(&both.run(&[command]), 73, "", line);
    }
    let mut serve = both.world.flowguard();
    serve.arg("serve").env("STORE_URL", both.url());
    for port in ["METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"] {
        serve.env(port, "0");
    }
    let output = serve.output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(text(&output.stderr).ends_with(line), "{output:?}");

    // Another one comes in its place, in which nothing is of the first.
    let document = document();
    both.write("first", &document);
    let told = format!("{}: {COUNTS}\n", both.url());
    check(&both.run(&["import", "first"]), 0, &told, "");
    let lines = both.exported().lines;
    let told = lines.iter().map(|line| line.replace(r#","enabled":true"#, ""));
    assert_eq!(told.collect::<Vec<_>>(), Backup::of(&document).lines);
}
