//! TLS on every port of a real control plane, and between it and real Envoys.

mod ports;
mod rotation;
mod several;
mod world;
