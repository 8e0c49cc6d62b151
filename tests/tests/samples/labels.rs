//! The labels of what the filter counts, which the alerts and the dashboard need.

use harness::envoy::Envoy;
use harness::prometheus::Prometheus;

use crate::sample;
use crate::world::World;

/// Envoy's own page has them.
pub(crate) async fn are_on_the_page(envoy: &Envoy) {
    let page = envoy.metrics("flowguard_").await;
    for (name, label, value) in [
        ("flowguard_decisions", "outcome", "admitted"),
        ("flowguard_failures", "cause", "timeout"),
        ("flowguard_stream", "state", "open"),
    ] {
        assert!(page.value(name, &[(label, value)]).is_some(), "{name}{{{label}=\"{value}\"}}");
    }
}

/// Prometheus makes them by `metric-relabelings.yaml`, and leaves all other names alone.
pub(crate) async fn are_made_by_prometheus(world: &World, envoy: &Envoy) {
    let relabelings = sample::document(&sample::file("metric-relabelings.yaml"));
    let prometheus = Prometheus::start_relabelling(
        world.control_plane.metrics_address(),
        &[envoy.admin_address()],
        &relabelings["metric_relabel_configs"],
        world.folder.path(),
    )
    .await;
    prometheus.wait_for(r#"flowguard_decisions{outcome="rpm_exceeded"}"#, 1.0).await;
    prometheus.wait_for(r#"flowguard_failures{cause="timeout"}"#, 0.0).await;
    prometheus.wait_for(r#"flowguard_stream{state="open"}"#, 1.0).await;
    prometheus.wait_for("count(flowguard_decision_wait_microseconds_count)", 1.0).await;
    let left_over = prometheus
        .query(r#"{job="envoy",__name__=~"flowguard_(decisions|failures|stream|workers)_.+"}"#)
        .await;
    assert_eq!(left_over, [], "all have their labels");
}
