//! Events: what those who listen are told, in which order, and what it costs everybody else.

mod config;
mod figures;
mod many;
mod places;
mod resume;
mod workers;
mod world;
