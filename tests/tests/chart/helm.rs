//! Helm, called as a library.

use std::path::PathBuf;
use std::sync::OnceLock;

use harness::tools;
use repository::chart::call;
use serde_json::{Value, json};

/// The oldest Kubernetes that Chart.yaml allows, and the newest whose schemas are known.
const KUBERNETES: [&str; 2] = ["1.27", "1.37"];

/// What the chart makes of some values.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) objects: Vec<Value>,
    /// What Kubernetes' schemas object to, by object.
    pub(crate) objections: Vec<Value>,
    pub(crate) notes: String,
}

impl Rendered {
    /// All objects of one kind.
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        self.objects.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The one object of this kind and name.
    pub(crate) fn one(&self, kind: &str, name: &str) -> &Value {
        let found = self.all(kind);
        let found = found.into_iter().find(|object| object["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {kind} {name}"))
    }
}

pub(crate) fn chart() -> PathBuf {
    tools::workspace().join("helm/flowguard")
}

/// What must be said before anything runs: where the images and the tokens are, and who may ask for
/// decisions.
pub(crate) fn least() -> Value {
    json!({
        "image": { "repository": "registry.example/flowguard" },
        "auth": { "admin": { "secret": "admin-token" }, "decide": { "secret": "envoy-token" } },
        "networkPolicy": { "decisionsFrom": [{ "podSelector": { "matchLabels": { "app": "gateway" } } }] },
    })
}

/// Everything that can be switched on.
pub(crate) fn everything() -> Value {
    let peer = |app: &str| json!([{ "podSelector": { "matchLabels": { "app": app } } }]);
    let placement = json!({
        "podAnnotations": { "a": "b" },
        "podLabels": { "team": "llm" },
        "nodeSelector": { "kubernetes.io/arch": "amd64" },
        "tolerations": [{ "key": "llm", "operator": "Exists" }],
        "affinity": { "nodeAffinity": {} },
        "topologySpreadConstraints": [
            { "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway" },
        ],
        "priorityClassName": "high",
    });
    let mut values = json!({
        "image": {
            "repository": "registry.example:5000/llm/flowguard",
            "digest": format!("sha256:{}", "a".repeat(64)),
        },
        "imagePullSecrets": [{ "name": "registry" }],
        "auth": {
            "admin": { "secret": "tokens", "key": "admin" },
            "decide": { "secret": "tokens", "key": "envoy" },
            "metrics": { "secret": "tokens", "key": "prometheus" },
        },
        "settings": { "UPSTREAM_URL": "https://llm.example.com/v1", "MIN_ESTIMATE": 1_000_000 },
        "clients": { "alice": { "rpm": 60, "tpm": 1_000_000_000_000_u64 } },
        "persistence": { "storageClass": "fast", "annotations": { "backup": "yes" } },
        "extraEnv": [{ "name": "TZ", "value": "UTC" }],
        "networkPolicy": {
            "decisionsFrom": peer("gateway"),
            "apisFrom": peer("console"),
            "metricsFrom": peer("prometheus"),
            "proxyFrom": peer("applications"),
        },
        "podMonitor": { "enabled": true, "labels": { "release": "prometheus" } },
        "prometheusRule": { "enabled": true, "labels": { "release": "prometheus" } },
        "envoy": {
            "enabled": true,
            "configImage": { "repository": "registry.example/envoy-config", "tag": "1.2.3" },
            "service": { "type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"] },
            "extraVolumes": [{ "name": "ca", "configMap": { "name": "ca" } }],
            "extraVolumeMounts": [{ "name": "ca", "mountPath": "/etc/ca", "readOnly": true }],
        },
    });
    for (name, value) in placement.as_object().expect("an object") {
        values[name] = value.clone();
        values["envoy"][name] = value.clone();
    }
    values
}

/// A chart that keeps nothing, of a cluster that chooses who runs it.
pub(crate) fn without_a_volume() -> Value {
    let mut values = least();
    values["persistence"] = json!({ "enabled": false });
    values["securityContext"] = json!({ "runAsUser": null, "runAsGroup": null, "fsGroup": null });
    values["networkPolicy"] = json!({ "enabled": false });
    values["podDisruptionBudget"] = json!({ "enabled": false });
    values["clientsConfigMap"] = json!("llm-clients");
    values["auth"] = json!({});
    values["settings"] = json!({ "ADMIN_AUTH": "off", "DECIDE_AUTH": "off" });
    values
}

/// Control planes that share a store, with Envoys of the chart.
pub(crate) fn sharing() -> Value {
    let mut values = least();
    values["replicaCount"] = json!(3);
    values["settings"] = json!({ "STORE_URL": "rediss://redis.stores.svc:6379" });
    values["store"] = json!({
        "password": { "secret": "redis-password" },
        "ca": { "secret": "redis-ca", "key": "tls.crt" },
    });
    values["networkPolicy"]["storeTo"] =
        json!([{ "podSelector": { "matchLabels": { "app": "redis" } } }]);
    values["envoy"] = json!({ "enabled": true, "configImage": { "repository": "config" } });
    values
}

/// What the chart makes of the four above, in this order, and what Kubernetes objects to. Each judgement takes a
/// quarter of a second, so that both versions judge everything, and one of them the others.
pub(crate) fn renderings() -> &'static [Rendered; 4] {
    static RENDERED: OnceLock<[Rendered; 4]> = OnceLock::new();
    RENDERED.get_or_init(|| {
        let [oldest, newest] = KUBERNETES;
        let judged: [(Value, &[&str]); 4] = [
            (least(), &[newest]),
            (everything(), &[oldest, newest]),
            (without_a_volume(), &[oldest]),
            (sharing(), &[oldest, newest]),
        ];
        let render = |(values, judges): (Value, &[&str])| {
            rendered(&values, judges).unwrap_or_else(|refusal| panic!("{values}: {refusal}"))
        };
        judged.map(render)
    })
}

pub(crate) fn render(values: &Value) -> Rendered {
    try_render(values).unwrap_or_else(|refusal| panic!("Helm refuses {values}: {refusal}"))
}

/// What the chart makes of these values, or how Helm refuses them.
pub(crate) fn try_render(values: &Value) -> Result<Rendered, String> {
    rendered(values, &[])
}

fn rendered(values: &Value, judges: &[&str]) -> Result<Rendered, String> {
    let chart = chart();
    let mut arguments = vec!["render", chart.to_str().expect("a path in UTF-8")];
    arguments.extend(judges);
    let mut answer = call(&arguments, values)?;
    let documents = answer["objects"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let (objects, objections) = documents
        .into_iter()
        .map(|mut one| (one["object"].take(), one["objections"].take()))
        .unzip();
    Ok(Rendered { objects, objections, notes: answer["notes"].as_str().unwrap_or("").to_owned() })
}

/// Of each of these changes to the least values, by the path of what is changed, why Helm refuses
/// it. The program is started once for all of them.
pub(crate) fn refusals<'a>(changes: &[(&'a str, Value)]) -> Vec<(&'a str, String)> {
    let tried = changes.iter().map(|(path, value)| {
        let mut values = least();
        let mut place = &mut values;
        for name in path.split('.') {
            place = &mut place[name];
        }
        *place = value.clone();
        values
    });
    let chart = chart();
    let arguments = ["refusals", chart.to_str().expect("a path in UTF-8")];
    let answer = call(&arguments, &tried.collect()).unwrap_or_else(|error| panic!("{error}"));
    let answers = answer.as_array().expect("a list of refusals");
    assert_eq!(answers.len(), changes.len());
    let refusal = |((path, value), answer): (&(&'a str, Value), &Value)| {
        let refusal = answer.as_str().unwrap_or_else(|| panic!("Helm takes {path}={value}"));
        (*path, refusal.to_owned())
    };
    changes.iter().zip(answers).map(refusal).collect()
}
