//! A control plane without a process and without a port, with one client.

use std::sync::{Arc, OnceLock};

use flowguard::{
    clients::{ClientConfig, Identity},
    ledger::{Ledger, ManualClock, Policy},
    limits::{Group, Name},
    operator::{Caller, Draft, Operator, Precondition},
    store::NoStore,
};
use limiter::{PerMinute, Tokens, UnixMillis};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// The client that there is.
pub(crate) const CLIENT: &str = "a";

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// More than one input can make.
const CLIENTS_MAX: usize = 1_000;

/// Where writes run.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_current_thread().enable_time().build().expect("a runtime without IO")
    })
}

/// An operator who has configured [`CLIENT`].
pub(crate) async fn operator() -> Arc<Operator> {
    let ledger = Ledger::new(Policy::default(), ManualClock::at(NOW));
    let operator = Arc::new(Operator::new(Arc::new(ledger), Box::new(NoStore::default())));
    let draft = Draft::new(CLIENT, Some(60), Some(1_000));
    operator
        .set(draft, Precondition::Anything, &Caller::Process)
        .await
        .expect("the draft is valid");
    operator
}

/// What a JSON object says of a client when all that it leaves out is filled in.
pub(crate) fn fields(object: &Value) -> Value {
    let enabled = object.get("enabled").cloned().unwrap_or(Value::Bool(true));
    let fields = ["rpm", "tpm", "min_estimate", "group", "plan"];
    let [rpm, tpm, min_estimate, group, plan] = fields.map(|name| &object[name]);
    let identities = &object["identities"];
    let identities = if *identities == json!([]) { &Value::Null } else { identities };
    json!({
        "rpm": rpm,
        "tpm": tpm,
        "enabled": enabled,
        "min_estimate": min_estimate,
        "group": group,
        "plan": plan,
        "identities": identities,
    })
}

/// The same of a configuration.
pub(crate) fn fields_of(config: &ClientConfig) -> Value {
    let ClientConfig { limits, enabled, min_estimate, group, plan, identities, .. } = config;
    let identities = identities.as_slice().iter().map(Identity::as_str);
    let identities: Vec<_> = identities.collect();
    json!({
        "rpm": limits.rpm.map(PerMinute::get),
        "tpm": limits.tpm.map(PerMinute::get),
        "enabled": enabled,
        "min_estimate": min_estimate.map(Tokens::get),
        "group": group.as_ref().map(Group::as_str),
        "plan": plan.as_ref().map(Name::as_str),
        "identities": Some(identities).filter(|list| !list.is_empty()),
    })
}

/// All configurations in force, by id.
pub(crate) fn configs(operator: &Operator) -> Vec<ClientConfig> {
    operator.configs_after(None, CLIENTS_MAX, &Caller::Process)
}
