//! The decision stream over a real connection, and a worker's session by itself.

mod filters;
mod frames_fuzz;
mod identity;
mod resume;
mod session;
mod several;
mod stream;
mod world;
