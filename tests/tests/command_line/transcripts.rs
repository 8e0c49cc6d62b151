//! Every command as it is typed, with all that it prints, in golden files.

use std::fmt::Write as _;

use harness::tools;
use serde_json::Value;

use super::world::{Ran, World};

/// What was typed and what was said to it.
struct Transcript<'a> {
    world: &'a World,
    text: String,
    masked: Vec<(String, String)>,
}

impl<'a> Transcript<'a> {
    fn new(world: &'a World) -> Self {
        let server = world.control_plane.rest_address().to_string();
        Self { world, text: String::new(), masked: vec![(server, "SERVER".to_owned())] }
    }

    /// Types a command, whose parts have no spaces.
    async fn types(&mut self, line: &str) -> Ran {
        let arguments: Vec<_> =
            line.split(' ').map(|word| if word == "''" { "" } else { word }).collect();
        let ran = self.world.run(&arguments).await;
        let Ran { code, stdout, stderr } = &ran;
        let code = code.expect("an exit code");
        write!(self.text, "$ flowguard {line}\n{stdout}").expect("a string takes all");
        if !stdout.is_empty() && !stdout.ends_with('\n') {
            self.text.push_str("(no newline)\n");
        }
        for line in stderr.lines() {
            writeln!(self.text, "(stderr) {line}").expect("a string takes all");
        }
        if code != 0 {
            writeln!(self.text, "(exit code {code})").expect("a string takes all");
        }
        self.text.push('\n');
        ran
    }

    /// The same in each form.
    async fn types_in_each_form(&mut self, line: &str) {
        for form in ["", " -o json", " -o yaml", " -o name"] {
            self.types(&format!("{line}{form}")).await;
        }
    }

    /// A text that is another one in each run.
    fn mask(&mut self, text: &str, by: &str) {
        self.masked.push((text.to_owned(), by.to_owned()));
    }

    fn check(mut self, name: &str) {
        for (text, by) in &self.masked {
            self.text = self.text.replace(text, by);
        }
        let text = without_times(&self.text);
        let path = format!("tests/tests/command_line/golden/{name}.txt");
        let file = tools::workspace().join(&path);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&file, &text).expect("the golden file can be written");
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, expected, "renew {path} by BLESS=1");
    }
}

/// A text with 0 for each digit.
fn shape_of(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

/// Times of this run are TIME; those of years to come were given.
fn without_times(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("20") {
        let (before, from) = rest.split_at(at);
        told.push_str(before);
        let candidate = from.get(..20).unwrap_or_default();
        let in_millis = from.get(..24).unwrap_or_default();
        let shape = shape_of(candidate);
        let shape_in_millis = shape_of(in_millis);
        if shape == "0000-00-00T00:00:00Z" && !candidate.starts_with("2099") {
            told.push_str("TIME");
            rest = &from[20..];
        } else if shape_in_millis == "0000-00-00T00:00:00.000Z" {
            told.push_str("TIME");
            rest = &from[24..];
        } else {
            told.push_str("20");
            rest = &from[2..];
        }
    }
    told.push_str(rest);
    told
}

#[test]
fn times_are_no_part_of_what_is_promised() {
    let text = "2020 a 2026-11-27T01:02:03Z\"2099-01-01T00:00:00Z 20";
    assert_eq!(without_times(text), "2020 a TIME\"2099-01-01T00:00:00Z 20");
    assert_eq!(without_times("b 2026-11-27T01:02:03.456Z."), "b TIME.");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_their_statistics() {
    let world = World::start().await;
    let mut shell = Transcript::new(&world);
    shell.types("clients list").await;
    shell.types("clients set acme --rpm 60 --tpm 100000 --group org/team").await;
    shell.types("clients set acme --rpm none --plan free --identities spiffe://acme --identities acme@example").await;
    shell.types("clients set acme --group '' --enabled false --min-estimate 10 -o json").await;
    shell.types("clients set a/b=c --rpm 5 --tpm 50 -o name").await;
    shell.types_in_each_form("clients list").await;
    shell.types_in_each_form("clients get acme").await;
    shell.types_in_each_form("stats").await;
    shell.types_in_each_form("stats a/b=c").await;
    shell.types("clients reset a/b=c").await;
    shell.types("clients delete a/b=c --yes").await;
    shell.types("clients delete acme --yes -o json").await;
    shell.types("clients get acme").await;
    shell.types("clients delete acme --yes").await;
    shell.types("clients set acme --rpm 0").await;
    shell.types("clients set acme --rpm many").await;
    shell.types("clients set acme").await;
    shell.types("clients get ..").await;
    shell.check("clients");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_models() {
    let world = World::start().await;
    let mut shell = Transcript::new(&world);
    shell.types("models set gpt gpt-4o gpt-4o-*").await;
    shell.types_in_each_form("models list").await;
    shell.types_in_each_form("models get gpt").await;
    shell.types("limits set org --match group=org --match model=gpt --each client --tokens 5000 --per 1h").await;
    shell.types("limits set org --burst 100 --mode shadow").await;
    shell.types("limits set org --concurrent 4 --per '' --burst none -o json").await;
    shell.types("limits set day --match '' --requests 1000 --per 24h --trial 500").await;
    shell.types_in_each_form("limits list").await;
    shell.types_in_each_form("limits get day").await;
    shell.types_in_each_form("limits stats day").await;
    shell.types("limits stats day --limit 0").await;
    shell.types("models delete gpt --yes").await;
    shell.types("limits delete org --yes").await;
    shell.types("models delete gpt --yes").await;
    shell.types("limits get org").await;
    shell.types("limits set new --burst 3").await;
    shell.check("limits_and_models");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_tokens() {
    let world = World::start().await;
    let mut shell = Transcript::new(&world);
    shell.types("clients set acme --rpm 60 --tpm none -o name").await;
    for (line, part) in [
        ("keys create acme", "KEY-PART-1"),
        ("keys create acme --expires-at 2099-01-01T00:00:00Z -o json", "KEY-PART-2"),
        ("tokens create --name ci --scopes read,metrics", "TOKEN-PART-1"),
        ("tokens create --name ci --scopes write -o json", "TOKEN-PART-2"),
    ] {
        let printed = shell.types(line).await.stdout;
        let json: Option<Value> = serde_json::from_str(&printed).ok();
        let kind = line.split('s').next().expect("a word");
        let secret = json.map_or_else(
            || printed.trim_end().to_owned(),
            |json| json[kind].as_str().expect("a secret").to_owned(),
        );
        let [begin, public, _, _] = secret.split('_').collect::<Vec<_>>()[..] else {
            panic!("{secret}")
        };
        shell.mask(&secret, &format!("{begin}_{part}_SECRET"));
        shell.mask(public, part);
    }
    let parts: Vec<String> = shell
        .masked
        .iter()
        .filter(|(_, by)| by.contains("PART") && !by.contains("SECRET"))
        .map(|(part, _)| part.clone())
        .collect();
    let [key, other_key, token, other_token] = &parts[..] else { panic!("{parts:?}") };
    for (line, lists) in [
        (format!("keys get acme {key}"), "keys list acme"),
        (format!("tokens get {token}"), "tokens list"),
    ] {
        shell.types_in_each_form(&line).await;
        // In the order of what is drawn at random: one of them is revoked before the list is shown.
        let revoke = if lists == "tokens list" {
            format!("tokens revoke {other_token} --yes")
        } else {
            format!("keys revoke acme {other_key} --yes")
        };
        shell.types(&revoke).await;
        shell.types(&revoke).await;
        shell.types_in_each_form(lists).await;
    }
    shell.types("keys create nobody").await;
    shell.types("tokens create --name ci --scopes everything").await;
    shell.types("tokens create --name ci").await;
    shell.check("keys_and_tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_decided() {
    let world = World::start().await;
    let mut shell = Transcript::new(&world);
    shell.types("clients set acme --rpm 60 --tpm 1000 -o name").await;
    shell.types("limits set places --match client=acme --concurrent 4 -o name").await;
    shell.types_in_each_form("explain acme --tokens 100").await;
    shell.types_in_each_form("explain acme --tokens 1001 --model gpt-4o").await;
    shell.types("explain acme --tokens many").await;
    shell.check("explain");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_limits_would_have_done() {
    let world = World::start().await;
    let mut shell = Transcript::new(&world);
    shell.types("clients set acme --rpm 60 --tpm 1000 -o name").await;
    shell.types_in_each_form("preview client acme --rpm 5").await;
    shell.types("preview limit org --match '' --tokens 10 --per 1d -o name").await;
    shell.types("preview client acme --rpm 0").await;
    world.shell.file("wanted.yaml", "clients: {}\n", 0o644);
    shell.types("preview config wanted.yaml -o json").await;
    shell.types("preview config nowhere.yaml").await;
    shell.check("preview");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_and_changed_and_how_the_server_is() {
    let world = World::start().await;
    let mut shell = Transcript::new(&world);
    let http = world.control_plane.admin().http().clone();
    let system = http.get("/api/v1/system").send().await.json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    shell.mask(&text(&system["replica"]), "REPLICA");
    shell.mask(&text(&system["version"]), "VERSION");
    shell.types("clients set acme --rpm 60 --tpm 1000 -o name").await;
    let audit = http.get("/api/v1/audit").send().await.json();
    shell.mask(&text(&audit["entries"][0]["address"]), "ADDRESS");
    shell.mask(&text(&audit["entries"][0]["request_id"]), "REQUEST-ID");
    shell.types("decisions acme").await;
    shell.types("decisions acme --limit 5 -o name").await;
    shell.types("decisions acme --limit 0").await;
    shell.types("decisions acme --cursor nowhere").await;
    shell.types("decisions nobody").await;
    shell.types("decisions unknown -o yaml").await;
    shell.types("history nobody").await;
    shell.types_in_each_form("audit --object client/acme").await;
    shell.types("audit --limit 1").await;
    shell.types("audit --limit many").await;
    shell.types("system").await;
    shell.types("system -o name").await;
    shell.check("decided");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_what_the_api_said_byte_for_byte() {
    let world = World::start().await;
    world.printed(&["clients", "set", "acme", "--rpm", "60", "--tpm", "none"]).await;
    world.printed(&["models", "set", "gpt", "gpt-*"]).await;
    world.printed(&["limits", "set", "org", "--match", "", "--tokens", "5", "--per", "1d"]).await;
    let http = world.control_plane.admin().http().clone();
    for (command, path) in [
        ("clients list", "/api/v1/clients"),
        ("clients get acme", "/api/v1/clients/acme"),
        ("stats", "/api/v1/stats"),
        ("stats acme", "/api/v1/clients/acme/stats"),
        ("limits list", "/api/v1/limits"),
        ("limits get org", "/api/v1/limits/org"),
        ("limits stats org", "/api/v1/limits/org/stats"),
        ("models list", "/api/v1/models"),
        ("models get gpt", "/api/v1/models/gpt"),
        ("keys list acme", "/api/v1/clients/acme/keys"),
        ("tokens list", "/api/v1/tokens"),
        ("explain acme --tokens 5", "/api/v1/clients/acme/explain?tokens=5"),
        ("decisions acme", "/api/v1/clients/acme/decisions"),
        ("decisions unknown --limit 3", "/api/v1/clients/unknown/decisions?limit=3"),
        ("history acme", "/api/v1/clients/acme/history"),
        ("audit --object client/acme --limit 5", "/api/v1/audit?object=client/acme&limit=5"),
        ("dump", "/api/v1/config"),
    ] {
        let arguments: Vec<_> = command.split(' ').chain(["-o", "json"]).collect();
        let printed = world.printed(&arguments).await;
        assert_eq!(printed, http.get(path).send().await.text(), "{command}");
    }
}
