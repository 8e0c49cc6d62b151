//! The Helm chart: what real Helm makes of it, what Kubernetes' own schemas say to that, and what the
//! real programs do that are started as its pods say.
//!
//! There is no cluster: that pods are scheduled, that volumes are mounted and that network policies
//! are obeyed is not shown here.

mod helm;
mod objects;
mod pod;
mod readme;
mod running;
mod security;
mod settings;
mod sharing;
mod tls;
mod values;
