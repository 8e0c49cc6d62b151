//! Grafana's dashboard without a Grafana: Grafana's own linter, the fields that Grafana knows, and
//! what else an operator needs to read it at night.
//!
//! That each query answers is shown on a running stack, in `grafana_dashboard.rs`.

mod fields;
mod layout;
mod links;
mod linter;
mod queries;
