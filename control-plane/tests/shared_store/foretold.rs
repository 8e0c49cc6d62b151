//! What a control plane foretells of a request is what the store then decides, whichever control plane
//! asks; to foretell it the store is read and nothing is written there.

use std::{
    collections::{BTreeMap, HashSet},
    num::NonZeroU64,
    sync::Arc,
};

use fastrand::Rng;
use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{
        Answer, Ask, Ledger, Outlook, Policy, Question, RequestKind, SystemClock, Verdict, Worker,
        WorkerId,
    },
    limits::{
        Each, Group, Limit, LimitMode, LimitName, Match, Measure, ModelName, Models, Name, Pattern,
        Patterns,
    },
};
use harness::{
    deadline::eventually,
    random::with_a_new_seed,
    redis::{Kind, Redis},
};
use limiter::{ClientId, PerMinute, Quota, Tokens, Wait, Window};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    moved::{over, store_at},
    traffic::target,
};

const CLIENTS: [&str; 3] = ["alice", "bob", "nobody"];
const MODELS: [Option<&str>; 3] = [None, Some("gpt-mini"), Some("gpt")];

/// Requests of a run.
const REQUESTS: u32 = 400;

/// What was asked for to no purpose may not be written more often than control planes say that they are
/// there.
const WRITES_MAX: u64 = 50;

/// In a day so little comes back that it is seldom between what is foretold and what is decided.
const DAY_S: u32 = 86_400;

struct Plane {
    ledger: Ledger,
    worker: Arc<Worker>,
    desk: JoinHandle<()>,
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.desk.abort();
    }
}

impl Plane {
    async fn start(redis: &Redis, worker: u128) -> Self {
        let (store, desk) = store_at(&target(redis.address().port()));
        let ledger = Ledger::sharing(Policy::default(), SystemClock::start(), store, false);
        ledger.put_rules(limits(), models());
        for id in ["alice", "bob"] {
            let limits = Limits { rpm: None, tpm: PerMinute::new(2_000).ok() };
            let id = ClientId::try_from(id).expect("an id");
            let group = Some(Group::try_from("team").expect("a group"));
            ledger.configure(&ClientConfig { group, ..ClientConfig::new(id, limits) });
        }
        assert!(ledger.begin_stream(WorkerId(worker), 1));
        let worker = ledger.join(WorkerId(worker));
        ledger.take_over_from_others(&worker).await.expect("the store answers");
        ledger.resume(&worker, &HashSet::new()).await;
        Self { ledger, worker, desk }
    }

    async fn foretell(&self, request: &Request) -> Outlook {
        let Request { client, tokens, model } = *request;
        let question = Question { client, tokens: Tokens::new(tokens).ok(), model };
        self.ledger.outlook(&question).await.expect("the store answers")
    }

    async fn ask(&self, id: u32, request: &Request) -> Answer {
        let Request { client, tokens, model } = *request;
        let (estimate, kind) = (Tokens::new(tokens).ok(), RequestKind::Generates);
        let ask = Ask { id, client, estimate, kind, model };
        self.ledger.decide(&self.worker, &[ask]).await.remove(0)
    }
}

#[derive(Clone, Copy, Debug)]
struct Request {
    client: &'static str,
    tokens: u64,
    model: Option<&'static str>,
}

fn models() -> Models {
    let pattern = Pattern::try_from("*-mini").expect("a pattern");
    let patterns = Patterns::new(vec![pattern]).expect("patterns");
    let name = Name::try_from("mini").expect("a name");
    Models::new(BTreeMap::from([(name, patterns)])).expect("models")
}

/// One of each kind.
fn limits() -> Vec<Limit> {
    let limit = |name: &str, measure| Limit {
        name: LimitName::try_from(name).expect("a name"),
        matches: Match::default(),
        each: Each::default(),
        measure,
        mode: LimitMode::Enforce,
        trial: None,
    };
    let window = Window::from_secs(DAY_S).expect("a window");
    let quota = |amount| Quota::new(amount, window, None).expect("a quota");
    let places = |places| Measure::Concurrent(NonZeroU64::new(places).expect("some"));
    let each = |client, group, model| Each { client, group, plan: false, model };
    let mini = ModelName::Named(Name::try_from("mini").expect("a name"));
    vec![
        limit("all", Measure::Requests(quota(200))),
        Limit {
            each: each(true, false, true),
            ..limit("client-model", Measure::Tokens(quota(20_000)))
        },
        Limit { each: each(false, true, false), ..limit("group-places", places(6)) },
        Limit {
            each: each(false, false, true),
            trial: NonZeroU64::new(10),
            ..limit("model", Measure::Requests(quota(120)))
        },
        Limit {
            matches: Match { model: Some(mini), ..Match::default() },
            ..limit("only-mini", Measure::Tokens(quota(15_000)))
        },
        Limit { mode: LimitMode::Shadow, ..limit("watched", places(2)) },
    ]
}

fn request(chance: &mut Rng) -> Request {
    Request {
        client: CLIENTS[chance.usize(..CLIENTS.len())],
        tokens: if chance.u8(..20) == 0 { 50_000 } else { chance.u64(..400) },
        model: MODELS[chance.usize(..MODELS.len())],
    }
}

/// `passed_ms` after it was foretold.
fn check(outlook: &Outlook, answer: &Answer, passed_ms: u64) {
    let soon = |wait: Option<Wait>| wait.is_some_and(|wait| wait <= Wait::Millis(passed_ms));
    let is_about_to_change = outlook.limits.iter().any(|limit| soon(limit.wait));
    match (&outlook.verdict, answer) {
        (Verdict::Passes, Answer::Admitted { reserved, .. }) => {
            assert_eq!(outlook.reserves, Some(*reserved));
        }
        (Verdict::Refused(told), Answer::Refused { refusal, reserved, .. }) => {
            assert_eq!(outlook.reserves, Some(*reserved));
            if is_about_to_change {
                return;
            }
            assert_eq!(told.limit, refusal.limit, "{outlook:#?} {answer:?}");
            match (told.wait, refusal.wait) {
                (Wait::Millis(told), Wait::Millis(then)) => {
                    assert!(
                        (told.saturating_sub(passed_ms)..=told).contains(&then),
                        "{told} {then}"
                    );
                }
                (told, then) => assert_eq!(told, then),
            }
        }
        _ => assert!(is_about_to_change, "{outlook:#?} {answer:?}"),
    }
}

async fn writes(redis: &Redis) -> u64 {
    let info = redis.ask("INFO persistence").await.expect("it answers");
    let changes = info.lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
    changes.expect("a number of changes").trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_any_control_plane_foretells_is_what_the_store_then_decides() {
    let redis = Redis::start(Kind::Redis, &["--save", ""]).await;
    let planes = [Plane::start(&redis, 1).await, Plane::start(&redis, 2).await];
    let mut chance = with_a_new_seed();
    let mut open: Vec<(usize, u32)> = Vec::new();
    let (mut passed, mut refused) = (0, 0);
    for id in 0..REQUESTS {
        if !open.is_empty() && chance.bool() {
            let (plane, ended) = open.remove(chance.usize(..open.len()));
            let Plane { ledger, worker, .. } = &planes[plane];
            ledger.end(worker, vec![(ended, over())]).await;
        }
        let request = request(&mut chance);
        let (by, at) = (chance.usize(..2), chance.usize(..2));
        let began = Instant::now();
        // Of places that were given back here the store hears with the next call.
        let outlook = planes[by].foretell(&request).await;
        let answer = planes[at].ask(id, &request).await;
        let passed_ms = u64::try_from(began.elapsed().as_millis()).expect("a moment") + 1;
        check(&outlook, &answer, passed_ms);
        if matches!(answer, Answer::Admitted { .. }) {
            open.push((at, id));
            passed += 1;
        } else {
            refused += 1;
        }
    }
    assert!(passed > 20 && refused > 20, "{passed} passed and {refused} did not");

    let before = writes(&redis).await;
    for _ in 0..REQUESTS {
        let request = request(&mut chance);
        planes[chance.usize(..2)].foretell(&request).await;
    }
    let written = writes(&redis).await - before;
    assert!(written < WRITES_MAX, "{written} writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_away_nothing_is_foretold() {
    let mut redis = Redis::start(Kind::Redis, &["--appendonly", "yes"]).await;
    let plane = Plane::start(&redis, 1).await;
    let request = Request { client: "alice", tokens: 10, model: None };
    assert_eq!(plane.foretell(&request).await.verdict, Verdict::Passes);
    redis.process().kill();
    let question = Question { client: "alice", tokens: None, model: None };
    plane.ledger.outlook(&question).await.expect_err("nobody knows what is left");
    redis.restart().await;
    eventually("it answers again", || async {
        // Whoever asks for a decision has it looked for.
        plane.ask(1, &request).await;
        plane.ledger.outlook(&question).await.ok()
    })
    .await;
}
