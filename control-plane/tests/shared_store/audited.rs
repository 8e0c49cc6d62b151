//! Who changed what, in the store: each write with its entry, wherever it was made.

use std::sync::Arc;

use flowguard::{
    audit::{Filter, Outcome, Page},
    ledger::{Ledger, Policy, SystemClock},
    operator::{
        Caller, Draft, Given, KeyDraft, Operator, OperatorError, Precondition, Run, TokenDraft,
        Wanted,
    },
    store::shared::{Link, SharedConfiguration},
};
use harness::{
    redis::{Kind, Redis},
    redis_pair::RedisPair,
};

use crate::traffic::{PREFIX, target, target_of};

const KEY: &[u8] = b"{flowguard}:audit";

/// What the APIs of a control plane call.
struct Plane(Arc<Operator>);

impl Plane {
    fn at(server: &Redis) -> Self {
        Self::of(Link::new(target(server.address().port()), PREFIX))
    }

    fn of(link: Link) -> Self {
        let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
        let store = Box::new(SharedConfiguration::new(link));
        Self(Arc::new(Operator::new(ledger, store)))
    }

    async fn set(&self, id: &str, rpm: u64) -> Result<(), OperatorError> {
        let draft = Draft::new(id, Some(rpm), None);
        self.0.set(draft, Precondition::Anything, &Caller::Process).await.map(|_| ())
    }

    async fn page(&self, filter: &Filter, max: usize) -> Page {
        self.0.audit(filter, max, &Caller::Process).await.expect("it answers")
    }

    async fn all(&self) -> Page {
        self.page(&Filter::default(), 1_000).await
    }
}

fn objects(page: &Page) -> Vec<String> {
    page.entries.iter().map(|entry| entry.object.to_string()).collect()
}

async fn check_that_all_read_what_any_wrote(planes: [Plane; 2]) {
    let [one, other] = &planes;
    let (any, caller) = (|| Precondition::Anything, &Caller::Process);
    one.set("a", 1).await.expect("it is written");
    other.set("b", 1).await.expect("it is written");
    one.set("a", 2).await.expect("it is written");
    other.0.reset("a", any(), caller).await.expect("it is reset");
    let key = one.0.create_key("b", KeyDraft::default(), any(), caller).await.expect("a key");
    let scopes = Given::Value(vec![Given::Value("read".to_owned())]);
    let name = Given::Value("ci".to_owned());
    let draft = TokenDraft { name, scopes, ..TokenDraft::default() };
    let token = other.0.create_token(draft, any(), caller).await.expect("a token");
    one.0.remove("a", any(), caller).await.expect("it is removed");
    let nothing = Wanted::default();
    other.0.replace_all(nothing, Run::Real, any(), caller).await.expect("it is replaced");

    let told = one.all().await;
    let expected = [
        "configuration".to_owned(),
        "client/a".to_owned(),
        format!("token/{}", token.token.public),
        format!("key/b/{}", key.key.public),
        "client/a".to_owned(),
        "client/a".to_owned(),
        "client/b".to_owned(),
        "client/a".to_owned(),
    ];
    assert_eq!(objects(&told), expected);
    assert_eq!((told.next, told.unreadable), (None, 0));
    assert!(told.entries.iter().all(|entry| entry.outcome == Outcome::Done));
    let ids: Vec<_> = told.entries.iter().map(|entry| entry.id).collect();
    assert!(ids.is_sorted_by(|later, earlier| later > earlier), "{ids:?}");
    assert!(told.entries.iter().all(|entry| entry.revision == Some(entry.id)), "{told:?}");
    let text = format!("{told:?}");
    assert_eq!(format!("{:?}", other.all().await), text, "both read the same");
    for secret in [key.secret.expose(), token.secret.expose()] {
        let (_, secret) = secret.split_at(17);
        assert!(!text.contains(secret), "{text}");
    }

    let first = other.page(&Filter::default(), 3).await;
    assert_eq!((objects(&first), first.next), (expected[..3].to_vec(), Some(ids[2])));
    let rest = one.page(&Filter { before: first.next, object: None }, 5).await;
    assert_eq!((objects(&rest), rest.next), (expected[3..].to_vec(), None));
    let of_b = Filter { object: Some("client/b".to_owned()), before: None };
    assert_eq!(objects(&one.page(&of_b, 1).await), ["client/b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changed_what_anywhere_is_read_everywhere_the_newest_first() {
    for kind in Kind::all_here() {
        let server = Redis::start(kind, &[]).await;
        check_that_all_read_what_any_wrote([Plane::at(&server), Plane::at(&server)]).await;
    }
    let cluster = RedisPair::in_cluster(Kind::Redis, &[]).await;
    let plane = || Plane::of(Link::new(target_of(&cluster.url()), PREFIX));
    check_that_all_read_what_any_wrote([plane(), plane()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_ten_thousand_are_kept_and_found_among_others() {
    let server = Redis::start(Kind::Redis, &[]).await;
    let plane = Plane::at(&server);
    plane.set("first", 1).await.expect("it is written");
    let oldest = plane.all().await.entries.remove(0);
    // As many changes of other things as there can be, each a millisecond later.
    let bytes = oldest.to_stored(oldest.id).expect("it fits");
    let fill = "for i = 1, 9998 do redis.call('ZADD', KEYS[1], ARGV[1] - 20000 + i, \
                (ARGV[2]:gsub('client/first', 'client/' .. i))) end";
    let id = oldest.id.to_string();
    server.command(&[b"EVAL", fill.as_bytes(), b"1", KEY, id.as_bytes(), &bytes]).await;
    for (id, is_the_first_there) in [("second", true), ("third", false), ("fourth", false)] {
        plane.set(id, 1).await.expect("it is written");
        let of_first = Filter { object: Some("client/1".to_owned()), before: None };
        let is_there = !plane.page(&of_first, 10).await.entries.is_empty();
        assert_eq!(is_there, is_the_first_there, "{id}");
        assert_eq!(server.command(&[b"ZCARD", KEY]).await, b":10000\r\n+OK\r\n");
    }
    let newest = plane.page(&Filter::default(), 4).await;
    let expected = ["client/fourth", "client/third", "client/second", "client/first"];
    assert_eq!(objects(&newest), expected);
    // The oldest of all is found, however much stands above it.
    let of_oldest = Filter { object: Some("client/3".to_owned()), before: None };
    assert_eq!(plane.page(&of_oldest, 10).await.entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_version_cannot_read_is_counted_and_passed_over() {
    let server = Redis::start(Kind::Redis, &[]).await;
    let plane = Plane::at(&server);
    for id in ["a", "b", "c"] {
        plane.set(id, 1).await.expect("it is written");
    }
    let [c, b, a] = <[_; 3]>::try_from(plane.all().await.entries).expect("three");
    let later = br#"{"id":1,"time":"","actor":{"kind":"robot"},"action":"merge","object":"x/y"}"#;
    let long = vec![b'x'; 100_000];
    for (score, member) in [
        ("inf".to_owned(), &b"endless"[..]),
        (format!("{}.5", b.id), &later[..]),
        (format!("{}.5", a.id), &b"\xff\x00"[..]),
        (format!("{}.25", a.id), &long[..]),
        ("-7".to_owned(), &b"before all"[..]),
    ] {
        server.command(&[b"ZADD", KEY, score.as_bytes(), member]).await;
    }
    let all = plane.all().await;
    assert_eq!(objects(&all), ["client/c", "client/b", "client/a"]);
    assert_eq!((all.unreadable, all.next), (5, None));
    let some = plane.page(&Filter::default(), 2).await;
    assert_eq!((some.unreadable, some.next), (2, Some(b.id)));
    let rest = plane.page(&Filter { before: some.next, object: None }, 2).await;
    assert_eq!((objects(&rest), rest.unreadable), (vec!["client/a".to_owned()], 3));
    assert!(c.id > b.id && b.id > a.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_of_is_not_done() {
    for kind in Kind::all_here() {
        let server = Redis::start(kind, &[]).await;
        let (one, other) = (Plane::at(&server), Plane::at(&server));
        one.set("a", 1).await.expect("it is written");
        let before = server.command(&[b"HGETALL", b"{flowguard}:config:rows"]).await;
        let refuses = async |wanted: &str| {
            let error = one.set("a", 2).await.expect_err(wanted);
            assert_eq!(error.row().code, "store_unavailable", "{wanted}: {error}");
            let error = other.0.remove("a", Precondition::Anything, &Caller::Process).await;
            assert!(error.is_err(), "{wanted}");
            let rows = server.command(&[b"HGETALL", b"{flowguard}:config:rows"]).await;
            assert!(rows == before, "{wanted}: nothing is changed");
        };

        // Somebody else has the key.
        server.command(&[b"RENAME", KEY, b"kept"]).await;
        server.command(&[b"SET", KEY, b"mine"]).await;
        refuses("a key of another type").await;
        let unread =
            one.0.audit(&Filter::default(), 1, &Caller::Process).await.expect_err("a text");
        assert_eq!(unread.row().code, "store_unavailable");
        server.command(&[b"RENAME", b"kept", KEY]).await;

        server.command(&[b"CONFIG", b"SET", b"maxmemory", b"1"]).await;
        refuses("no memory").await;
        assert_eq!(objects(&one.all().await), ["client/a"], "it was told once");
        server.command(&[b"CONFIG", b"SET", b"maxmemory", b"0"]).await;
        other.set("a", 3).await.expect("it is written again");
        assert_eq!(objects(&one.all().await), ["client/a", "client/a"]);
    }
}
