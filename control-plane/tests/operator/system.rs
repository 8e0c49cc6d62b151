//! How a control plane is, over both APIs: the same, and what is counted as the metrics have it.

use std::sync::Arc;

use flowguard::{
    decisions::{Greeting, Session, StreamMetrics},
    health::{Health, Part},
    ledger::{Ask, DecisionsKept, Ledger, Policy, RequestKind, WorkerId},
    operator::{Operator, Surroundings},
    store::NoStore,
};
use futures_util::FutureExt as _;
use limiter::Tokens;
use prometheus::Registry;
use proto::{
    DECISION_PROTOCOL_VERSION,
    api::{GetSystemRequest, GetSystemResponse},
    decision::{self, FilterFrame, Hello, IdentityKind, Mode},
};
use serde_json::{Map, Value, json};

use crate::{
    grpc,
    world::{Reply, World},
};

const PATH: &str = "/api/v1/system";

fn parsed(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).expect("JSON")
}

/// A world that knows of the process around it.
fn surrounded(registry: &Registry, health: Health) -> World {
    let mut world = World::new();
    let ledger = Ledger::new(Policy::default(), world.clock.clone());
    world.ledger = Arc::new(ledger.keeping(DecisionsKept { max: 500 }));
    world.worker = world.ledger.join(WorkerId(0));
    let operator = Operator::new(Arc::clone(&world.ledger), Box::new(NoStore::default()));
    let settings = vec![("RETRY_AFTER", "exact".to_owned())];
    let around = Surroundings { health: health.clone(), registry: registry.clone(), settings };
    world.operator = Arc::new(operator.surrounded_by(around));
    world.health = health;
    world
}

/// What both APIs say, which is the same.
async fn system(world: &World) -> Value {
    let rest = parsed(&world.get(PATH).await);
    let served = grpc::serve(world).await;
    let answer = served.client().get_system(GetSystemRequest {}).await.expect("answered");
    assert_eq!(as_rest_has_it(answer.into_inner()), rest);
    rest
}

/// Without what is absent.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let there = fields.into_iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

fn as_rest_has_it(answer: GetSystemResponse) -> Value {
    let store = answer.store.expect("a store");
    let store = object([
        ("kind", json!(store.kind)),
        ("data_dir", json!(store.data_dir)),
        ("state", json!(store.state)),
        ("since", json!(store.since)),
    ]);
    let workers = answer.workers.into_iter().map(|of| {
        json!({
            "worker": of.worker, "node": of.node, "mode": of.mode, "version": of.version,
            "identity": of.identity, "since": of.since, "in_flight": of.in_flight,
        })
    });
    let kept = answer
        .decisions_kept
        .map(|kept| json!({"count": kept.count, "limit": kept.limit, "oldest": kept.oldest}));
    object([
        ("service", json!(answer.service)),
        ("version", json!(answer.version)),
        ("replica", json!(answer.replica)),
        ("time", json!(answer.time)),
        ("started", json!(answer.started)),
        ("status", json!(answer.status)),
        ("reasons", json!(Some(answer.reasons).filter(|reasons| !reasons.is_empty()))),
        ("store", store),
        ("replicas", json!(answer.replicas)),
        ("clients", json!(answer.clients)),
        ("limits", json!(answer.limits)),
        ("models", json!(answer.models)),
        ("open_requests", json!(answer.open_requests)),
        ("workers", workers.collect()),
        ("decisions", json!(answer.decisions)),
        ("ends", json!(answer.ends)),
        ("failures", json!(answer.failures)),
        ("decisions_kept", json!(kept)),
        ("event_listeners", json!(answer.event_listeners)),
        ("settings", json!(answer.settings)),
    ])
}

#[tokio::test]
async fn an_operator_alone_is_well_and_has_counted_nothing() {
    let world = World::new();
    let told = system(&world).await;
    assert_eq!(told["status"], json!("healthy"));
    assert_eq!(told["store"], json!({"kind": "memory"}));
    assert_eq!((&told["workers"], &told["decisions"]), (&json!([]), &json!({})));
    assert_eq!((&told["replicas"], &told["clients"]), (&json!(1), &json!(0)));
    assert_eq!(told["decisions_kept"], Value::Null);
    assert_eq!(told["started"], json!("2023-11-14T22:13:20.000Z"));
    assert_eq!(told["version"], json!(env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn what_is_connected_and_counted_is_told() {
    let registry = Registry::new();
    let metrics = StreamMetrics::register(&registry).expect("metrics");
    let world = surrounded(&registry, Health::ready());
    world.configure("acme", Some(1), None).await;
    let metrics = metrics.telling(Arc::clone(world.operator.events()));
    let hello = Hello {
        protocol_version: DECISION_PROTOCOL_VERSION,
        stream: 1,
        node: "envoy".to_owned(),
        mode: Mode::Shadow.into(),
        identity: IdentityKind::Header.into(),
        version: "1.2.3".to_owned(),
        ..Hello::default()
    };
    world.later(5_000);
    let greeting = Greeting::read(Some(&hello)).expect("a greeting");
    let name = format!("{:032x}", greeting.worker().0);
    let mut session = Session::start(greeting, Arc::clone(&world.ledger), metrics);
    let asks = (1..=3).map(|id| decision::Ask {
        id,
        who: Some(decision::ask::Who::ClientId("acme".to_owned())),
        tokens: Some(5),
        ..decision::Ask::default()
    });
    let frame = FilterFrame { hello: Some(hello), asks: asks.collect(), ..FilterFrame::default() };
    session.answer(frame).await.expect("a good frame");
    world.later(1_000);

    let told = system(&world).await;
    assert_eq!(
        told["workers"],
        json!([{
            "worker": &name[..8], "node": "envoy", "mode": "shadow", "version": "1.2.3",
            "identity": "header", "since": "2023-11-14T22:13:25.000Z", "in_flight": 1,
        }])
    );
    assert_eq!(told["decisions"]["admitted"], json!(1));
    assert_eq!(told["decisions"]["rpm_exceeded"], json!(2));
    assert_eq!(told["ends"]["completed"], json!(0));
    assert_eq!((&told["open_requests"], &told["clients"]), (&json!(1), &json!(1)));
    let kept = json!({"count": 3, "limit": 500, "oldest": "2023-11-14T22:13:20.000Z"});
    assert_eq!(told["decisions_kept"], kept);
    assert_eq!(told["settings"], json!({"RETRY_AFTER": "exact"}));

    session.close();
    assert_eq!(system(&world).await["workers"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_is_told_as_health_has_it_and_of_the_store_since_when() {
    let folder = tempfile::tempdir().expect("a folder");
    let health = Health::ready().kept_in(folder.path());
    let world = surrounded(&Registry::new(), health.clone());
    let path = folder.path().display().to_string();
    let told = system(&world).await;
    assert_eq!(told["store"], json!({"kind": "data_dir", "data_dir": path, "state": "ok"}));

    health.degrade(Part::Journal, "the disk is full".to_owned());
    let told = system(&world).await;
    assert_eq!(
        (&told["status"], &told["reasons"]),
        (&json!("degraded"), &json!(["the disk is full"]))
    );
    assert_eq!(told["store"]["state"], json!("away"));
    let since = told["store"]["since"].as_str().expect("a time").to_owned();
    health.degrade(Part::Journal, "the disk is still full".to_owned());
    let told = system(&world).await;
    assert_eq!(told["store"]["since"], json!(since), "it is away since then");
    assert_eq!(told["reasons"], json!(["the disk is still full"]));

    health.recover(Part::Journal);
    health.degrade(Part::Tls, "a certificate has expired".to_owned());
    let told = system(&world).await;
    assert_eq!((&told["store"]["state"], &told["store"]["since"]), (&json!("ok"), &Value::Null));
    let of_health = parsed(&world.get("/health").await);
    for field in ["service", "version", "status", "reasons"] {
        assert_eq!(told[field], of_health[field], "{field}");
    }
    assert_eq!(told["store"]["data_dir"], of_health["data_dir"]);
    health.stop();
    assert_eq!(system(&world).await["status"], json!("stopping"));
}

#[tokio::test]
async fn decisions_that_are_kept_are_counted_up_to_their_bound() {
    let world = surrounded(&Registry::new(), Health::ready());
    world.configure("acme", None, None).await;
    for id in 1..=2_000 {
        let kind = RequestKind::Generates;
        let ask = Ask { id, client: "acme", estimate: Some(Tokens::ONE), kind, model: None };
        world.ledger.decide(&world.worker, &[ask]).now_or_never().expect("at once");
    }
    let kept = system(&world).await["decisions_kept"].clone();
    let count = kept["count"].as_u64().expect("a number");
    assert!((500..=520).contains(&count), "{kept}");
    assert_eq!(kept["limit"], json!(500));
}
