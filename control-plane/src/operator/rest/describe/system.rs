//! How a control plane is.

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder};

use super::parts::{count, described, list, map, object, text, time, with, word};
use crate::{events::WORKERS_MAX, operator::StoreKind};

described! {
    /// How a control plane is, and what it is connected to.
    System = with(
        [
            "service",
            "version",
            "replica",
            "time",
            "started",
            "status",
            "store",
            "replicas",
            "clients",
            "limits",
            "models",
            "open_requests",
            "workers",
            "decisions",
            "ends",
            "failures",
            "event_listeners",
            "settings",
        ],
        object()
            .property("service", text())
            .property("version", text())
            .property("replica", text())
            .property("time", time())
            .property("started", time())
            .property("status", word(["healthy", "degraded", "stopping"]))
            .property("reasons", ArrayBuilder::new().items(text()))
            .property("store", store())
            .property("replicas", count())
            .property("clients", count())
            .property("limits", count())
            .property("models", count())
            .property("open_requests", count())
            .property("workers", list(worker(), WORKERS_MAX))
            .property("decisions", map(text(), count()).description(Some("By outcome.")))
            .property("ends", map(text(), count()).description(Some("By outcome.")))
            .property("failures", map(text(), count()))
            .property("decisions_kept", kept())
            .property("event_listeners", count())
            .property("settings", map(text(), text())),
    );
}

fn store() -> ObjectBuilder {
    let kinds = [StoreKind::DataDir, StoreKind::Memory, StoreKind::Shared];
    with(
        ["kind"],
        object()
            .property("kind", word(kinds.map(StoreKind::word)))
            .property("data_dir", text())
            .property("state", word(["ok", "away"]))
            .property("since", time()),
    )
}

fn worker() -> ObjectBuilder {
    with(
        ["worker", "node", "mode", "version", "identity", "since", "in_flight"],
        object()
            .property("worker", text().description(Some("The beginning of its name.")))
            .property("node", text().description(Some("What its Envoy calls itself.")))
            .property("mode", word(["enforce", "shadow"]))
            .property("version", text())
            .property("identity", word(["header", "api-key", "jwt", "mtls"]))
            .property("since", time())
            .property("in_flight", count()),
    )
}

fn kept() -> ObjectBuilder {
    with(
        ["count", "limit", "oldest"],
        object().property("count", count()).property("limit", count()).property("oldest", time()),
    )
}
