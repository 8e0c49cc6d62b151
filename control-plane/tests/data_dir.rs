//! The folder of what outlives the process: made, locked, refused.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines},
    num::NonZeroU64,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::Arc,
};

use flowguard::{
    clients::{ClientConfig, Identities, Identity, Limits, Revision},
    credentials::{ClientKey, Digest, PublicPart, Scope, Token, TokenName, UnixSeconds, Validity},
    limits::{Each, Group, Limit, LimitMode, LimitName, Match, Measure, Name, Pattern, Patterns},
    store::{ConfigStore as _, DataFolder, Edit, RedbStore},
};
use limiter::{ClientId, PerMinute, Tokens};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

const FILE: &str = "configuration.redb";

/// A control plane on free ports that keeps its clients in `folder`.
struct ControlPlane {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl ControlPlane {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowguard"));
        command.env_clear();
        for port in ["METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"] {
            command.env(port, "0");
        }
        // The folder is given as a person types it, from the current one on.
        let (parent, name) = (folder.parent().expect("a parent"), folder.file_name());
        command.current_dir(parent).arg("--data-dir").arg(name.expect("a name"));
        let process = command.stderr(Stdio::piped()).spawn();
        let mut process = process.expect("the binary runs");
        let log = BufReader::new(process.stderr.take().expect("a log")).lines();
        Self { process, log }
    }

    /// The log until the process is ready, or all of it.
    fn log(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for line in self.log.by_ref() {
            lines.push(line.expect("text"));
            if lines.last().is_some_and(|line| line.ends_with(" is ready")) {
                break;
            }
        }
        lines
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The process ends with 73 and this one line.
#[track_caller]
fn check_refused(folder: &Path, line: &str) {
    let mut control_plane = ControlPlane::start(folder);
    assert_eq!(control_plane.log(), [line]);
    assert_eq!(control_plane.process.wait().expect("its end").code(), Some(73));
}

/// A folder in which three clients are configured, and the path of their file.
fn used_folder(parent: &TempDir) -> (PathBuf, PathBuf) {
    let folder = parent.path().join("data");
    ControlPlane::start(&folder).log();
    let file = folder.join(FILE);
    (folder, file)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn the_folder_is_made_for_its_owner_only_and_told_in_the_first_line() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = parent.path().join("data");
    let mut control_plane = ControlPlane::start(&folder);
    let log = control_plane.log();
    let told = format!("clients and balances are kept in {} (DATA_DIR)", folder.display());
    assert!(log[0].ends_with(&told), "{log:?}");
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn no_command_but_serve_makes_it() {
    let parent = TempDir::new().expect("a temporary folder");
    for command in [&["settings"][..], &["envoy-config"], &["health", "--config-port=1"]] {
        let mut flowguard = Command::new(env!("CARGO_BIN_EXE_flowguard"));
        flowguard.env_clear().current_dir(parent.path()).args(command);
        flowguard.output().expect("the binary runs");
    }
    assert_eq!(fs::read_dir(parent.path()).expect("a folder").count(), 0);
}

#[test]
fn a_second_process_is_refused_until_the_first_has_gone() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = parent.path().join("data");
    let mut first = ControlPlane::start(&folder);
    first.log();
    check_refused(
        &folder,
        &format!(
            "DATA_DIR={} (--data-dir) is in use by another process: stop that one, or choose \
             another folder",
            folder.display()
        ),
    );
    drop(first);
    let log = ControlPlane::start(&folder).log();
    assert!(log.last().is_some_and(|line| line.ends_with("is ready")), "{log:?}");
}

#[test]
fn a_folder_that_cannot_be_made_or_written_is_refused_with_the_way_out() {
    let parent = TempDir::new().expect("a temporary folder");
    let taken = parent.path().join("data");
    fs::write(&taken, "a file").expect("written");
    // Not even the superuser can make files here.
    for folder in [&taken, Path::new("/proc/flowguard"), Path::new("/proc/self")] {
        let mut control_plane = ControlPlane::start(folder);
        let log = control_plane.log();
        assert_eq!(control_plane.process.wait().expect("its end").code(), Some(73));
        let [line] = &log[..] else { panic!("not one line: {log:?}") };
        let begin = format!("DATA_DIR={} (--data-dir) cannot be used: ", folder.display());
        assert!(line.starts_with(&begin), "{line}");
        assert!(line.ends_with("or DATA_DIR=memory to keep nothing"), "{line}");
    }
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let parent = TempDir::new().expect("a temporary folder");
    let (folder, file) = used_folder(&parent);
    let whole = fs::read(&file).expect("the file");
    let half = whole[..whole.len() / 2].to_vec();
    for damaged in [Vec::new(), b"no database".to_vec(), half, vec![0; whole.len()]] {
        fs::write(&file, &damaged).expect("written");
        let mut control_plane = ControlPlane::start(&folder);
        let log = control_plane.log();
        assert_eq!(control_plane.process.wait().expect("its end").code(), Some(73), "{log:?}");
        let [line] = &log[..] else { panic!("not one line: {log:?}") };
        assert!(line.starts_with(&format!("{} is damaged (", file.display())), "{line}");
        assert!(
            line.ends_with(
                ") and was left as it is: put a copy of it back, or move the whole folder away to \
                 begin without clients and balances"
            ),
            "{line}"
        );
        assert!(fs::read(&file).expect("the file") == damaged, "the file was changed");
    }
    fs::write(&file, &whole).expect("written");
    let log = ControlPlane::start(&folder).log();
    assert!(log.iter().any(|line| line.ends_with("configured clients: 3")), "{log:?}");
}

#[test]
fn balances_without_their_clients_are_refused_and_left_as_they_are() {
    let parent = TempDir::new().expect("a temporary folder");
    let (folder, file) = used_folder(&parent);
    fs::remove_file(&file).expect("it was there");
    let line = format!(
        "{} is damaged (it is missing beside state.*) and was left as it is: put a copy of it back, \
         or move the whole folder away to begin without clients and balances",
        file.display()
    );
    check_refused(&folder, &line);
    assert!(!file.exists());
}

#[test]
fn a_second_process_is_refused_also_where_somebody_removed_the_lock() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = parent.path().join("data");
    let mut first = ControlPlane::start(&folder);
    first.log();
    fs::remove_file(folder.join("lock")).expect("it was there");
    let line = format!(
        "DATA_DIR={} (--data-dir) is in use by another process: stop that one, or choose another \
         folder",
        folder.display()
    );
    check_refused(&folder, &line);
}

#[test]
fn a_file_of_a_later_version_is_refused_and_left_as_it_is() {
    const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
    let parent = TempDir::new().expect("a temporary folder");
    let (folder, file) = used_folder(&parent);
    let database = Database::open(&file).expect("the file");
    let transaction = database.begin_write().expect("a write");
    transaction.open_table(META).expect("the table").insert("format", 4).expect("room");
    transaction.commit().expect("room");
    drop(database);

    let before = fs::read(&file).expect("the file");
    check_refused(
        &folder,
        &format!(
            "{} has format 4, and flowguard {} reads up to format 3: start the version that \
             wrote it; it was left as it is",
            file.display(),
            env!("CARGO_PKG_VERSION")
        ),
    );
    assert!(fs::read(&file).expect("the file") == before, "the file was changed");
}

#[test]
fn demo_clients_come_once_with_a_new_folder() {
    let parent = TempDir::new().expect("a temporary folder");
    let (folder, _) = used_folder(&parent);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let opened = DataFolder::open(&folder).expect("nobody has it");
        let store = RedbStore::open(&opened).await.expect("the file");
        let clients = store.load().await.expect("loaded").clients;
        assert_eq!(clients.len(), 3);
        let edits = clients.into_iter().map(|(client, _)| Edit::RemoveClient(client.id));
        store.write(Arc::new(edits.collect())).await.expect("room");
    });
    let log = ControlPlane::start(&folder).log();
    assert!(!log.iter().any(|line| line.contains("demo-client")), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("configured clients: ")), "{log:?}");
}

/// Whichever bit of the file is another one: it is refused and left alone, or what is read is what
/// was written.
#[tokio::test]
async fn a_flipped_bit_is_found_or_does_no_harm() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = DataFolder::open(parent.path()).expect("a folder");
    let file = parent.path().join(FILE);
    let store = RedbStore::open(&folder).await.expect("a new file");
    for number in 0..100 {
        let client = config(&format!("client-{number}"), Some(1 + number), None);
        let edits = vec![
            Edit::PutClient(client),
            Edit::PutLimit(limit(&format!("limit-{number}"))),
            model(&format!("model-{number}"), &["gpt-*"]),
        ];
        store.write(edits.into()).await.expect("room");
    }
    let written = store.load().await.expect("loaded");
    drop(store);
    let whole = fs::read(&file).expect("the file");

    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    println!("seed {random}");
    let mut refused = 0;
    for _ in 0..300 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let bit = usize::try_from(random).expect("64 bits") % (whole.len() * 8);
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &flipped).expect("written");
        match RedbStore::open(&folder).await {
            Ok(store) => assert_eq!(store.load().await.expect("loaded"), written, "bit {bit}"),
            Err(error) => {
                refused += 1;
                let untouched = fs::read(&file).expect("the file") == flipped;
                assert!(untouched, "bit {bit}: {error}, and the file was changed");
            }
        }
    }
    assert!(refused > 0, "no bit is judged");
}

fn config(id: &str, rpm: Option<u64>, tpm: Option<u64>) -> ClientConfig {
    let limit = |per_minute| PerMinute::new(per_minute).expect("a limit");
    let id = ClientId::try_from(id).expect("an id");
    ClientConfig::new(id, Limits { rpm: rpm.map(limit), tpm: tpm.map(limit) })
}

fn limit(name: &str) -> Limit {
    Limit {
        name: LimitName::try_from(name).expect("a name"),
        matches: Match { group: Group::try_from("acme").ok(), ..Match::default() },
        each: Each { client: true, ..Each::default() },
        measure: Measure::Concurrent(NonZeroU64::MIN),
        mode: LimitMode::Shadow,
        trial: NonZeroU64::new(7),
    }
}

fn model(name: &str, patterns: &[&str]) -> Edit {
    let pattern = |text: &&str| Pattern::try_from(*text).expect("a pattern");
    let patterns = Patterns::new(patterns.iter().map(pattern).collect()).expect("a few");
    Edit::PutModel(Name::try_from(name).expect("a name"), patterns)
}

/// The file was made by the first version that had this format. It is never made anew: what it
/// holds must be read by every version to come.
#[tokio::test]
async fn format_1_is_read() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = DataFolder::open(parent.path()).expect("a folder");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/configuration-1.redb");
    fs::copy(golden, parent.path().join(FILE)).expect("the golden file");
    let store = RedbStore::open(&folder).await.expect("the file");
    let contents = store.load().await.expect("loaded");

    let floor = Tokens::new(50).ok();
    let expected = [
        (config("bare", None, None), Revision::new(3)),
        (ClientConfig { enabled: false, ..config("off", Some(1), None) }, Revision::new(2)),
        (
            ClientConfig {
                min_estimate: floor,
                ..config("team/a+b", Some(60), Some(1_000_000_000_000))
            },
            Revision::new(1),
        ),
    ];
    assert_eq!(contents.clients, expected);
    assert_eq!(contents.newest, Revision::new(5));
}

/// What is in the golden file of format 2.
fn format_2() -> Vec<Edit> {
    let member = ClientConfig {
        group: Group::try_from("acme/research").ok(),
        plan: Name::try_from("pro").ok(),
        ..config("alice", Some(60), None)
    };
    vec![
        Edit::PutClient(member),
        Edit::PutClient(config("bare", None, None)),
        Edit::PutLimit(limit("org")),
        model("gpt-4o", &["gpt-4o", "GPT-4o-2*"]),
    ]
}

/// It was made by the first version that had this format, like the one of format 1.
#[tokio::test]
async fn format_2_is_read() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = DataFolder::open(parent.path()).expect("a folder");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/configuration-2.redb");
    fs::copy(golden, parent.path().join(FILE)).expect("the golden file");
    let store = RedbStore::open(&folder).await.expect("the file");
    let contents = store.load().await.expect("loaded");
    let revision = Revision::new(1);
    let mut edits = Vec::new();
    edits.extend(contents.clients.into_iter().map(|(client, of)| (Edit::PutClient(client), of)));
    edits.extend(contents.limits.into_iter().map(|(limit, of)| (Edit::PutLimit(limit), of)));
    edits
        .extend(contents.models.into_iter().map(|((name, of), at)| (Edit::PutModel(name, of), at)));
    let expected: Vec<_> = format_2().into_iter().map(|edit| (edit, revision)).collect();
    assert_eq!(edits, expected);
    assert_eq!(contents.newest, Revision::new(2));
}

/// What is in the golden file of format 3.
fn format_3() -> Vec<Edit> {
    let public = |text| PublicPart::try_from(text).expect("a public part");
    let at = |text| UnixSeconds::parse(text).expect("a time");
    let created = at("2026-11-27T09:00:00Z");
    let identity = Identity::try_from("spiffe://mesh/alice").expect("an identity");
    let alice = ClientConfig {
        identities: Identities::new(vec![identity]).expect("one"),
        ..config("alice", Some(60), None)
    };
    vec![
        Edit::PutKey(ClientKey {
            public: public("KeyPart00001"),
            digest: Digest::of(b"a key"),
            client: alice.id.clone(),
            validity: Validity { created, expires: Some(at("2099-01-01T00:00:00Z")) },
        }),
        Edit::PutClient(alice),
        Edit::PutToken(Token {
            public: public("TokenPart001"),
            digest: Digest::of(b"a token"),
            name: TokenName::parse("ci").expect("a name"),
            scopes: [Scope::Read, Scope::Decide].into_iter().collect(),
            validity: Validity { created, expires: None },
        }),
    ]
}

/// It was made by the first version that had this format, like those before.
#[tokio::test]
async fn format_3_is_read() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = DataFolder::open(parent.path()).expect("a folder");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/configuration-3.redb");
    fs::copy(golden, parent.path().join(FILE)).expect("the golden file");
    let store = RedbStore::open(&folder).await.expect("the file");
    let contents = store.load().await.expect("loaded");
    let mut edits = Vec::new();
    edits.extend(contents.keys.into_iter().map(|(key, of)| (Edit::PutKey(key), of)));
    edits.extend(contents.clients.into_iter().map(|(client, of)| (Edit::PutClient(client), of)));
    edits.extend(contents.tokens.into_iter().map(|(token, of)| (Edit::PutToken(token), of)));
    let expected: Vec<_> = format_3().into_iter().map(|edit| (edit, Revision::new(1))).collect();
    assert_eq!(edits, expected);
}

#[tokio::test]
async fn a_file_of_format_1_becomes_one_of_the_newest_format_with_its_next_write() {
    let parent = TempDir::new().expect("a temporary folder");
    let folder = DataFolder::open(parent.path()).expect("a folder");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/configuration-1.redb");
    fs::copy(golden, parent.path().join(FILE)).expect("the golden file");
    let format = async || RedbStore::read(&folder).await.expect("read").expect("a file").format;
    assert_eq!(format().await, 1);
    let store = RedbStore::open(&folder).await.expect("the file");
    let before = store.load().await.expect("loaded");
    store.write(format_2().into()).await.expect("room");
    store.write(format_3().into()).await.expect("room");
    let after = store.load().await.expect("loaded");
    assert_eq!(after.clients.len(), before.clients.len() + 1, "bare was there");
    assert_eq!((after.limits.len(), after.models.len()), (1, 1));
    assert_eq!((after.keys.len(), after.tokens.len()), (1, 1));
    drop(store);
    assert_eq!(format().await, 3);
    let read = RedbStore::read(&folder).await.expect("read").expect("a file");
    assert_eq!(read.contents, after);
}
