//! The samples of `envoy/`, each on a real Envoy: they limit what they are to limit, and a neighbour
//! on the same Envoy notices nothing.
//!
//! istiod and Envoy Gateway are not run here: what they would make of a sample is made by the test,
//! as their own sources do it, and then run on a real Envoy. What the samples say to Kubernetes is
//! checked against lists of the fields that those resources have.

mod config;
mod echo;
mod envoy_gateway;
mod existing_envoy;
mod fields;
mod istio;
mod istiod;
mod labels;
mod limited;
mod merge;
mod neighbour;
mod sample;
mod who_asks;
mod world;
